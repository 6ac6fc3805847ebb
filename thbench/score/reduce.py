"""Cached observations -> the cells of one metric and row, in clip-id order; what a worker does of reducing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from thbench import controls
from thbench.api import (
    Aggregation,
    Clip,
    ClipFailure,
    Counts,
    LeaveOneOut,
    Metric,
    Notes,
    Observed,
    Score,
)
from thbench.environment import few_collections, return_freed_memory
from thbench.errors import in_one_line, stop_for_machine
from thbench.files.cache import Cache, Entry
from thbench.files.canonical import digest
from thbench.results import scores as intervals
from thbench.results.document import IntervalRecord
from thbench.results.scores import MOST_VISITS, Without
from thbench.run.folder import Record, VideoFolder
from thbench.run.job import Job, metric_of, release_networks, suite_of
from thbench.score.keys import keybook_of, observation_cache
from thbench.score.numbers import Numbers
from thbench.score.packing import entries, read_packs
from thbench.score.packs import Keys

RowInterval: TypeAlias = tuple[Aggregation | None, IntervalRecord]
"""The rule that a number follows from its clips by, None for a set's own, and its interval."""


@dataclass(frozen=True)
class RowKey:
    """A row of the tables: a system or a control at one resolution."""

    name: str
    kind: str
    resolution: int
    folder: VideoFolder

    @property
    def is_halves(self) -> bool:
        """Half of the references against the other half: sets alone have a number there."""
        return self.kind == "control" and self.name == controls.HALVES


@dataclass
class ReducedScore:
    """One number of one row, or why there is none."""

    value: float | None
    n: int
    reason: str | None = None
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Scored:
    """Everything `results` needs to know of one entrant."""

    entrant: RowKey
    records: Mapping[str, Record]
    cells: dict[tuple[int, str], ReducedScore] = field(default_factory=dict)
    rows: dict[int, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    """Metric -> clip -> its numbers."""
    failures: dict[tuple[int, str], str] = field(default_factory=dict)
    keys: dict[int, Mapping[str, str]] = field(default_factory=dict)
    """Metric -> clip -> the key of its observation."""
    without: dict[int, Without] = field(default_factory=dict)
    intervals: dict[tuple[int, str], RowInterval] = field(default_factory=dict)
    """Of the cells that have a value; the halves of the references have none."""
    same_span: dict[tuple[int, str], ReducedScore] = field(default_factory=dict)
    """The ground truth over the frames that this row has; empty where it has all of its clips'."""


@dataclass(frozen=True)
class ObservedSets:
    """The api.Observations of one row."""

    generated: Sequence[Observed]
    reference: Sequence[Observed]

    @property
    def actors(self) -> list[str]:
        return sorted({o.clip.actor for o in [*self.generated, *self.reference]})

    def without(self, actor: str) -> Self:
        """What remains when one actor leaves both sides."""
        ours = [o for o in self.generated if o.clip.actor != actor]
        theirs = [o for o in self.reference if o.clip.actor != actor]
        return replace(self, generated=ours, reference=theirs)

    @property
    def is_jackknifed(self) -> bool:
        """Whether to compute the jackknife: at least two actors, at most MOST_VISITS observation reads."""
        n = len(self.actors)
        return n >= 2 and n * (len(self.generated) + len(self.reference)) <= MOST_VISITS


@dataclass(frozen=True, eq=False)
class CachedObservation(Observed):
    """An observation with the key it is cached under."""

    key: str


@dataclass(frozen=True)
class KeptSets(ObservedSets):
    generated: Sequence[CachedObservation]
    reference: Sequence[CachedObservation]

    @property
    def keys(self) -> tuple[list[str], list[str]]:
        return [o.key for o in self.generated], [o.key for o in self.reference]


@dataclass(frozen=True, eq=False)
class Side:
    """Observations of one metric that a set asks for: which clips of the split, and their keys [clips, 32]."""

    places: NDArray[np.int32]
    keys: Keys


@dataclass(frozen=True, eq=False)
class ReduceTask:
    """One metric of one row: what a worker needs to know of it.

    packs  that hold its numbers; none of a split that is not packed
    span   the references over the frames that this row has, where these are fewer than the clips'
    """

    entrant: RowKey
    metric: int
    packs: tuple[str, ...]
    generated: Side
    reference: Side
    span: Side | None = None


@dataclass(eq=False)
class Reduced:
    """What one metric says of one row, in little memory.

    observed  which of the generated side's clips have numbers
    failures  place of a clip in the split -> why it has none
    """

    cells: dict[str, ReducedScore] = field(default_factory=dict)
    without: Without | None = None
    same_span: dict[str, ReducedScore] = field(default_factory=dict)
    intervals: dict[str, RowInterval] = field(default_factory=dict)
    observed: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    numbers: Numbers | None = None
    failures: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Reducing:
    """Turns cached observations into the cells of one metric and row; called for a task in any process.

    clips  of the split, in its order
    lost   key -> why an observation could not be made
    cache  where observations are; None is the one of the process that is asked
    """

    job: Job
    clips: Sequence[Clip]
    lost: Mapping[str, str]
    cache: Cache | None = None

    def __call__(self, task: ReduceTask) -> Reduced:
        release_networks()  # sets of features are as large, and nothing observes any more
        # One thread: sums over frames in one order.
        with few_collections(), threadpoolctl.threadpool_limits(1):
            of_row = _MetricOfRow(self, task)
            reduced = of_row.reduced()
        if of_row.is_of_sets:
            return_freed_memory()  # hundreds of megabytes that the next set does not ask for as they lie
        return reduced


class _MetricOfRow:
    """One task while it is worked on: its packs are open."""

    def __init__(self, asked: Reducing, task: ReduceTask) -> None:
        self._job, self._clips, self._lost = asked.job, asked.clips, asked.lost
        self._task, self._index = task, task.metric
        self._metric, self._book = metric_of(asked.job, task.metric), keybook_of(asked.job)
        self._cache = observation_cache() if asked.cache is None else asked.cache
        self._pack = read_packs(task.packs, self._cache, look=False)

    @property
    def is_of_sets(self) -> bool:
        return any(s.set_level for s in self._metric.scores.values())

    def reduced(self) -> Reduced:
        found = Reduced()
        if self._task.entrant.is_halves:
            found.cells = self._halves()
            return found
        generated = self._gather(self._task.generated, found)
        sets = KeptSets(generated, self._reference(generated))
        found.cells = self._reduce(sets)
        if self.is_of_sets:
            found.without = self._without(sets)
        if self._task.span is not None:
            span = KeptSets(self._gather(self._task.span), sets.reference)
            found.same_span = self._reduce(span)
        found.intervals = self._intervals(found, generated)
        return found

    def _intervals(
        self, found: Reduced, generated: Sequence[CachedObservation]
    ) -> dict[str, RowInterval]:
        rows, actors = [o.rows for o in generated], [o.clip.actor for o in generated]
        scores = self._metric.scores.items()
        return {
            name: interval_of(name, score, cell.value, cell.n, rows, actors, found.without or {})
            for name, score in scores
            if (cell := found.cells[name]).value is not None
        }

    def _without(self, sets: KeptSets) -> Without:
        """The values with each actor left out on both sides, for the jackknife; cached like any other."""
        if not sets.is_jackknifed:
            return {}
        if (quick := self._at_once(sets)) is not None:
            return quick
        return {actor: values_of(self._reduce(sets.without(actor))) for actor in sets.actors}

    def _at_once(self, sets: KeptSets) -> Without | None:
        """As `_without`, by a metric that can do it from sums; None where it cannot."""
        metric = self._metric
        if not isinstance(metric, LeaveOneOut):
            return None
        key = digest(["without", self._book.reduction(self._index, *sets.keys)])
        entry = self._cache.get(key)
        if entry is None:
            if (values := left_out(metric, sets)) is None:
                return None
            entry = Entry({_pair(a, n): v for a, of in values.items() for n, v in of.items()})
            self._cache.put(key, entry.rows)
        found: dict[str, dict[str, float | None]] = {}
        for pair, value in entry.rows.items():
            actor, _, name = pair.partition(_BETWEEN)
            found.setdefault(actor, {})[name] = value if np.isfinite(value) else None
        return found or None

    def _halves(self) -> dict[str, ReducedScore]:
        """The floor of set metrics: half of the reference actors against the other half."""
        scores = self._metric.scores
        found = self._gather(self._task.reference)
        try:
            first, second = controls.halves([o.clip.actor for o in found])
        except ClipFailure as failure:
            reason = failure.reason if found else self._lack() or failure.reason
            cells = {n: ReducedScore(None, 0, reason) for n in scores}
        else:
            halves = ([o for o in found if o.clip.actor in half] for half in (first, second))
            cells = self._reduce(KeptSets(*halves))
        return {n: c for n, c in cells.items() if scores[n].set_level}

    def _gather(self, side: Side, into: Reduced | None = None) -> list[CachedObservation]:
        """Observations in clip-id order; what is missing is written into `into` with its reason."""
        observed, places, failures = [], [], {}
        asked = entries(self._pack, side.keys, self._cache)
        for i, (place, (key, entry)) in enumerate(zip(side.places.tolist(), asked, strict=True)):
            if entry is None:
                failures[place] = self._lost.get(key, self._lack() or "not scored")
            elif entry.reason is not None:
                failures[place] = entry.reason
            else:
                clip = self._clips[place]
                observed.append(CachedObservation(clip, entry.rows, entry.arrays, key))
                places.append(i)
        if into is not None:
            into.failures, into.observed = failures, np.array(places, np.int32)
            into.numbers = Numbers.of([o.rows for o in observed])
        return observed

    def _reference(self, generated: list[CachedObservation]) -> list[CachedObservation]:
        """The reference's observations: those of the ground truth itself are not gathered twice."""
        side = self._task.reference
        if "".join(o.key for o in generated) == side.keys.tobytes().hex():
            return generated
        return self._gather(side)

    def _lack(self) -> str | None:
        return self._job.lack(suite_of(self._job).metrics[self._index])

    def _reduce(self, sets: KeptSets) -> dict[str, ReducedScore]:
        metric, n = self._metric, len(sets.generated)
        if not n:
            reason = self._lack() or "no clip was scored"
            return {name: ReducedScore(None, 0, reason) for name in metric.scores}
        key = self._book.reduction(self._index, *sets.keys)
        entry = self._cache.get(key)
        if entry is None:
            outcome = reduce_once(metric, sets)
            if isinstance(outcome, str):
                return {name: ReducedScore(None, n, outcome) for name in metric.scores}
            self._cache.put(key, outcome.rows, outcome.arrays, outcome.reason)
            entry = outcome
        return cells_of(metric, entry, n)


def interval_of(
    name: str,
    score: Score,
    value: float,
    n: int,
    rows: Sequence[Mapping[str, float]],
    actors: Sequence[str],
    without: Without,
) -> RowInterval:
    """Of one value: from the rows of its clips, or for a set's own from what it is without each actor."""
    if score.set_level:
        return None, intervals.of_set(name, score, value, without, n)
    return intervals.of_rows(name, score, value, rows, actors)


_BETWEEN = "\x1f"


def _pair(actor: str, name: str) -> str:
    return f"{actor}{_BETWEEN}{name}"


def left_out(metric: LeaveOneOut, sets: ObservedSets) -> dict[str, dict[str, float]] | None:
    """What a metric says without each actor; None where it cannot say it, and each is reduced anew."""
    try:
        values = metric.without_actors(sets) or {}
    except (Exception, SystemExit) as error:
        stop_for_machine(error, f"metric {type(metric).__name__}, reduce")
        return None  # the slow way then finds the reason, and counts it
    return {a: {n: float(v) for n, v in of.items()} for a, of in values.items()}


def values_of(cells: Mapping[str, ReducedScore]) -> dict[str, float | None]:
    return {name: cell.value for name, cell in cells.items()}


def reduce_once(metric: Metric, observed: ObservedSets) -> Entry | str:
    """The values of a set, the reason for none, or the text of an unforeseen exception."""
    try:
        values = metric.reduce(observed)
        notes = metric.notes(observed) if isinstance(metric, Notes) else ()
        texts = {"notes": np.array(notes, dtype=str)} if notes else {}
        if isinstance(metric, Counts):
            texts |= {f"count.{u}": np.array(n) for u, n in metric.counts(observed).items()}
        return Entry({str(k): float(v) for k, v in values.items()}, texts)
    except ClipFailure as failure:
        stop_for_machine(failure, f"metric {type(metric).__name__}, reduce")
        return Entry(reason=failure.reason)
    except (Exception, SystemExit) as error:  # a plugin may end itself, never the run
        stop_for_machine(error, f"metric {type(metric).__name__}, reduce")
        return unforeseen(error)


def cells_of(metric: Metric, entry: Entry, n: int) -> dict[str, ReducedScore]:
    """What a reduction of n clips says of each score of the metric."""
    return {name: _cell(name, s, entry, n) for name, s in metric.scores.items()}


def _cell(name: str, score: Score, entry: Entry, n: int) -> ReducedScore:
    if entry.reason is not None:
        return ReducedScore(None, n, entry.reason)
    value = entry.rows.get(name)
    if value is None:
        return ReducedScore(None, n, "the metric returned no value")
    if not np.isfinite(value):
        return ReducedScore(None, n, f"the metric returned {value}")
    low, high = score.range
    if not low <= value <= high:
        return ReducedScore(None, n, f"{value!r} is outside the metric's range {low}..{high}")
    notes = entry.arrays["notes"].tolist() if "notes" in entry.arrays else []
    counts = {
        unit.removeprefix("count."): int(count)
        for unit, count in entry.arrays.items()
        if unit.startswith("count.")
    }
    return ReducedScore(value, n, notes=tuple(notes), counts=counts)


def unforeseen(error: BaseException) -> str:
    """An exception of a metric that is no ClipFailure, as a reason."""
    return f"the metric raised {in_one_line(error)}"
