"""`thbench merge`: join the shards of a run. Imports nothing heavy at start."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import click

from thbench.cli.options import all_option, available_option, engine_options, gpus_of
from thbench.cli.output import show_results


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@engine_options
@available_option
@all_option
def merge(
    folder: Path,
    workers: int,
    engine: str,
    address: str | None,
    gpus: str | None,
    available: bool,
    all_columns: bool,
) -> None:
    """Join the shards of RUN and write what an undivided run would have written.

    Refuses where a shard has not finished, and names it. Observations that are not in this machine's
    cache are made anew; nothing is generated.
    """
    from thbench.engines import engine_for
    from thbench.pipeline import merge_shards
    from thbench.results.finished import finished_rows
    from thbench.run.folder import RunFolder
    from thbench.run.job import Job, suite_of
    from thbench.run.plan import lacks_apart
    from thbench.run.shards import is_merged, planned

    if is_merged(folder):
        click.echo(f"{folder} has no shards left: it is merged", err=True)
        show_results([row.result for row in finished_rows(folder)], folder)
        return
    document, settings = planned(folder)
    job = Job(secrets.token_hex(8), document, RunFolder(folder.absolute()), settings)
    left_out = lacks_apart(suite_of(job), settings)[1] if available else {}
    job = replace(job, lacking=left_out)
    show_results(
        merge_shards(
            job,
            engine_for(
                workers, settings, engine, address, gpus_of({"gpus": gpus, "workers": workers})
            ),
        ),
        folder,
        left_out,
        all_columns,
    )
