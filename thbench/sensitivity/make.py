"""Sources -> delivered files, OUT/deliveries/SOURCE/DELIVERY/. What is finished is not made again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from thbench.api import ClipFailure, Engine
from thbench.errors import stop_for_machine
from thbench.files.canonical import digest
from thbench.plugins.sources import code_digest
from thbench.progress import Progress
from thbench.run.events import Log, Logged
from thbench.run.folder import Record, RunFolder, VideoFolder
from thbench.sensitivity.plan import LOSSLESS
from thbench.sensitivity.sources import Source
from thbench.video.delivery import LOSSLESS as NOTHING
from thbench.video.delivery import Delivery, deliver, encoder_versions

_CODE = "thbench.video.delivery"


@dataclass(frozen=True)
class Task:
    """One clip of one source, and the deliveries of it that are still to be made."""

    source: Source
    clip: str
    record: Record
    deliveries: tuple[tuple[str, Delivery], ...]


def folder_of(run: RunFolder, source: str, delivery: str) -> VideoFolder:
    return VideoFolder(run.root, run.root / "deliveries" / source / delivery)


def make_deliveries(
    run: RunFolder,
    sources: Sequence[Source],
    clips: Sequence[str],
    deliveries: Mapping[str, Delivery],
    engine: Engine,
) -> None:
    """Every clip of every source as every delivery, the lossless one first. Clips that a source lacks
    are left out: their absence is counted when they are scored."""
    every = {LOSSLESS: NOTHING, **deliveries}
    tasks, done = [], 0
    for source in sources:
        records = source.records()
        known = {name: folder_of(run, source.name, name).stored() for name in every}
        for clip in (c for c in clips if c in records):
            todo = [
                (name, one)
                for name, one in every.items()
                if known[name].get(clip, {}).get("made_of") != made_of(records[clip], one)
            ]
            done += len(every) - len(todo)
            if todo:
                tasks.append(Task(source, clip, records[clip], tuple(todo)))
    _work(run, tasks, done, engine)


def made_of(record: Record, delivery: Delivery) -> str:
    """What decides a delivered file: content, changes, code and encoders."""
    code, versions = code_digest(_CODE), encoder_versions()
    return digest([record["digest"], delivery.changes, code, versions])


def _work(run: RunFolder, tasks: Sequence[Task], done: int, engine: Engine) -> None:
    log = Log(run.root / "events.jsonl", "deliver", None, None)
    logged: Any = Logged(partial(_deliver_all, run), log, _clip_of, _failures)

    def died(task: Task, reason: str) -> tuple[list[Record], Record]:
        log.write([task.clip], "failed", reason=reason)
        return [_failure(task, name, one, reason) for name, one in task.deliveries], {}

    with Progress("deliver", sum(len(t.deliveries) for t in tasks), done) as progress:
        for index, (records, _) in engine.map(logged, tasks, died):
            source = tasks[index].source.name
            for record in records:
                folder_of(run, source, record["delivery"]).journal.append(record)
            progress.advance(len(records))


def _deliver_all(run: RunFolder, task: Task) -> tuple[list[Record], Record]:
    """The clip is decoded once for all its deliveries."""
    start = time.perf_counter()
    records: list[Record] = []
    try:
        video = task.source.folder.open(task.record)
        frames, audio = video.frames, video.audio
    except ClipFailure as failure:
        stop_for_machine(failure, f"clip {task.clip}")
        return [_failure(task, n, d, failure.reason) for n, d in task.deliveries], {}
    for name, delivery in task.deliveries:
        folder = folder_of(run, task.source.name, name)
        path = folder.file(task.clip, ".mkv")
        try:
            deliver(path, frames, audio, delivery)
        except ClipFailure as failure:
            stop_for_machine(failure, f"clip {task.clip} as {name}")
            records.append(_failure(task, name, delivery, failure.reason))
            continue
        size = path.stat().st_size
        records.append({
            "clip": task.clip,
            "delivery": name,
            "made_of": made_of(task.record, delivery),
            "files": {folder.relative(path): size},
            "kbps": size * 8 / 1000 / (len(frames) / 25),
        })  # fmt: skip
    return records, {"seconds": round(time.perf_counter() - start, 4)}


def _failure(task: Task, name: str, delivery: Delivery, reason: str) -> Record:
    made = made_of(task.record, delivery)
    return {"clip": task.clip, "delivery": name, "failure": reason, "made_of": made}


def _clip_of(task: Task) -> list[str]:
    return [task.clip]


def _failures(_: Any, result: tuple[list[Record], Record]) -> dict[str, str]:
    return {r["clip"]: r["failure"] for r in result[0] if "failure" in r}
