"""Two rows against each other, on the same clips, from their files alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thbench.results.document import ScoreRecord
from thbench.results.row import Row
from thbench.results.scores import LEVEL, clip_values
from thbench.statistics.intervals import Interval, jackknife_interval
from thbench.statistics.paired import (
    difference_bounds,
    paired_difference,
    paired_distance,
    paired_median,
    tied,
)
from thbench.statistics.permutation import Test, pseudo_value_test


@dataclass(frozen=True)
class Difference:
    """Row a minus row b in one column, or in `note` why they cannot be compared.

    by        `value`, or `distance` where nearness to the ground truth decides: negative where a is
              the nearer one
    test      the two exchanged actor by actor; for set metrics an approximation of that
    """

    column: str
    by: str
    interval: Interval | None = None
    test: Test | None = None
    note: str = ""

    @property
    def tied(self) -> bool:
        """Whether the two cannot be told apart."""
        return self.interval is None or tied(self.interval)


def difference(column: str, a: Row, b: Row, truth: Row | None) -> Difference:
    """Compare two rows in one column on the clips that both have; `truth` are the references scored.

    Raises UserError where a clips table lacks what its result says.
    """
    ours, theirs = a.result.scores.get(column), b.result.scores.get(column)
    if ours is None or theirs is None or ours.value is None or theirs.value is None:
        return Difference(column, "value", note="one of them has no value")
    if ours.identity_digest != theirs.identity_digest:
        return Difference(column, "value", note="unlike identities")
    near = ours.better == "nearer-reference"
    if near and (truth is None or column not in truth.result.scores):
        return Difference(column, "distance", note="no ground truth to be near to")
    if near and any(s.reference_over_span is not None for s in (ours, theirs)):
        return Difference(column, "distance", note="videos are shorter than their clips")
    rows = [a, b, truth] if near and truth is not None else [a, b]
    by = "distance" if near else "value"
    return _of_sets(column, by, rows) if ours.set_level else _of_rows(column, by, rows)


def movement(column: str, after: Row, before: Row) -> Difference:
    """By how much a column's value moved from one row to another of the same content, on the clips that both have.

    The value itself and not its distance from the ground truth. Raises UserError as `difference`.
    """
    now, then = after.result.scores.get(column), before.result.scores.get(column)
    if now is None or then is None or now.value is None or then.value is None:
        missing = next((s.reason for s in (now, then) if s and s.reason), None)
        return Difference(column, "value", note=missing or "one of them has no value")
    if now.identity_digest != then.identity_digest:
        return Difference(column, "value", note="unlike identities")
    rows = [after, before]
    return _of_sets(column, "value", rows) if now.set_level else _of_rows(column, "value", rows)


def _of_rows(column: str, by: str, rows: Sequence[Row]) -> Difference:
    over = rows[0].result.scores[column].over
    if over is None or any(r.result.scores[column].over != over for r in rows):
        return Difference(column, by, note="it is not known how the value follows from clips")
    values = [_values(column, row) for row in rows]
    shared = sorted(set[str].intersection(*(set(v) for v in values)))
    if not shared:
        return Difference(column, by, note="they share no clip")
    actors = rows[0].clips.actors
    bounds = _bounds_of(rows[0].result.scores[column])
    if over.statistic == "median":
        table = [[v[clip] for clip in shared] for v in values]
        middles = paired_median(table, [actors[c] for c in shared], level=LEVEL, bounds=bounds)
        return Difference(column, by, *middles)
    ours, theirs, *truth = values
    if truth:
        found = paired_distance(ours, theirs, truth[0], actors, level=LEVEL, bounds=bounds)
    else:
        found = paired_difference(ours, theirs, actors, level=LEVEL, bounds=bounds)
    return Difference(column, by, found.difference, found.test)


def _bounds_of(score: ScoreRecord) -> tuple[float, float]:
    """What the value can be; of |row| or a share of clips it is what the aggregation can give."""
    low, high = score.range
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _values(column: str, row: Row) -> dict[str, float]:
    """Clip -> what the statistic is taken of."""
    over = row.result.scores[column].over
    assert over is not None
    cells = row.clips.numbers(over.column)
    return dict(zip(cells, clip_values(over, list(cells.values())).tolist(), strict=True))


def _gap(a: float, b: float, reference: float | None = None) -> float:
    return a - b if reference is None else abs(a - reference) - abs(b - reference)


def _of_sets(column: str, by: str, rows: Sequence[Row]) -> Difference:
    """Jackknife of the difference, from the values that each row has without each actor."""
    scores = [row.result.scores[column] for row in rows]
    without = [s.interval.without if s.interval else {} for s in scores]
    values = [s.value for s in scores if s.value is not None]
    if any(s.n < s.of for s in scores) or len(values) < len(scores):
        return Difference(column, by, note="a set is comparable only where it is complete")
    if not without[0] or any(w.keys() != without[0].keys() for w in without):
        return Difference(column, by, note="its actors were not left out one by one")
    left_out = [_gap(*(w[actor] for w in without)) for actor in sorted(without[0])]
    found = jackknife_interval(
        _gap(*values),
        left_out,
        n_clips=scores[0].n,
        level=LEVEL,
        bounds=difference_bounds(_bounds_of(scores[0])),
    )
    known = len(left_out) > 1 and bool(np.isfinite([*left_out, *values]).all())
    test = pseudo_value_test(found.estimate, left_out) if known else None
    return Difference(column, by, found, test)


Tied = Callable[[str, str], bool]


def ties(column: str, rows: Mapping[str, Row], truth: Row | None) -> Tied:
    """Whether two rows, by name, are tied in a column; each pair is compared once."""
    known: dict[tuple[str, str], bool] = {}

    def are_tied(a: str, b: str) -> bool:
        pair = (a, b) if a < b else (b, a)
        if pair not in known:
            known[pair] = difference(column, rows[pair[0]], rows[pair[1]], truth).tied
        return known[pair]

    return are_tied
