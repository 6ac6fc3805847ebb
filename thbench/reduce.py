"""Cached observations -> the cells of one row, in clip-id order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from thbench import controls
from thbench.api import Clip, ClipFailure, LeavesOut, Metric, Notes, Observed, Score
from thbench.cache import Cache
from thbench.cache import Record as Entry
from thbench.canonical import digest
from thbench.errors import in_one_line
from thbench.intervals import MOST_VISITS, Without
from thbench.keys import KeyBook
from thbench.runfolder import Record, VideoFolder
from thbench.split import Split
from thbench.work import Job, metric_of, suite_of


@dataclass(frozen=True)
class Entrant:
    """A row of the tables: a system or a control at one resolution."""

    name: str
    kind: str
    resolution: int
    folder: VideoFolder


@dataclass
class Cell:
    """One number of one row, or why there is none."""

    value: float | None
    n: int
    reason: str | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Scored:
    """Everything `results` needs to know of one entrant."""

    entrant: Entrant
    records: Mapping[str, Record]
    cells: dict[tuple[int, str], Cell] = field(default_factory=dict)
    rows: dict[tuple[int, str], dict[str, float]] = field(default_factory=dict)
    failures: dict[tuple[int, str], str] = field(default_factory=dict)
    keys: dict[tuple[int, str], str] = field(default_factory=dict)
    without: dict[int, Without] = field(default_factory=dict)


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
    cache: Cache

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
        if any(s.set_level for s in metric_of(self.job, index).scores.values()):
            scored.without[index] = self._without(index, generated, keys, reference, reference_keys)

    def _without(
        self,
        index: int,
        generated: list[Observed],
        keys: list[str],
        reference: list[Observed],
        reference_keys: list[str],
    ) -> Without:
        """The values with each actor left out on both sides, for the jackknife; cached like any other."""
        actors = sorted({o.clip.actor for o in [*generated, *reference]})
        if len(actors) < 2 or len(actors) * (len(generated) + len(reference)) > MOST_VISITS:
            return {}
        if (quick := self._at_once(index, generated, keys, reference, reference_keys)) is not None:
            return quick
        found = {}
        for actor in actors:
            ours = _others(generated, keys, actor)
            theirs = _others(reference, reference_keys, actor)
            cells = self._reduce(index, *ours, *theirs)
            found[actor] = {name: cell.value for name, cell in cells.items()}
        return found

    def _at_once(
        self,
        index: int,
        generated: list[Observed],
        keys: list[str],
        reference: list[Observed],
        reference_keys: list[str],
    ) -> Without | None:
        """As `_without`, by a metric that can do it from sums; None where it cannot."""
        metric = metric_of(self.job, index)
        if not isinstance(metric, LeavesOut):
            return None
        key = digest(["without", self.keys.reduction(index, keys, reference_keys)])
        entry = self.cache.get(key)
        if entry is None:
            try:
                values = metric.without_actors(ObservedSets(generated, reference))
            except (Exception, SystemExit):
                return None  # the slow way then finds the reason, and counts it
            rows = {
                _pair(a, n): float(v) for a, of in (values or {}).items() for n, v in of.items()
            }
            entry = Entry(rows)
            self.cache.put(key, rows)
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
                into.keys[index, clip.id] = key
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


_BETWEEN = "\x1f"


def _pair(actor: str, name: str) -> str:
    return f"{actor}{_BETWEEN}{name}"


def _others(
    observed: list[Observed], keys: list[str], actor: str
) -> tuple[list[Observed], list[str]]:
    """What remains without one actor."""
    kept = [(o, k) for o, k in zip(observed, keys, strict=True) if o.clip.actor != actor]
    return [o for o, _ in kept], [k for _, k in kept]


def reduce_once(metric: Metric, observed: ObservedSets) -> Entry | str:
    """The values of a set, the reason for none, or the text of an unforeseen exception."""
    try:
        values = metric.reduce(observed)
        notes = metric.notes(observed) if isinstance(metric, Notes) else ()
        texts = {"notes": np.array(notes, dtype=str)} if notes else {}
        return Entry({str(k): float(v) for k, v in values.items()}, texts)
    except ClipFailure as failure:
        return Entry(reason=failure.reason)
    except (Exception, SystemExit) as error:  # a plugin may end itself, never the run
        return unforeseen(error)


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
    notes = entry.arrays["notes"].tolist() if "notes" in entry.arrays else []
    return Cell(value, n, notes=tuple(notes))


def unforeseen(error: BaseException) -> str:
    """An exception of a metric that is no ClipFailure, as a reason."""
    return f"the metric raised {in_one_line(error)}"
