"""A run in parts: what `--shard` does, and the command `merge`. Imports nothing heavy at start."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from thbench.cli.options import engine_options
from thbench.cli.output import show

if TYPE_CHECKING:
    from thbench.api import Engine
    from thbench.run.job import Job
    from thbench.suite.split import Split


def run_shard(
    job: Job,
    split: Split,
    engine: Engine,
    text: str,
    generating: bool,
    scoring: bool,
    retry_failed: bool,
) -> None:
    """One shard's part of the stages; results are written when all are merged."""
    from thbench.pipeline import run_generate, run_observe
    from thbench.run.shards import parse_shard, part_of, shard_locked

    shard = parse_shard(text)
    job = replace(job, run=replace(job.run, shard=shard))
    with shard_locked(job, split):
        if generating:
            run_generate(job, split, engine, retry_failed=retry_failed, scoring=scoring)
        if scoring:
            run_observe(job, split, engine)
    n = len(part_of(split, shard).clips)
    click.echo(f"shard {shard}: {n} of {len(split.clips)} clips; when all shards are done:")
    click.echo(f"  thbench merge {shlex.quote(str(job.run.root))}")


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@engine_options
def merge(folder: Path, workers: int, engine: str, address: str | None) -> None:
    """Join the shards of RUN and write what an undivided run would have written.

    Refuses where a shard has not finished, and names it. Observations that are not in this machine's
    cache are made anew; nothing is generated.
    """
    from thbench.engines import engine_for, serving
    from thbench.pipeline import run_score
    from thbench.plugins.discovery import registry
    from thbench.run.folder import RunFolder
    from thbench.run.job import Job, suite_of
    from thbench.run.shards import check_complete, fold, forget, planned
    from thbench.suite.split import split_of

    document, settings = planned(folder)
    job = Job(secrets.token_hex(8), document, RunFolder(folder.absolute()), settings)
    split = split_of(suite_of(job), registry(), settings)
    where = engine_for(workers, settings, engine, address)
    with job.run.locked(), serving(where, job.run.root):
        check_complete(job, split)
        fold(job.run)
        results = run_score(job, split, where)
        forget(job.run)
    show(results, folder)
