"""Intervals where observations are clustered two ways, by rater and by clip, by three bootstraps.

The variance is that of raters resampled, plus that of clips resampled, minus that of single votes resampled,
which both of the others contain (Cameron, Gelbach & Miller, Robust inference with multiway clustering, 2011;
Owen & Eckles, Bootstrapping data arrays of arbitrary order, 2012, on why resampling both at once is too wide).
Student's t with as many degrees of freedom as the fewer of raters and clips, less one. How often the
intervals cover the truth is measured in docs/human_study.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Estimate: TypeAlias = Callable[[Floats], Floats]
"""weights [B, n] of the observations -> [B, k] values, NaN where there is none."""

RESAMPLES = 400
FEWEST = 3
"""Raters, and clips, without which there is no interval."""
MOST_LOST = 0.1
"""Share of resamples without a value beyond which there is no interval."""


@dataclass(frozen=True)
class Spread:
    """point [k]; and [B, k] of raters, clips and single votes resampled."""

    point: Floats
    raters: Floats
    clips: Floats
    votes: Floats
    n_raters: int
    n_clips: int
    n: int

    @property
    def degrees(self) -> int:
        return min(self.n_raters, self.n_clips) - 1

    def parts(self, contrast: Floats) -> tuple[float, float, float] | None:
        """Variances by rater, by clip and of single votes of `contrast` [k] times the values; None without."""
        found = []
        groups = ((self.raters, self.n_raters), (self.clips, self.n_clips), (self.votes, self.n))
        for values, count in groups:
            if count < 2:
                return None
            scale = _scale(values @ contrast)
            if scale is None:
                return None
            found.append(scale**2 * count / (count - 1))
        return found[0], found[1], found[2]


@dataclass(frozen=True)
class TwoWayInterval:
    """A value and its limits, None with the reason in `note` where there are none."""

    value: float
    low: float | None
    high: float | None
    error: float | None
    note: str = ""


def spread_of(estimate: Estimate, raters: Ints, clips: Ints, seed: int) -> Spread:
    """Resample [n] votes by rater, by clip and one by one. raters, clips: numbers from 0."""
    rng = np.random.default_rng(seed)
    n, n_raters, n_clips = len(raters), int(raters.max()) + 1, int(clips.max()) + 1

    def drawn(count: int, owner: Ints) -> Floats:
        times = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
        return estimate(times[:, owner].astype(np.float64))

    point = estimate(np.ones((1, n)))[0]
    return Spread(
        point,
        drawn(n_raters, raters),
        drawn(n_clips, clips),
        drawn(n, np.arange(n)),
        n_raters,
        n_clips,
        n,
    )


def two_way_interval(spread: Spread, contrast: Floats, level: float = 0.95) -> TwoWayInterval:
    """Of `contrast` [k] times the values of the spread."""
    value = float(spread.point @ contrast)
    if min(spread.n_raters, spread.n_clips) < FEWEST:
        few = "raters" if spread.n_raters < FEWEST else "clips"
        return TwoWayInterval(value, None, None, None, f"fewer than {FEWEST} {few}")
    parts = spread.parts(contrast)
    if parts is None:
        note = f"over {MOST_LOST:.0%} of the resamples have no maximum: more votes, or --regularise"
        return TwoWayInterval(value, None, None, None, note)
    by_rater, by_clip, single = parts
    error = math.sqrt(max(by_rater + by_clip - single, by_rater, by_clip))
    half = float(stdtrit(spread.degrees, (1 + level) / 2)) * error
    return TwoWayInterval(value, value - half, value + half, error)


def more_raters(
    spread: Spread, contrast: Floats, power: float = 0.8, level: float = 0.95
) -> float | None:
    """Times as many raters that tell `contrast` from 0 with this power, if its value is the truth; inf: no number.

    With k times the raters the part of raters and of single votes falls to 1 / k; that of the clips stays.
    None where there is no interval.
    """
    parts = spread.parts(contrast)
    if parts is None or spread.degrees < 1:
        return None
    by_rater, by_clip, single = parts
    reach = float(stdtrit(spread.degrees, (1 + level) / 2) + stdtrit(spread.degrees, power))
    wanted = (float(spread.point @ contrast) / reach) ** 2
    left = wanted - max(by_clip - single, 0.0)
    return math.inf if left <= 0.0 else max(by_rater, single) / left


def _scale(values: Floats) -> float | None:
    """Half of what the middle 68 % span: a standard deviation that single lost resamples do not move."""
    lost = np.isnan(values)
    if lost.mean() > MOST_LOST:
        return None
    low, high = np.quantile(values[~lost], [0.158655, 0.841345])
    return float(high - low) / 2
