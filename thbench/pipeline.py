"""The stages joined by files: split, generate, score, results, leaderboard."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from thbench.api import Engine
from thbench.engines import serving
from thbench.environment import apply_threads
from thbench.files.atomic import atomic_write
from thbench.generate.stage import generate
from thbench.plugins.sources import MEDIA, code_digest
from thbench.published.page import page_of
from thbench.results.document import Result
from thbench.results.finished import finished_rows, tables_of
from thbench.run.events import died_at
from thbench.run.folder import Shard, write_clips
from thbench.run.job import Job, Order, suite_of
from thbench.run.shards import (
    check_complete,
    fold,
    forget,
    parse_shard,
    part_of,
    shard_locked,
    shards_in,
)
from thbench.score.cards import write_cards
from thbench.score.columns import columns_of
from thbench.score.documents import write_results
from thbench.score.observe import observer
from thbench.score.stage import observe_part, score
from thbench.suite import Suite
from thbench.suite.split import Split, split_of
from thbench.tables.build import leaderboard_json


@dataclass(frozen=True)
class Stages:
    """Which stages of a run are asked for; `regenerate` names systems whose videos are made anew."""

    generate: bool = True
    score: bool = True
    regenerate: Sequence[str] = ()
    retry_failed: bool = False


def run_stages(
    job: Job,
    split: Split,
    engine: Engine,
    stages: Stages,
    died: Callable[[str], None] | None = None,
) -> list[Result]:
    """The stages that are asked for, under the run's lock; results of scoring, else none.

    `died` is told where the last command on this folder was killed, if it was.
    """
    with job.run.locked(), serving(engine, job.run.root):
        if died and (place := died_at(job.run.root / "events.jsonl")):
            died(place)
        parts = shards_in(job.run)
        fold(job.run)
        forget(job.run)
        if stages.generate:
            run_generate(
                job, split, engine, None, stages.regenerate, stages.retry_failed, stages.score
            )
        return run_score(job, split, engine, parts=parts) if stages.score else []


def run_shard(job: Job, split: Split, engine: Engine, text: str, stages: Stages) -> Shard:
    """One shard's part of the stages; results are written when all are merged."""
    shard = parse_shard(text)
    job = replace(job, run=replace(job.run, shard=shard))
    with serving(engine, job.run.root), shard_locked(job, split):
        if stages.generate:
            run_generate(job, split, engine, retry_failed=stages.retry_failed, scoring=stages.score)
        if stages.score:
            run_observe(job, split, engine)
    return shard


def merge_shards(job: Job, engine: Engine) -> list[Result]:
    """Join finished shards and write the results. Raises UserError where a shard has not finished."""
    split = split_of(suite_of(job), job.settings)
    with job.run.locked(), serving(engine, job.run.root):
        check_complete(job, split)
        parts = shards_in(job.run)
        fold(job.run)
        results = run_score(job, split, engine, parts=parts)
        forget(job.run)
    return results


def run_generate(
    job: Job,
    split: Split,
    engine: Engine,
    order: Order | None = None,
    regenerate: Sequence[str] = (),
    retry_failed: bool = False,
    scoring: bool = False,
) -> None:
    """Make every video that is not there yet; `regenerate` names systems to make anew.

    Where `scoring` comes next it begins meanwhile if workers share an accelerator: one uses it while
    another observes. CPUs alone are never idle; there it would only decode references once more for
    every system.
    """
    apply_threads(job.settings.threads)
    _claim(job, split)
    for name in regenerate:
        shutil.rmtree(job.run.system(name).path, ignore_errors=True)
    with serving(engine, job.run.root):
        shared = engine.workers > 1 and not job.settings.device.startswith("cpu")
        overlap = scoring and shared
        generate(job, split, engine, order, retry_failed, observer(job) if overlap else None)


def run_score(
    job: Job,
    split: Split,
    engine: Engine,
    order: Order | None = None,
    parts: Sequence[Shard] = (),
) -> list[Result]:
    """Score every video there is and write results and leaderboard; `parts` are shards joined just now."""
    apply_threads(job.settings.threads)
    _claim(job, split)
    with serving(engine, job.run.root):
        scored = score(job, split, engine, order, parts)
    columns = columns_of(job)
    results = write_results(job, columns, split, scored)
    write_cards(job, columns, scored)
    if results:
        _, clips = tables_of(finished_rows(job.run.root))
        atomic_write(job.run.root / "leaderboard.json", leaderboard_json(results, clips))
        atomic_write(job.run.root / "leaderboard.md", page_of(job.run.root, results, clips))
    return results


def run_observe(job: Job, split: Split, engine: Engine) -> None:
    """The part of `run_score` that a shard can do: observe its own clips."""
    apply_threads(job.settings.threads)
    _claim(job, split)
    with serving(engine, job.run.root):
        observe_part(job, part_of(split, job.run.shard), engine)


def _claim(job: Job, split: Split) -> None:
    """A run folder belongs to what decides its references: dataset, split, seed, identity frame."""
    suite: Suite = suite_of(job)
    described = {
        "dataset": suite.dataset.plugin.name,
        "dataset identity": suite.dataset.identity,
        "dataset code": suite.dataset.sources,
        "media code": code_digest(*MEDIA),
        "clips": [c.id for c in split.clips],
        "seed": suite.seed,
        "identity_frame": str(suite.identity_frame),
    }
    if job.settings.decode != "exact":
        described["decode"] = job.settings.decode
    remedy = "--out FOLDER keeps both; or remove that folder"
    is_empty = next(job.run.root.rglob("journal.jsonl"), None) is None
    job.run.claim("suite.json", described, remedy, is_empty)
    write_clips(job.run.root, split.clips)
