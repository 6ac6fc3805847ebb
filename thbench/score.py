"""Observe per clip (cached, parallel), then reduce once in clip-id order. Never calls a generator.

The unit of work is one clip at one resolution: its reference and every system's video are decoded
at most once there and shared by all metrics. What is in the cache is not decoded at all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from itertools import groupby

import numpy as np
import threadpoolctl

from thbench import controls
from thbench.api import (
    Clip,
    ClipFailure,
    Engine,
    Metric,
    Observation,
    Observed,
    Pair,
    Score,
    UserError,
)
from thbench.cache import Cache, cache_root
from thbench.cache import Record as Entry
from thbench.canonical import digest
from thbench.context import plugin_identity, source_closure
from thbench.environment import peak_memory_bytes
from thbench.generate import Order, identity_index, request_seed
from thbench.journal import Journal
from thbench.plugins import registry
from thbench.progress import Progress
from thbench.runfolder import Record, VideoFolder
from thbench.split import Split
from thbench.video import StoredVideo
from thbench.work import Job, metric_of, metric_part_of, suite_of


@dataclass(frozen=True)
class Entrant:
    """A row of the tables: a system or a control at one resolution."""

    name: str
    kind: str
    resolution: int
    folder: VideoFolder


@dataclass(frozen=True)
class Observing:
    """One observation to make: which metric, on which video, stored under which key."""

    key: str
    metric: int
    entrant: str
    record: Record


@dataclass(frozen=True)
class ClipTask:
    """All observations missing for one clip at one resolution."""

    clip: Clip
    reference: Record
    resolution: int
    observing: tuple[Observing, ...]


@dataclass
class Cell:
    """One number of one row, or why there is none."""

    value: float | None
    n: int
    reason: str | None = None


@dataclass
class Scored:
    """Everything `results` needs to know of one entrant."""

    entrant: Entrant
    records: Mapping[str, Record]
    cells: dict[tuple[int, str], Cell] = field(default_factory=dict)
    rows: dict[tuple[int, str], dict[str, float]] = field(default_factory=dict)
    failures: dict[tuple[int, str], str] = field(default_factory=dict)


def entrants(job: Job) -> list[Entrant]:
    """Controls first, then systems, by resolution."""
    suite, found = suite_of(job), []
    for size in suite.resolutions:
        for name in suite.controls:
            found.append(Entrant(name, "control", size, job.run.control(size, name)))
        for system in suite.systems:
            if system.resolution == size:
                found.append(Entrant(system.name, "system", size, job.run.system(system.name)))
    return found


def score(job: Job, split: Split, engine: Engine, order: Order | None = None) -> list[Scored]:
    """Observe what is not in the cache, reduce, and return every row of the run."""
    rows = entrants(job)
    finished = {(e.resolution, e.name): e.folder.stored() for e in rows}
    references = {s: job.run.references(s).stored() for s in suite_of(job).resolutions}
    keys = keybook_of(job)
    lost = _observe(job, split, rows, finished, references, keys, engine, order or Order())
    scored = []
    with Progress("reduce", len(rows)) as progress, threadpoolctl.threadpool_limits(1):
        for entrant in rows:
            records = finished[entrant.resolution, entrant.name]
            table = Reducing(job, split, references[entrant.resolution], keys, lost)
            scored.append(table.row(entrant, records))
            progress.advance()
    return [row for row in scored if row.cells or row.entrant.name != controls.HALVES]


# -- keys ---------------------------------------------------------------------------------------


class KeyBook:
    """Cache keys of observations: identity, options, source, numerics, and digests of what is seen."""

    def __init__(self, job: Job) -> None:
        self._suite = suite_of(job)
        self._numerics = job.settings.numerics()
        self._base = [self._base_of(i) for i in range(len(self._suite.metrics))]

    def _base_of(self, index: int) -> str:
        part = self._suite.metrics[index]
        return digest(
            {
                "identity": plugin_identity(part.registered, part.options, registry()),
                "source": source_closure(part.registered, part.options, registry()),
                "numerics": self._numerics,
            }
        )

    def observation(self, metric: int, clip: Clip, record: Record, reference: Record) -> str:
        return digest(
            [
                self._base[metric],
                asdict(clip),
                record["digest"],
                reference["digest"],
                reference.get("annotations_digest"),
                record["n_frames"],
                self.identity_index(clip, reference),
            ]
        )

    def reduction(self, metric: int, generated: Sequence[str], reference: Sequence[str]) -> str:
        return digest(["reduce", self._base[metric], list(generated), list(reference)])

    def identity_index(self, clip: Clip, reference: Record) -> int | None:
        """None where the clip is too short for the suite's rule, and no system was given a frame."""
        seed = request_seed(self._suite.seed, clip.id)
        try:
            return identity_index(self._suite.identity_frame, reference["n_frames"], seed)
        except ClipFailure:
            return None


# -- observing ----------------------------------------------------------------------------------


def _observe(
    job: Job,
    split: Split,
    rows: Sequence[Entrant],
    finished: Mapping[tuple[int, str], Mapping[str, Record]],
    references: Mapping[int, Mapping[str, Record]],
    keys: KeyBook,
    engine: Engine,
    order: Order,
) -> dict[str, str]:
    """Fill the cache; returns key -> reason for observations that raised something unforeseen."""
    cache = observation_cache()
    tasks = []
    for size, records in references.items():
        here = [e for e in rows if e.resolution == size]
        for clip in split.clips:
            reference = records.get(clip.id, {"failure": "absent"})
            if "failure" in reference:
                continue
            videos = [(controls.GROUND_TRUTH, reference)]
            videos += [(e.name, finished[size, e.name].get(clip.id, {"failure": ""})) for e in here]
            if missing := _missing(job, cache, clip, reference, videos, keys):
                tasks.append(ClipTask(clip, reference, size, tuple(missing)))
    lost: dict[str, str] = {}
    timings = Journal(job.run.root / "timings.jsonl", key="stage")
    with Progress("score", len(tasks)) as progress:
        for _, (bad, timing) in engine.map(partial(observe_clip, job), order.arrange(tasks)):
            lost.update(bad)
            timings.append({"stage": "score", **timing})
            progress.advance()
    return lost


@lru_cache(maxsize=2)
def keybook_of(job: Job) -> KeyBook:
    return KeyBook(job)


def observation_cache() -> Cache:
    return Cache(cache_root() / "observations")


def _missing(
    job: Job,
    cache: Cache,
    clip: Clip,
    reference: Record,
    videos: Sequence[tuple[str, Record]],
    keys: KeyBook,
) -> list[Observing]:
    found: dict[str, Observing] = {}
    for name, record in videos:
        if "failure" in record:
            continue
        for metric in range(len(suite_of(job).metrics)):
            key = keys.observation(metric, clip, record, reference)
            if key not in found and cache.get(key) is None:
                found[key] = Observing(key, metric, name, record)
    return list(found.values())


def observe_clip(job: Job, task: ClipTask) -> tuple[dict[str, str], Record]:
    """Make all missing observations of one clip; each video is opened once and shared by its metrics.

    Returns key -> reason of what raised something unforeseen (which is not cached), and the timing.
    """
    start = time.perf_counter()
    cache, index = observation_cache(), keybook_of(job).identity_index(task.clip, task.reference)
    reference = job.run.references(task.resolution).open(task.reference)
    lost = {}
    for name, items in groupby(task.observing, key=lambda item: str(item.record["digest"])):
        observing = list(items)
        shared = name == reference.digest
        generated = (
            reference if shared else job.run.references(task.resolution).open(observing[0].record)
        )
        pair = _pair(task.clip, generated, reference, index)
        for item in observing:
            entry = observe_once(metric_of(job, item.metric), pair)
            if isinstance(entry, str):
                lost[item.key] = entry
            else:
                cache.put(item.key, entry.rows, entry.arrays, entry.reason)
    seconds = round(time.perf_counter() - start, 4)
    timing = {"clips": [task.clip.id], "seconds": seconds, "peak_memory": peak_memory_bytes()}
    return lost, {**timing, "observations": len(task.observing)}


def _pair(clip: Clip, generated: StoredVideo, reference: StoredVideo, index: int | None) -> Pair:
    """A video trimmed on purpose stands beside the same span of its reference."""
    if generated.n_frames < reference.n_frames:
        return Pair(clip, generated.bare(), reference.cut(generated.n_frames), index)
    return Pair(clip, generated.bare(), reference, index)


def observe_once(metric: Metric, pair: Pair) -> Entry | str:
    """An entry for the cache (values, or the reason for none), or the text of an unforeseen exception."""
    try:
        observation = metric.observe(pair)
        return Entry(_finite(observation), observation.arrays, None)
    except ClipFailure as failure:
        return Entry(reason=failure.reason)
    except UserError:
        raise
    except Exception as error:
        return _unforeseen(error)


def _unforeseen(error: Exception) -> str:
    return " ".join(f"the metric raised {type(error).__name__}: {error}".split())[:500]


def _finite(observation: Observation) -> dict[str, float]:
    rows = {str(k): float(v) for k, v in observation.rows.items()}
    for name, value in rows.items():
        if not np.isfinite(value):
            raise ClipFailure(f"{name} is {value}")
    return rows


# -- reducing -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ObservedSets:
    """The api.Observations of one row."""

    generated: Sequence[Observed]
    reference: Sequence[Observed]


@dataclass
class Reducing:
    """Turns cached observations into the cells of one row."""

    job: Job
    split: Split
    references: Mapping[str, Record]
    keys: KeyBook
    lost: Mapping[str, str]
    cache: Cache = field(default_factory=observation_cache)

    def row(self, entrant: Entrant, records: Mapping[str, Record]) -> Scored:
        """Every metric of one entrant."""
        scored = Scored(entrant, records)
        for index in range(len(suite_of(self.job).metrics)):
            if entrant.name == controls.HALVES and entrant.kind == "control":
                self._halves(scored, index)
            else:
                self._metric(scored, index)
        return scored

    def _metric(self, scored: Scored, index: int) -> None:
        generated, keys = self._gather(index, scored.records, scored)
        reference, reference_keys = self._gather(index, self.references, None)
        cells = self._reduce(index, generated, keys, reference, reference_keys)
        scored.cells.update({(index, name): cell for name, cell in cells.items()})

    def _halves(self, scored: Scored, index: int) -> None:
        """The floor of set metrics: half of the reference actors against the other half."""
        metric = metric_of(self.job, index)
        if not any(s.set_level for s in metric.scores.values()):
            return
        found, keys = self._gather(index, self.references, None)
        try:
            first, second = controls.halves([o.clip.actor for o in found])
        except ClipFailure as failure:
            cells = {n: Cell(None, 0, failure.reason) for n in metric.scores}
        else:
            a = [i for i, o in enumerate(found) if o.clip.actor in first]
            b = [i for i, o in enumerate(found) if o.clip.actor in second]
            cells = self._reduce(
                index,
                [found[i] for i in a],
                [keys[i] for i in a],
                [found[i] for i in b],
                [keys[i] for i in b],
            )
        scored.cells.update({(index, n): c for n, c in cells.items() if metric.scores[n].set_level})

    def _gather(
        self, index: int, records: Mapping[str, Record], into: Scored | None
    ) -> tuple[list[Observed], list[str]]:
        """Observations in clip-id order; what is missing is written into `into` with its reason."""
        observed, keys = [], []
        for clip, key, entry in self._entries(index, records):
            if isinstance(entry, str):
                if into is not None:
                    into.failures[index, clip.id] = entry
                continue
            observed.append(Observed(clip, entry.rows, entry.arrays))
            keys.append(key)
            if into is not None:
                into.rows[index, clip.id] = dict(entry.rows)
        return observed, keys

    def _entries(
        self, index: int, records: Mapping[str, Record]
    ) -> Iterator[tuple[Clip, str, Entry | str]]:
        for clip in self.split.clips:
            record = records.get(clip.id, {"failure": "not generated"})
            reference = self.references.get(clip.id, {"failure": "absent"})
            if reason := record.get("failure") or reference.get("failure"):
                yield clip, "", str(reason)
                continue
            key = self.keys.observation(index, clip, record, reference)
            entry = self.cache.get(key)
            if entry is None:
                yield clip, key, self.lost.get(key, "not scored")
            else:
                yield clip, key, entry.reason if entry.reason is not None else entry

    def _reduce(
        self,
        index: int,
        generated: list[Observed],
        keys: list[str],
        reference: list[Observed],
        reference_keys: list[str],
    ) -> dict[str, Cell]:
        metric = metric_of(self.job, index)
        n = len(generated)
        if not generated:
            return {name: Cell(None, 0, "no clip was scored") for name in metric.scores}
        key = self.keys.reduction(index, keys, reference_keys)
        entry = self.cache.get(key)
        if entry is None:
            outcome = reduce_once(metric, ObservedSets(generated, reference))
            if isinstance(outcome, str):
                return {name: Cell(None, n, outcome) for name in metric.scores}
            self.cache.put(key, outcome.rows, outcome.arrays, outcome.reason)
            entry = outcome
        return {name: _cell(name, s, entry, n) for name, s in metric.scores.items()}


def reduce_once(metric: Metric, observed: ObservedSets) -> Entry | str:
    """The values of a set, the reason for none, or the text of an unforeseen exception."""
    try:
        values = metric.reduce(observed)
        return Entry({str(k): float(v) for k, v in values.items()})
    except ClipFailure as failure:
        return Entry(reason=failure.reason)
    except Exception as error:
        return _unforeseen(error)


def _cell(name: str, score: Score, entry: Entry, n: int) -> Cell:
    if entry.reason is not None:
        return Cell(None, n, entry.reason)
    value = entry.rows.get(name)
    if value is None:
        return Cell(None, n, "the metric returned no value")
    if not np.isfinite(value):
        return Cell(None, n, f"the metric returned {value}")
    low, high = score.range
    if not low <= value <= high:
        return Cell(None, n, f"{value!r} is outside the metric's range {low}..{high}")
    return Cell(value, n)


def metric_columns(job: Job) -> list[tuple[int, str, str, Score]]:
    """Every column of the run: metric index, score name, column name, meaning."""
    columns = []
    for index in range(len(suite_of(job).metrics)):
        part = metric_part_of(job, index)
        for name, meaning in metric_of(job, index).scores.items():
            columns.append((index, name, part.column(name), meaning))
    return columns


def check_columns(job: Job) -> None:
    """Raises UserError where two metrics give one column, or the primary score is none of them."""
    suite = suite_of(job)
    owners: dict[str, str] = {}
    for index, _, column, _ in metric_columns(job):
        name = metric_part_of(job, index).plugin.name
        if column in owners:
            raise suite.document.error(
                ("metrics", str(index)),
                f"'{name}' and '{owners[column]}' both give the column '{column}'",
                "add `as: NAME` to one",
            )
        owners[column] = name
    if suite.primary is not None and suite.primary not in owners:
        raise suite.document.unknown_key(("primary", suite.primary), "score", list(owners))
