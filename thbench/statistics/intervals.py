"""Intervals and paired tests for clips that are nested in actors.

Clips of one actor resemble each other, so the actor is the unit that is resampled, left out or
flipped, never the clip. docs/statistics.md has the coverage of every method, simulated.

    mean of clips          studentised bootstrap over actors        mean_interval
    medians, shares        expanded percentiles over actors         percentile_interval
    set metrics (FID)      delete-one-actor jackknife, Student t    set_interval, jackknife_interval

thbench/statistics/paired.py compares two systems with them.
Sources: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 11 and 12.5;
Cameron, Gelbach & Miller, Bootstrap-based improvements for inference with clustered errors (2008);
Hesterberg, What teachers should know about the bootstrap (2015), section 5.3 (expanded percentiles).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from thbench.errors import ClipFailure

Floats: TypeAlias = NDArray[np.float64]
Method: TypeAlias = Literal[
    "bootstrap-t", "student-t", "percentile", "jackknife", "constant", "none"
]

EVERYTHING = (-math.inf, math.inf)
FEWEST_ACTORS_TO_BOOTSTRAP = 6
"""With fewer the width is mostly noise: 9 to 12 times Student's with 4 actors, about twice with 5, for
at most 2.4 percent more coverage (docs/statistics.md)."""
WIDEST = 3.0
"""Widths of Student's interval that a bootstrap-t interval may have. Where two or three actors carry all of the
variation it has 5 to 14, and covers the truth less often than Student's (docs/statistics.md, table 5)."""
ONE_ACTOR = "one actor: nothing to learn about other actors from"
NOT_FINITE = "some clips have no finite value"
LARGEST = 1e100
"""Beyond it a value is as good as infinite: its square overflows in float64."""
DRAWN_AT_ONCE = 1_000_000
"""Actors of the resamples that are held in memory at a time: 8 MB for each array of them."""
FLAT = 1e-12
"""A spread below this share of the values is rounding, not variation."""


@dataclass(frozen=True)
class Interval:
    """A point estimate with its confidence interval.

    low, high  the limits, both None where there is no interval; otherwise low <= estimate <= high
    method     how it was made; `constant` is an interval of no width, because nothing varies
    note       why there is no interval, or why it is not the usual one; empty otherwise
    """

    low: float | None
    high: float | None
    estimate: float
    method: Method
    n_clips: int
    n_actors: int
    level: float = 0.95
    note: str = ""

    def contains(self, value: float) -> bool | None:
        """Whether `value` lies in the interval; None where there is no interval."""
        if self.low is None or self.high is None:
            return None
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Bounds:
    """Two limits, how they were made, and what is to be said about them."""

    low: float | None
    high: float | None
    method: Method
    note: str = ""

    def within(self, estimate: float, bounds: tuple[float, float]) -> Bounds:
        """Cut at what is possible, then keep the estimate inside: strong skew can put both limits
        on one side of it."""
        if self.low is None or self.high is None:
            return self
        low = min(max(self.low, bounds[0]), estimate)
        return replace(self, low=low, high=max(min(self.high, bounds[1]), estimate))

    def around(self, estimate: float, n_clips: int, n_actors: int, level: float) -> Interval:
        return Interval(
            self.low, self.high, estimate, self.method, n_clips, n_actors, level, self.note
        )


@dataclass(frozen=True, eq=False)
class Actors:
    """Per-actor sums, actors in name order: all that a clustered mean needs.

    names  [A]
    sizes  [A] clips of each actor
    sums   [A] sum of its clips' values
    scale  the largest |value|: what rounding errors are relative to
    """

    names: tuple[str, ...]
    sizes: Floats
    sums: Floats
    scale: float

    @classmethod
    def of(cls, values: Floats, actors: Sequence[str]) -> Actors:
        """Collect `values` [clips] by the actor of each clip."""
        names, owner = np.unique(np.asarray(actors, dtype=np.str_), return_inverse=True)
        sizes = np.bincount(owner, minlength=len(names)).astype(np.float64)
        sums = np.bincount(owner, weights=values, minlength=len(names)).astype(np.float64)
        scale = float(np.abs(values).max())
        return cls(tuple(str(name) for name in names), sizes, sums, scale)


def clustered_error(sizes: Floats, sums: Floats) -> tuple[Floats, Floats]:
    """Mean over clips and its standard error, along the last axis [..., A] of actors.

    The linearised cluster-robust error: se^2 = A / (A - 1) * sum_a (S_a - n_a * mean)^2 / N^2.
    With equally many clips per actor it is the textbook error of the mean of A actor means.
    """
    n_actors = sizes.shape[-1]
    total = sizes.sum(axis=-1)
    mean = sums.sum(axis=-1) / total
    residual = sums - sizes * mean[..., None]
    error = np.sqrt(n_actors / (n_actors - 1) * (residual**2).sum(axis=-1)) / total
    return mean, error


def mean_interval(
    values: Sequence[float] | Floats,
    actors: Sequence[str],
    *,
    level: float = 0.95,
    replicates: int = 9999,
    seed: int = 0,
    bounds: tuple[float, float] = EVERYTHING,
) -> Interval:
    """Interval of the mean of per-clip `values` by the studentised bootstrap over actors.

    values, actors  one per clip, in the same order; the result is a function of these and `seed`
    bounds          smallest and largest possible value (`Score.range`): limits beyond are cut there

    One actor has no interval. Two to five actors are too few to resample: Student's t with
    actors - 1 degrees of freedom takes over, and the note says so. Where nothing varies the interval
    has no width. Values that are not finite have no interval. Raises ValueError for no clips, unlike
    lengths or a level outside (0, 1).
    """
    data = np.asarray(values, dtype=np.float64)
    _check(len(data), len(actors), level)
    with np.errstate(invalid="ignore", over="ignore"):
        estimate = float(np.mean(data))
    n_actors = len(set(actors))
    if not (np.abs(data) <= LARGEST).all():
        limits = Bounds(None, None, "none", NOT_FINITE)
    elif n_actors == 1:
        limits = Bounds(None, None, "none", ONE_ACTOR)
    elif float(np.ptp(data)) <= FLAT * float(np.abs(data).max()):
        limits = Bounds(estimate, estimate, "constant", "every clip has this value")
    else:
        cast = Actors.of(data, actors)
        limits = _mean_limits(cast, estimate, level, replicates, seed).within(estimate, bounds)
    return limits.around(estimate, len(data), n_actors, level)


def _mean_limits(cast: Actors, estimate: float, level: float, replicates: int, seed: int) -> Bounds:
    error = float(clustered_error(cast.sizes, cast.sums)[1])
    if error <= FLAT * cast.scale:
        return Bounds(None, None, "none", "clips vary but the means of the actors agree by chance")
    n = len(cast.names)
    student = student_limits(estimate, error, n, level)
    if n < FEWEST_ACTORS_TO_BOOTSTRAP:
        return Bounds(*student, "student-t", f"{n} actors are too few to resample: Student's t")
    lower, upper = _bootstrap_t(cast, estimate, level, replicates, seed)
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return Bounds(*student, "student-t", "most actors are alike: Student's t")
    if (upper - lower) * error > WIDEST * (student[1] - student[0]):
        return Bounds(*student, "student-t", "a few actors carry all variation: Student's t")
    return Bounds(estimate - upper * error, estimate - lower * error, "bootstrap-t")


def _check(n_values: int, n_actors: int, level: float) -> None:
    if n_values == 0 or n_values != n_actors:
        raise ValueError(f"{n_values} values and {n_actors} actors: one actor per clip is needed")
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1")


def _bootstrap_t(
    cast: Actors, mean: float, level: float, replicates: int, seed: int
) -> tuple[float, float]:
    """Lower and upper quantile of t* = (mean* - mean) / se* over resampled actors.

    A resample without variation counts as an infinite t* on its side, so that it widens the interval
    instead of vanishing from it.
    """
    means, errors = _resampled(cast, replicates, seed)
    shift = means - mean
    flat = errors <= FLAT * cast.scale
    t = np.where(flat, np.copysign(math.inf, shift), shift / np.where(flat, 1.0, errors))
    t = np.where(flat & (np.abs(shift) <= FLAT * cast.scale), 0.0, t)
    tail = (1 - level) / 2
    low = np.quantile(t, tail, method="inverted_cdf")
    high = np.quantile(t, 1 - tail, method="inverted_cdf")
    return float(low), float(high)


def _resampled(cast: Actors, replicates: int, seed: int) -> tuple[Floats, Floats]:
    """Mean and error of every resample [replicates].

    Drawn and summed in blocks, which keeps memory flat: the numbers are those of one draw of all.
    """
    n, random = len(cast.names), np.random.default_rng(seed)
    block = max(1, DRAWN_AT_ONCE // n)
    found = []
    for start in range(0, replicates, block):
        drawn = random.integers(0, n, size=(min(block, replicates - start), n))  # [block, A]
        found.append(clustered_error(cast.sizes[drawn], cast.sums[drawn]))
    means, errors = zip(*found, strict=True)
    return np.concatenate(means), np.concatenate(errors)


def student_limits(
    estimate: float, error: float, n_actors: int, level: float
) -> tuple[float, float]:
    """`estimate` -+ `error` times the t quantile with n_actors - 1 degrees of freedom."""
    reach = float(stdtrit(n_actors - 1, (1 + level) / 2)) * error
    return estimate - reach, estimate + reach


# -- medians and the like -------------------------------------------------------------------------


def percentile_interval(
    values: Sequence[float] | Floats,
    actors: Sequence[str],
    statistic: Callable[[Floats], float],
    *,
    level: float = 0.95,
    replicates: int = 1999,
    seed: int = 0,
    bounds: tuple[float, float] = EVERYTHING,
) -> Interval:
    """Interval of any statistic of the clips' values, also of one that has no smooth error: a median.

    statistic  of the values [n] of some clips, whatever their order

    Percentiles of the statistic over resampled actors, further out by what a t quantile is beyond a
    normal one, since plain percentiles are too narrow for few actors. Fewer than six actors have no
    interval. Raises ValueError as `mean_interval` does.
    """
    data = np.asarray(values, dtype=np.float64)
    _check(len(data), len(actors), level)
    estimate = float(statistic(data))
    names = sorted(set(actors))
    if not (np.abs(data) <= LARGEST).all():
        limits = Bounds(None, None, "none", NOT_FINITE)
    elif len(names) < FEWEST_ACTORS_TO_BOOTSTRAP:
        limits = Bounds(None, None, "none", f"{len(names)} actors are too few to resample")
    else:
        owners = np.asarray(actors, dtype=np.str_)
        clips = [data[owners == name] for name in names]
        drawn = np.random.default_rng(seed).integers(0, len(names), size=(replicates, len(names)))
        resampled = [statistic(np.concatenate([clips[i] for i in row])) for row in drawn]
        tail = _expanded_tail(len(names), level)
        low, high = (float(x) for x in np.quantile(resampled, [tail, 1 - tail]))
        limits = Bounds(low, high, "percentile").within(estimate, bounds)
    return limits.around(estimate, len(data), len(names), level)


def _expanded_tail(n_actors: int, level: float) -> float:
    """The normal tail beyond sqrt(n / (n - 1)) times the t quantile: 0.00855 for ten actors, not 0.025."""
    reach = math.sqrt(n_actors / (n_actors - 1)) * stdtrit(n_actors - 1, (1 + level) / 2)
    return float(ndtr(-reach))


# -- set metrics --------------------------------------------------------------------------------


def jackknife_interval(
    estimate: float,
    leave_one_out: Sequence[float],
    *,
    n_clips: int,
    level: float = 0.95,
    bounds: tuple[float, float] = EVERYTHING,
) -> Interval:
    """Interval of a set metric from its values with each actor left out once.

    se^2 = (A - 1) / A * sum_a (value_without_a - their mean)^2, and Student's t with A - 1 degrees of
    freedom around `estimate` itself: the bias of FID is not corrected, because every published FID
    carries it. For smooth functions of the actors only; a median needs another method.
    """
    without = np.asarray(leave_one_out, dtype=np.float64)
    limits = _jackknife_limits(estimate, without, level).within(estimate, bounds)
    return limits.around(estimate, n_clips, len(without), level)


def _jackknife_limits(estimate: float, without: Floats, level: float) -> Bounds:
    n = len(without)
    if n < 2:
        return Bounds(None, None, "none", ONE_ACTOR)
    if not (np.abs([estimate, *without]) <= LARGEST).all():
        return Bounds(None, None, "none", "the value without one of the actors is not finite")
    error = float(jackknife_error(without))
    if error <= FLAT * float(np.abs(without).max()):
        return Bounds(estimate, estimate, "constant", "the same without any one of the actors")
    note = f"{n} actors are few: Student's t stands on a guess of their spread" if n < 4 else ""
    return Bounds(*student_limits(estimate, error, n, level), "jackknife", note)


def jackknife_error(without: Floats) -> Floats:
    """Standard error from leave-one-out values, along the last axis [..., A] of actors."""
    n = without.shape[-1]
    spread = ((without - without.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    return np.asarray(np.sqrt((n - 1) / n * spread), dtype=np.float64)


def set_interval(
    value: Callable[[Sequence[str]], float],
    actors: Sequence[str],
    *,
    level: float = 0.95,
    bounds: tuple[float, float] = EVERYTHING,
) -> Interval:
    """Jackknife interval of any function of a set of actors.

    value   the metric over the clips of the actors it is given, on both sides: the generated clips
            and the references of those actors, from per-actor moments say
    actors  one per clip

    The difference of two systems in a set metric is `value=lambda s: a(s) - b(s)`. Where the metric
    has no value without some actor (ClipFailure), there is no interval and the note says why.
    """
    _check(len(actors), len(actors), level)
    names = sorted(set(actors))
    estimate = value(names)
    if len(names) == 1:
        return jackknife_interval(estimate, [estimate], n_clips=len(actors), level=level)
    try:
        without = [value([other for other in names if other != name]) for name in names]
    except ClipFailure as failure:
        limits = Bounds(None, None, "none", f"no value without one actor: {failure.reason}")
        return limits.around(estimate, len(actors), len(names), level)
    return jackknife_interval(estimate, without, n_clips=len(actors), level=level, bounds=bounds)
