"""Cached observations -> the cells of one row, in clip-id order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from thbench import controls
from thbench.api import ClipFailure, Counts, LeaveOneOut, Metric, Notes, Observed, Score
from thbench.errors import in_one_line, stop_for_machine
from thbench.files.cache import Cache, Entry
from thbench.files.canonical import digest
from thbench.results.scores import MOST_VISITS, Without
from thbench.run.folder import Record, VideoFolder
from thbench.run.job import Job, metric_of, suite_of
from thbench.score.keys import KeyBook, over_span
from thbench.score.numbers import ClipKeys, ClipNumbers
from thbench.score.packing import Packing
from thbench.suite.split import Split


@dataclass(frozen=True)
class RowKey:
    """A row of the tables: a system or a control at one resolution."""

    name: str
    kind: str
    resolution: int
    folder: VideoFolder


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


@dataclass
class Reducing:
    """Turns cached observations into the cells of one row."""

    job: Job
    split: Split
    references: Mapping[str, Record]
    keys: KeyBook
    lost: Mapping[str, str]
    cache: Cache
    packing: Packing | None = None
    """Shared by all rows; None is one of this row's own."""

    def __post_init__(self) -> None:
        self._packing = self.packing or Packing(self.job, self.split, self.keys, self.cache)
        self._places: dict[str, int] = {}

    def row(self, entrant: RowKey, records: Mapping[str, Record]) -> Scored:
        """Every metric of one entrant."""
        scored = Scored(entrant, records)
        spans = self._spans(records)
        for index in range(len(suite_of(self.job).metrics)):
            if entrant.name == controls.HALVES and entrant.kind == "control":
                self._halves(scored, index)
            else:
                self._metric(scored, index)
            if spans:
                scored.same_span.update(self._over(index, spans))
        return scored

    def _spans(self, records: Mapping[str, Record]) -> Mapping[str, Record]:
        """The references over the span of each video; empty where every video is as long as its clip."""
        videos = {clip: r["n_frames"] for clip, r in records.items() if "failure" not in r}
        whole = {c: r for c, r in self.references.items() if c in videos and "failure" not in r}
        if all(videos[clip] >= reference["n_frames"] for clip, reference in whole.items()):
            return {}
        return {clip: over_span(reference, videos[clip]) for clip, reference in whole.items()}

    def _over(
        self, index: int, spans: Mapping[str, Record]
    ) -> Mapping[tuple[int, str], ReducedScore]:
        sets = KeptSets(
            self._gather(index, spans, None), self._gather(index, self.references, None)
        )
        return {(index, name): cell for name, cell in self._reduce(index, sets).items()}

    def _metric(self, scored: Scored, index: int) -> None:
        generated = self._gather(index, scored.records, scored)
        sets = KeptSets(generated, self._reference(index, generated))
        cells = self._reduce(index, sets)
        scored.cells.update({(index, name): cell for name, cell in cells.items()})
        if any(s.set_level for s in metric_of(self.job, index).scores.values()):
            scored.without[index] = self._without(index, sets)

    def _without(self, index: int, sets: KeptSets) -> Without:
        """The values with each actor left out on both sides, for the jackknife; cached like any other."""
        if not sets.is_jackknifed:
            return {}
        if (quick := self._at_once(index, sets)) is not None:
            return quick
        return {actor: values_of(self._reduce(index, sets.without(actor))) for actor in sets.actors}

    def _at_once(self, index: int, sets: KeptSets) -> Without | None:
        """As `_without`, by a metric that can do it from sums; None where it cannot."""
        metric = metric_of(self.job, index)
        if not isinstance(metric, LeaveOneOut):
            return None
        key = digest(["without", self.keys.reduction(index, *sets.keys)])
        entry = self.cache.get(key)
        if entry is None:
            if (values := left_out(metric, sets)) is None:
                return None
            entry = Entry({_pair(a, n): v for a, of in values.items() for n, v in of.items()})
            self.cache.put(key, entry.rows)
        found: dict[str, dict[str, float | None]] = {}
        for pair, value in entry.rows.items():
            actor, _, name = pair.partition(_BETWEEN)
            found.setdefault(actor, {})[name] = value if np.isfinite(value) else None
        return found or None

    def _halves(self, scored: Scored, index: int) -> None:
        """The floor of set metrics: half of the reference actors against the other half."""
        metric = metric_of(self.job, index)
        if not any(s.set_level for s in metric.scores.values()):
            return
        found = self._gather(index, self.references, None)
        try:
            first, second = controls.halves([o.clip.actor for o in found])
        except ClipFailure as failure:
            reason = failure.reason if found else self._lack(index) or failure.reason
            cells = {n: ReducedScore(None, 0, reason) for n in metric.scores}
        else:
            halves = ([o for o in found if o.clip.actor in half] for half in (first, second))
            cells = self._reduce(index, KeptSets(*halves))
        scored.cells.update({(index, n): c for n, c in cells.items() if metric.scores[n].set_level})

    def _gather(
        self, index: int, records: Mapping[str, Record], into: Scored | None
    ) -> list[CachedObservation]:
        """Observations in clip-id order; what is missing is written into `into` with its reason."""
        row = self._packing.keys(records, self.references)
        observed, failures = [], dict(row.lacking)
        entries = self._packing.entries(index, row.keys[index])
        for clip, (key, entry) in zip(row.clips, entries, strict=True):
            if entry is None:
                failures[clip.id] = self.lost.get(key, self._lack(index) or "not scored")
            elif entry.reason is not None:
                failures[clip.id] = entry.reason
            else:
                observed.append(CachedObservation(clip, entry.rows, entry.arrays, key))
        if into is not None:
            into.failures.update({(index, clip): reason for clip, reason in failures.items()})
            self._keep(index, observed, into)
        return observed

    def _reference(self, index: int, generated: list[CachedObservation]) -> list[CachedObservation]:
        """The reference's observations: those of the ground truth itself are not gathered twice."""
        keys = self._packing.keys(self.references, self.references).keys[index]
        if "".join(o.key for o in generated) == keys.tobytes().hex():
            return generated
        return self._gather(index, self.references, None)

    def _keep(self, index: int, observed: Sequence[CachedObservation], into: Scored) -> None:
        clips = [o.clip.id for o in observed]
        if clips != list(self._places):  # most metrics of a row have the same clips
            self._places = {clip: i for i, clip in enumerate(clips)}
        raw = np.frombuffer(bytes.fromhex("".join(o.key for o in observed)), np.uint8)
        into.rows[index] = ClipNumbers(self._places, [o.rows for o in observed])
        into.keys[index] = ClipKeys(self._places, raw.reshape(-1, 32))

    def _lack(self, index: int) -> str | None:
        return self.job.lack(suite_of(self.job).metrics[index])

    def _reduce(self, index: int, sets: KeptSets) -> dict[str, ReducedScore]:
        metric = metric_of(self.job, index)
        n = len(sets.generated)
        if not n:
            reason = self._lack(index) or "no clip was scored"
            return {name: ReducedScore(None, 0, reason) for name in metric.scores}
        key = self.keys.reduction(index, *sets.keys)
        entry = self.cache.get(key)
        if entry is None:
            outcome = reduce_once(metric, sets)
            if isinstance(outcome, str):
                return {name: ReducedScore(None, n, outcome) for name in metric.scores}
            self.cache.put(key, outcome.rows, outcome.arrays, outcome.reason)
            entry = outcome
        return cells_of(metric, entry, n)


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
