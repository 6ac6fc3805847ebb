"""Requests -> videos + journal. Resumes at clip granularity; a generator never sees the target.

Three steps for every resolution of the suite: references are stored once, controls are derived
from them, systems answer requests made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from thbench import controls
from thbench.answers import answer_batch
from thbench.api import Engine
from thbench.context import plugin_identity
from thbench.journal import Journal
from thbench.options import file_digests
from thbench.plugins import registry
from thbench.progress import Progress
from thbench.references import store_control, store_reference
from thbench.runfolder import Record, VideoFolder, reference_mark
from thbench.split import Split
from thbench.suite import System
from thbench.work import Job, suite_of

Arrange = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class Order:
    """In which order work is done; results do not depend on it, and a test reverses it to prove that."""

    arrange: Arrange = list


def generate(
    job: Job,
    split: Split,
    engine: Engine,
    order: Order | None = None,
    retry_failed: bool = False,
) -> None:
    """Make every video of the run that is not there yet."""
    order = order or Order()
    suite = suite_of(job)
    for size in suite.resolutions:
        make_references(job, split, size, engine, order)
        for name in suite.controls:
            if name != controls.HALVES:
                make_control(job, split, size, name, engine, order)
    for system in suite.systems:
        make_system(job, split, system, engine, order, retry_failed)


def make_references(job: Job, split: Split, size: int, engine: Engine, order: Order) -> None:
    folder = job.run.references(size)
    done = folder.finished()
    todo = order.arrange([(size, c.id) for c in split.clips if c.id not in done])
    _run(job, folder.journal, partial(store_reference, job), todo, engine, f"references {size} px")


def make_control(
    job: Job, split: Split, size: int, name: str, engine: Engine, order: Order
) -> None:
    references = job.run.references(size).finished()
    folder = job.run.control(size, name)
    partner = controls.partners(split.clips)
    todo = [
        (size, name, references[c], references.get(partner.get(c, "")))
        for c in _answerable(folder, folder.finished(references), references, split, order)
    ]
    _run(job, folder.journal, partial(store_control, job), todo, engine, f"{name} {size} px")


def make_system(
    job: Job, split: Split, system: System, engine: Engine, order: Order, retry_failed: bool = False
) -> None:
    """Ask the system for every clip it has not answered; `retry_failed` asks again where it failed."""
    folder = job.run.system(system.name)
    _claim(job, system)
    references = job.run.references(system.resolution).finished()
    done = folder.finished(references)
    if retry_failed:
        done = {clip: r for clip, r in done.items() if "failure" not in r}
    ready = [references[c] for c in _answerable(folder, done, references, split, order)]
    n = job.settings.batch
    batches = [(system.name, tuple(ready[i : i + n])) for i in range(0, len(ready), n)]
    work = partial(answer_batch, job)
    _run(job, folder.journal, work, batches, engine, f"generate {system.name}", len(ready))


def _claim(job: Job, system: System) -> None:
    """Videos made by another generator, other options or other code are never taken for this system's."""
    if system.part is None:
        return
    registered, options = system.part.registered, system.part.options
    described = {
        "system": plugin_identity(registered, options, registry()),
        "files": file_digests(registered.plugin, options),
        "resolution": system.resolution,
        "oracle": list(system.oracle),
        "source": registered.source_digest,
        "numerics": job.settings.numerics(),
    }
    remedy = f"--regenerate {system.name} makes its videos anew; --out FOLDER keeps both"
    job.run.claim(f"systems/{system.name}/system.json", described, remedy)


def _answerable(
    folder: VideoFolder,
    done: Mapping[str, Record],
    references: Mapping[str, Record],
    split: Split,
    order: Order,
) -> list[str]:
    """Clips still to be made; those without a reference are recorded as failures at once."""
    todo = order.arrange([c.id for c in split.clips if c.id not in done])
    for clip in todo:
        if reason := references[clip].get("failure"):
            record = {"clip": clip, "failure": f"no reference: {reason}"}
            folder.journal.append({**record, "reference": reference_mark(references[clip])})
    return [c for c in todo if "failure" not in references[c]]


def _run(
    job: Job,
    journal: Journal,
    work: Callable[[Any], tuple[list[Record], Record]],
    tasks: list[Any],
    engine: Engine,
    label: str,
    total: int | None = None,
) -> None:
    """Let the engine work; this process alone writes the journal, one line as each clip is finished."""
    timings = Journal(job.run.root / "timings.jsonl", key="stage")
    with Progress(label, len(tasks) if total is None else total) as progress:
        for _, (records, timing) in engine.map(work, tasks):
            for record in records:
                journal.append(record)
            timings.append({"stage": label, **timing})
            progress.advance(len(records))
