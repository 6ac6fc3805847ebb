"""Confidence intervals of the numbers of one row: from the rows of its clips, or by leaving actors out.

thbench/statistics/intervals.py has the methods, docs/statistics.md how often they are right. Everything here is
a pure function of numbers with one fixed seed, so that the same clips table gives the same limits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from thbench.api import Aggregation, Score
from thbench.results.document import IntervalRecord, OverRecord
from thbench.statistics.intervals import (
    Floats,
    Interval,
    jackknife_interval,
    mean_interval,
    percentile_interval,
)

LEVEL = 0.95
SEED = 0
MOST_VISITS = 100_000
"""Beyond so many observations read again (clips x actors), a set metric is not jackknifed."""
SAME = 1e-9
"""Relative difference up to which a recomputed number is the recorded one: sums in another order."""

Without = Mapping[str, Mapping[str, float | None]]
"""Actor left out on both sides -> score -> value, None where there is none."""


def over_of(name: str, score: Score, rows: Sequence[Mapping[str, float]]) -> Aggregation | None:
    """How the score follows from rows of clips; None for a set's own number.

    Declared, or the mean of a row of the score's name where every clip has one.
    """
    if score.set_level:
        return None
    over = score.over or Aggregation(name)
    return over if rows and all(over.row in row for row in rows) else None


def clip_values(over: Aggregation | OverRecord, values: Sequence[float]) -> Floats:
    """[clips] what the statistic is taken of, from the row's values."""
    data = np.asarray(values, dtype=np.float64)
    if over.absolute:
        data = np.abs(data)
    return data if over.at_most is None else (data <= over.at_most).astype(np.float64)


def statistic(over: Aggregation | OverRecord, values: Floats) -> float:
    """The score of [clips] values that `clip_values` gave."""
    return float(np.median(values) if over.statistic == "median" else np.mean(values))


def is_same(a: float, b: float, relative: float = SAME) -> bool:
    """Whether two numbers are one but for rounding."""
    return math.isclose(a, b, rel_tol=relative, abs_tol=1e-12)


def row_interval(
    over: Aggregation | OverRecord,
    values: Floats,
    actors: Sequence[str],
    bounds: tuple[float, float],
) -> Interval:
    """Interval of a score over clips: bootstrap-t of a mean, percentiles of a median or share."""
    if over.statistic == "mean" and over.at_most is None:
        return mean_interval(values, actors, level=LEVEL, seed=SEED, bounds=bounds)
    return percentile_interval(
        values, actors, lambda v: statistic(over, v), level=LEVEL, seed=SEED, bounds=bounds
    )


def interval_record(
    interval: Interval, without: Mapping[str, float] | None = None
) -> IntervalRecord:
    return IntervalRecord(
        low=interval.low,
        high=interval.high,
        level=interval.level,
        method=interval.method,
        n_actors=interval.n_actors,
        note=interval.note,
        without=dict(without or {}),
    )


def with_note(record: IntervalRecord | None, note: str) -> IntervalRecord | None:
    """The record, if there is one, with one more note; an empty one changes nothing."""
    if record is None or not note:
        return record
    return record.model_copy(update={"note": "; ".join(filter(None, [record.note, note]))})


def no_interval(n_actors: int, note: str) -> IntervalRecord:
    return IntervalRecord(
        low=None, high=None, level=LEVEL, method="none", n_actors=n_actors, note=note
    )


def of_rows(
    name: str,
    score: Score,
    value: float,
    rows: Sequence[Mapping[str, float]],
    actors: Sequence[str],
) -> tuple[Aggregation | None, IntervalRecord]:
    """The interval of a score that is no set's own, and the rule it follows.

    A score that is not what its rows say has neither.
    """
    n_actors = len(set(actors))
    over = over_of(name, score, rows)
    if over is None:
        return None, no_interval(n_actors, "the metric does not say how it follows from its rows")
    values = clip_values(over, [row[over.row] for row in rows])
    if not is_same(statistic(over, values), value):
        return None, no_interval(n_actors, "the value is not what the metric says of its rows")
    return over, interval_record(row_interval(over, values, actors, score.range))


def of_set(name: str, score: Score, value: float, without: Without, n_clips: int) -> IntervalRecord:
    """The jackknife of a set metric, from its values with each actor left out on both sides."""
    lacking = [actor for actor, values in without.items() if values.get(name) is None]
    if not without:
        return no_interval(0, "actors were not left out one by one: too few or too many")
    if lacking:
        return no_interval(len(without), f"no value without actor {lacking[0]}")
    kept = {a: v for a, values in sorted(without.items()) if (v := values[name]) is not None}
    found = jackknife_interval(
        value, list(kept.values()), n_clips=n_clips, level=LEVEL, bounds=score.range
    )
    return interval_record(found, kept)
