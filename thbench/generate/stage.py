"""Requests -> videos + journal. Resumes at clip granularity; a generator never sees the target.

Three steps for every resolution of the suite: references are stored once, controls are derived
from them, systems answer requests made from them. On a GPU, the worker that generated a batch also
observes it, while another worker generates the next batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from thbench import controls
from thbench.api import Clip, Engine
from thbench.files.journal import Journal
from thbench.generate.answers import answer_batch
from thbench.generate.references import store_control, store_reference
from thbench.plugins.options import file_digests
from thbench.plugins.sources import MEDIA, code_digest
from thbench.progress import Progress
from thbench.run.events import Log, Logged
from thbench.run.folder import Record, VideoFolder, reference_mark
from thbench.run.job import Job, Order, suite_of
from thbench.run.shards import part_of, with_partners
from thbench.suite import Part, System
from thbench.suite.split import Split

Observe = Callable[[Clip, Record, Mapping[str, Record]], Record | None]
"""Observes a clip with its reference and the records of its videos, by row; returns the timing."""
Batch = tuple[str, tuple[Record, ...], tuple[tuple[Clip, Mapping[str, Record]], ...]]
"""System, references, and for each of these that is observed with its answer: clip and controls."""


def generate(
    job: Job,
    split: Split,
    engine: Engine,
    order: Order | None = None,
    retry_failed: bool = False,
    observe: Observe | None = None,
) -> None:
    """Make every video of the run, or of the job's shard of it, that is not there yet.

    With `observe` workers go on to that with each clip that a system has answered.
    """
    order = order or Order()
    suite = suite_of(job)
    part, partner = part_of(split, job.run.shard), controls.partners(split.clips)
    for size in suite.resolutions:
        needed = with_partners(split, part, suite.controls)
        make_references(job, needed, size, engine, order, retry_failed)
        for name in suite.controls:
            if name != controls.HALVES:
                make_control(job, part, partner, size, name, engine, order)
    for system in suite.systems:
        if job.lack(system) is None:
            make_system(job, part, system, engine, order, retry_failed, observe)


def make_references(
    job: Job, split: Split, size: int, engine: Engine, order: Order, retry_failed: bool = False
) -> None:
    folder = job.run.references(size)
    done = folder.answered(None, retry_failed, _root_of(suite_of(job).dataset))
    todo = order.arrange([(size, c.id) for c in split.clips if c.id not in done])
    stage = Stage(f"references {size} px", _clip_of_reference)
    _run(job, folder.journal, partial(store_reference, job), todo, engine, stage, len(done))


def make_control(
    job: Job,
    split: Split,
    partner: Mapping[str, str],
    size: int,
    name: str,
    engine: Engine,
    order: Order,
) -> None:
    references = job.run.references(size).finished()
    folder = job.run.control(size, name)
    done = folder.finished(references)
    todo = [
        (size, name, references[c], references.get(partner.get(c, "")))
        for c in _answerable(folder, done, references, split, order)
    ]
    stage = Stage(f"{name} {size} px", _clip_of_control, name)
    _run(job, folder.journal, partial(store_control, job), todo, engine, stage, len(done))


def make_system(
    job: Job,
    split: Split,
    system: System,
    engine: Engine,
    order: Order,
    retry_failed: bool = False,
    observe: Observe | None = None,
) -> None:
    """Ask the system for every clip it has not answered; `retry_failed` asks again where it failed."""
    folder = job.run.system(system.name)
    _claim(job, system)
    references = job.run.references(system.resolution).finished()
    done = folder.answered(references, retry_failed, _root_of(system.part))
    ready = [references[c] for c in _answerable(folder, done, references, split, order)]
    n, stage = job.settings.batch, Stage(f"generate {system.name}", _clips_of_batch, system.name)
    beside = _controls(job, split, system.resolution) if observe and ready else {}
    batches = [_batch(system.name, ready[i : i + n], beside) for i in range(0, len(ready), n)]
    work = partial(answer_batch, job)
    deadly = _run(job, folder.journal, work, batches, engine, stage, len(done), True, observe)
    if deadly:  # retry the clips of a crashed batch one at a time, to find the one that crashes
        single = [_batch(system.name, [r], {}) for _, batch, _ in deadly for r in batch]
        _run(job, folder.journal, work, single, engine, stage, len(done))


def _root_of(part: Part | None) -> Path | None:
    """Where the media of a dataset or of a folder of videos lie; None for a plugin without such a place."""
    root = getattr(part.options, "root", None) if part else None
    return root if isinstance(root, Path) else None


def _batch(
    system: str, references: list[Record], beside: Mapping[str, tuple[Clip, Mapping[str, Record]]]
) -> Batch:
    seen = tuple(beside[r["clip"]] for r in references) if beside else ()
    return system, tuple(references), seen


def _controls(job: Job, split: Split, size: int) -> dict[str, tuple[Clip, Mapping[str, Record]]]:
    """Every clip with the records of its controls."""
    names = [name for name in suite_of(job).controls if name != controls.HALVES]
    stored = {name: job.run.control(size, name).stored() for name in names}
    return {
        c.id: (c, {name: of[c.id] for name, of in stored.items() if c.id in of})
        for c in split.clips
    }


def _claim(job: Job, system: System) -> None:
    """Videos made by another generator, other options or other code are never taken for this system's."""
    if system.part is None:
        return
    registered, options = system.part.registered, system.part.options
    described = {
        "system": system.part.identity,
        "files": file_digests(registered.plugin, options),
        "resolution": system.resolution,
        "oracle": list(system.oracle),
        "source": system.part.sources,
        "media code": code_digest(*MEDIA),
        "numerics": job.settings.numerics(),
    }
    if system.given != "image":  # decides how copies are found
        described["given"] = system.given
    remedy = f"--regenerate {system.name} makes its videos anew; --out FOLDER keeps both"
    is_empty = not job.run.system(system.name).records()
    job.run.claim(f"systems/{system.name}/system.json", described, remedy, is_empty)


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


@dataclass(frozen=True)
class Followed:
    """`work` on a batch, then the observation of its clips by the same worker."""

    work: Callable[[Any], tuple[list[Record], Record]]
    observe: Observe

    def __call__(self, task: Batch) -> tuple[list[Record], Record]:
        records, timing = self.work(task)
        name, references, beside = task
        timings = [
            self.observe(clip, reference, {**others, name: record})
            for record, reference, (clip, others) in zip(records, references, beside, strict=True)
        ]
        return records, {**timing, "observed": [t for t in timings if t]}


@dataclass(frozen=True)
class Stage:
    """What the events, the timings and the progress call it, and the references its tasks are about."""

    label: str
    about: Callable[[Any], list[Record]]
    system: str | None = None

    def clips(self, task: Any) -> list[str]:
        return [record["clip"] for record in self.about(task)]


def _clip_of_reference(task: Any) -> list[Record]:
    return [{"clip": task[1]}]


def _clip_of_control(task: Any) -> list[Record]:
    return [task[2]]


def _clips_of_batch(task: Batch) -> list[Record]:
    return list(task[1])


def _failures(_: Any, result: tuple[list[Record], Record]) -> dict[str, str]:
    return {r["clip"]: r["failure"] for r in result[0] if "failure" in r}


def _run(
    job: Job,
    journal: Journal,
    work: Callable[[Any], tuple[list[Record], Record]],
    tasks: list[Any],
    engine: Engine,
    stage: Stage,
    done: int,
    again: bool = False,
    observe: Observe | None = None,
) -> list[Any]:
    """Let the engine work; this process alone writes the journal, one line as each clip is finished.

    A task whose process died is a failure of its clip. With `again` such tasks are returned instead,
    for the caller to ask them clip by clip.
    """
    timings = Journal(job.run.logs / "timings.jsonl", key="stage")
    shard = job.run.shard
    log = Log(
        job.run.logs / "events.jsonl", stage.label, stage.system, str(shard) if shard else None
    )
    deadly = []

    def died(task: Any, reason: str) -> tuple[list[Record], Record]:
        if again:
            deadly.append(task)
            log.write(stage.clips(task), "retried", reason=reason)
            return [], {}
        log.write(stage.clips(task), "failed", reason=reason)
        return [_failure(record, reason) for record in stage.about(task)], {}

    logged: Any = Logged(work, log, stage.clips, _failures)
    if observe:
        logged = Followed(logged, observe)
    label = f"{stage.label} [{shard}]" if shard else stage.label
    with Progress(label, sum(len(stage.about(t)) for t in tasks), done) as progress:
        for _, (records, timing) in engine.map(logged, tasks, died):
            for record in records:
                journal.append(record)
            for observed in timing.pop("observed", ()):
                timings.append(observed)
            if timing:
                timings.append({"stage": stage.label, **timing})
            progress.advance(len(records))
    return deadly


def _failure(about: Record, reason: str) -> Record:
    """Of a clip of the dataset, or of a video that would have been made from a reference."""
    record = {"clip": about["clip"], "failure": reason}
    return {**record, "reference": reference_mark(about)} if "digest" in about else record
