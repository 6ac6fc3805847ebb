"""Observe per clip, then reduce once per row. Never calls a generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from thbench import controls
from thbench.api import Engine
from thbench.engines import usable_cores
from thbench.engines.local import LocalEngine
from thbench.files.cache import Cache, Entry, StoredArrays, sweep_caches
from thbench.progress import Progress
from thbench.run.folder import Record, Shard
from thbench.run.job import Job, Order, metric_of, suite_of, system_of
from thbench.score.keys import keybook_of, observation_cache
from thbench.score.observe import observe, tasks_of
from thbench.score.packing import PackedRow, Packing
from thbench.score.reduce import Reduced, ReduceTask, Reducing, RowKey, Scored
from thbench.score.rows import REFERENCES, Row
from thbench.suite.split import Split

_Packed: TypeAlias = tuple[tuple[str, ...], bytes, tuple[str, ...], str | None]
"""Names of the numbers, these as float64, names of the arrays, and the reason for none."""
Finished: TypeAlias = Mapping[tuple[int, str], Mapping[str, Record]]
"""Resolution and name of a row -> its videos by clip."""
References: TypeAlias = Mapping[int, Mapping[str, Record]]
"""Resolution -> the references by clip."""


class CachedInMemory(Cache):
    """A cache of which one process asks for the same records again and again, as when it reduces.

    Every file is opened and checked once; numbers stay in memory, packed, since there may be a million
    records; arrays are read when asked for.
    """

    def __init__(self, root: Path | None = None) -> None:
        super().__init__(root)
        self._found: dict[bytes, _Packed] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def get(self, key: str) -> Entry | None:
        short = bytes.fromhex(key)
        if (packed := self._found.get(short)) is not None:
            names, numbers, arrays, reason = packed
            rows = dict(zip(names, np.frombuffer(numbers).tolist(), strict=True))
            return Entry(rows, StoredArrays(self.path(key), list(arrays)), reason)
        if (record := super().get(key)) is not None:
            names, arrays = (self._shared(tuple(of)) for of in (record.rows, record.arrays))
            numbers = np.array(list(record.rows.values()), np.float64).tobytes()
            self._found[short] = names, numbers, arrays, record.reason
        return record

    def forget(self) -> None:
        """Read from files again from here on."""
        self._found.clear()

    def _shared(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """One tuple of the same names for all records."""
        return self._names.setdefault(names, names)


def entrants(job: Job) -> list[RowKey]:
    """Controls first, then systems, by resolution."""
    suite, found = suite_of(job), []
    for size in suite.resolutions:
        for name in suite.controls:
            found.append(RowKey(name, "control", size, job.run.control(size, name)))
        for system in suite.systems:
            if system.resolution == size:
                found.append(RowKey(system.name, "system", size, job.run.system(system.name)))
    return found


def score(
    job: Job,
    split: Split,
    engine: Engine,
    order: Order | None = None,
    parts: Sequence[Shard] = (),
) -> list[Scored]:
    """Observe what is not in the cache, reduce, and return every row of the run.

    parts  shards that were joined into this run, which packed what they observed
    """
    rows, finished, references = _stored(job)
    sweep_caches()
    keys, cache = keybook_of(job), CachedInMemory(observation_cache().root)
    packing = Packing(job, split, keys, cache, parts=parts)
    lost = _observe(job, split, rows, finished, references, packing, cache, engine, order)
    answers = (_answers(job, split, e, finished[e.resolution, e.name]) for e in rows)
    asked = [
        Row(e, records, references[e.resolution]) for e, records in zip(rows, answers, strict=True)
    ]
    if packing.is_large:
        cache.forget()  # what is read again is packed, and each process reads its part
    here = Reducing(job, split.clips, lost, cache)
    found = _reduced(job, split, asked, packing, here, engine)
    return [row for row in found if row.cells or row.entrant.name != controls.HALVES]


def _stored(job: Job) -> tuple[list[RowKey], Finished, References]:
    """The rows, the videos that each has, and the references."""
    rows = entrants(job)
    finished: Finished = {(e.resolution, e.name): e.folder.stored() for e in rows}
    references: References = {s: job.run.references(s).stored() for s in suite_of(job).resolutions}
    return rows, finished, references


def is_settled(job: Job, split: Split) -> bool:
    """Whether scoring again would find the same: what failed was refused for good, and is not asked again."""
    rows, finished, references = _stored(job)
    cache = observation_cache()
    return not tasks_of(job, split, rows, finished, references, keybook_of(job), cache)


def readers(job: Job, engine: Engine) -> Engine:
    """Whose workers read packs and reduce: the run's own, which need no accelerator for it.

    An engine refuses a device that is not there: a run that was generated on one is merged anywhere, by processes
    of this machine.
    """
    if job.settings.device.startswith("cpu"):
        return engine
    return LocalEngine(min(engine.workers, usable_cores()))


def _reduced(
    job: Job,
    split: Split,
    rows: Sequence[Row],
    packing: Packing,
    here: Reducing,
    engine: Engine,
) -> Iterator[Scored]:
    """Every row, its metrics reduced: the long ones by the engine's workers, those of few clips here."""
    of = [list(row.tasks(job, packing)) for row in rows]
    # Metric by metric: those of sets take longest, and suites name them first.
    tasks = sorted((task for tasks in of for task in tasks), key=lambda task: task.metric)
    away, near = list[ReduceTask](), list[ReduceTask]()
    for task in tasks:
        sent = packing.is_large or _is_worth_sending(job, task, engine)
        (away if sent else near).append(task)
    done: dict[int, Reduced] = {}
    with Progress("reduce", len(tasks)) as progress:
        for reducing, by, some in (
            (replace(here, cache=None), readers(job, engine), away),
            (here, LocalEngine(), near),
        ):
            for i, reduced in by.map(reducing, some):
                done[id(some[i])] = reduced
                progress.advance()
    for row, its in zip(rows, of, strict=True):
        yield row.collected(split, packing, [(task, done.pop(id(task))) for task in its])


def _is_worth_sending(job: Job, task: ReduceTask, engine: Engine) -> bool:
    """Of few clips: whether workers, which a run that observed has already, should reduce the task.

    A set's own number takes seconds, and reads its features from files in any process; a mean of what
    this process has read takes milliseconds.
    """
    scores = metric_of(job, task.metric).scores.values()
    has_workers = engine.workers > 1 and job.settings.device.startswith("cpu")
    return has_workers and any(s.set_level for s in scores)


def _answers(
    job: Job, split: Split, row: RowKey, stored: Mapping[str, Record]
) -> Mapping[str, Record]:
    """Records of a row; of a system that a partial run leaves out, why it has none."""
    if row.kind != "system" or not (reason := job.lack(system_of(job, row.name))):
        return stored
    return {c.id: stored.get(c.id, {"failure": reason}) for c in split.clips}


def observe_part(job: Job, split: Split, engine: Engine) -> None:
    """Observe the clips of a shard; the merge finds the observations in the cache, their numbers packed."""
    rows, finished, references = _stored(job)
    keys, cache = keybook_of(job), observation_cache()
    packing = Packing(job, split, keys, cache, job.run.shard)
    _observe(job, split, rows, finished, references, packing, cache, engine)


def _observe(
    job: Job,
    split: Split,
    rows: Sequence[RowKey],
    finished: Finished,
    references: References,
    packing: Packing,
    cache: Cache,
    engine: Engine,
    order: Order | None = None,
) -> dict[str, str]:
    """As `observe`, for clips of which not everything is packed; then all that there is, is."""
    keys, packed, complete = keybook_of(job), _packed(rows, finished, references), {}
    held = packing.join(packed, readers(job, engine))
    for size, records in references.items():
        here = [i for i, row in enumerate(packed) if row.size == size]
        if not packing.alike(finished.get((size, controls.GROUND_TRUTH), records), records):
            continue  # of an earlier reference, say: what the ground truth shows is not packed
        complete[size] = packing.complete([packed[i] for i in here], [held[i] for i in here])
    tasks = tasks_of(job, split, rows, finished, references, keys, cache, complete)
    lost = observe(job, tasks, cache, engine, order or Order())
    for row, there in zip(packed, held, strict=True):
        packing.fill(row, there)
    return lost


def _packed(
    rows: Sequence[RowKey],
    finished: Finished,
    references: References,
) -> list[PackedRow]:
    """The rows that have packs: the references of every resolution, and what is not one with them."""
    found = []
    for size, records in references.items():
        found.append(PackedRow(size, REFERENCES, records, records))
        for e in rows:
            if e.resolution == size:
                found += Row(e, finished[size, e.name], records).packed[1:]
    return found
