"""Rank correlations with intervals: of a few systems by Fisher's transformation, of clips by resampling them.

Sources: Bonett & Wright, Sample size requirements for estimating Pearson, Kendall and Spearman correlations,
Psychometrika 65 (2000): standard errors on Fisher's scale, sqrt((1 + r^2 / 2) / (n - 3)) of Spearman's and
sqrt(0.437 / (n - 4)) of Kendall's coefficient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import kendalltau, rankdata

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Kind: TypeAlias = Literal["spearman", "kendall"]

FEWEST = 6
"""Points below which a rank correlation has no interval: five systems have 120 orders, and the formula's
standard error of Kendall's coefficient is 0.66."""
RESAMPLES = 300
MOST_LOST = 0.1
"""Share of resamples in which one side does not vary, beyond which there is no interval."""
_Z = 1.959963984540054  # of the standard normal distribution at 0.975
_END = 0.999  # Fisher's scale has no end


@dataclass(frozen=True)
class Correlation:
    """A coefficient of `n` points with its 95 % interval; what is missing, `note` says why."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""

    @property
    def tells(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def doubt(self) -> str:
        """Why nothing can be concluded; empty where something can."""
        return "" if self.tells else self.note or "the interval has 0 in it"


def coefficient(kind: Kind, x: Floats, y: Floats) -> float | None:
    """Spearman's rho or Kendall's tau-b of x, y [n]; None where one side does not vary or n < 2."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    if kind == "kendall":
        return float(kendalltau(x, y, method="asymptotic").statistic)
    a, b = rankdata(x) - (len(x) + 1) / 2, rankdata(y) - (len(y) + 1) / 2
    return float(np.clip(a @ b / math.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def of_points(kind: Kind, x: Floats, y: Floats) -> Correlation:
    """Of independent points x, y [n], such as systems.

    Fisher's scale has no end: a perfect order counts there as one with two neighbours swapped.
    """
    value, n = coefficient(kind, x, y), len(x)
    if value is None:
        return Correlation(None, None, None, n, _why_none(n))
    if n < FEWEST:
        return Correlation(value, None, None, n, _few(n, "points"))
    swapped = 1 - (12 / (n * (n * n - 1)) if kind == "spearman" else 4 / (n * (n - 1)))
    middle = min(max(value, -swapped), swapped)
    error = math.sqrt((1 + middle**2 / 2) / (n - 3) if kind == "spearman" else 0.437 / (n - 4))
    low, high = (math.tanh(math.atanh(middle) + side * _Z * error) for side in (-1, 1))
    return Correlation(value, min(low, value), max(high, value), n)


def of_clusters(kind: Kind, x: Floats, y: Floats, clusters: Ints, seed: int) -> Correlation:
    """Of points x, y [n] in clusters [n], numbered from 0, such as clips of which every system has one.

    The standard error on Fisher's scale is that over resampled clusters, the interval Student's with one degree of
    freedom less than there are clusters: plain percentiles are too narrow for the clips that a study has.
    """
    value, n = coefficient(kind, x, y), len(x)
    if value is None:
        return Correlation(None, None, None, n, _why_none(n))
    count = int(clusters.max()) + 1
    if count < FEWEST:
        return Correlation(value, None, None, n, _few(count, "clips"))
    members = [np.flatnonzero(clusters == c) for c in range(count)]
    rng = np.random.default_rng(seed)
    found = []
    for drawn in rng.integers(count, size=(RESAMPLES, count)).tolist():
        points = np.concatenate([members[c] for c in drawn])
        found.append(coefficient(kind, x[points], y[points]))
    known = [v for v in found if v is not None]
    if len(known) < (1 - MOST_LOST) * RESAMPLES:
        return Correlation(value, None, None, n, "one side hardly varies")
    spread = float(np.std(np.arctanh(np.clip(known, -_END, _END)), ddof=1))
    reach = float(stdtrit(count - 1, 0.975)) * spread * math.sqrt(count / (count - 1))
    middle = math.atanh(min(max(value, -_END), _END))
    low, high = math.tanh(middle - reach), math.tanh(middle + reach)
    return Correlation(value, min(low, value), max(high, value), n)


def _why_none(n: int) -> str:
    return "one side does not vary" if n > 1 else "fewer than two points"


def _few(n: int, what: str) -> str:
    return f"{n} {what}: fewer than {FEWEST} have no interval"
