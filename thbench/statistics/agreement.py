"""Krippendorff's alpha: agreement of raters who each saw some of the units.

Source: Krippendorff, Content Analysis (4th ed., 2018), chapter 12; Hayes & Krippendorff, Answering the call
for a standard reliability measure for coding data (2007).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Level: TypeAlias = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(ratings: Floats, level: Level) -> float | None:
    """1 is perfect agreement, 0 what chance gives, below 0 systematic disagreement.

    ratings  [raters, units], NaN where a rater did not see a unit

    None where nothing can be said: no unit has two ratings, or all ratings are one value.
    """
    values = np.unique(ratings[~np.isnan(ratings)])
    if len(values) < 2:
        return None
    counts = np.stack([np.sum(ratings == v, axis=0) for v in values], axis=1).astype(np.float64)
    return alpha_of_counts(counts, values, level)


def alpha_of_counts(counts: Floats, values: Floats, level: Level) -> float | None:
    """As `krippendorff_alpha`, from [units, values]: how often each value was given to each unit."""
    size = counts.sum(axis=1)
    paired = counts[size >= 2]
    n_unit = size[size >= 2]
    if not len(paired):
        return None
    # coincidences o[c, k] = sum_u n_uc (n_uk - [c = k]) / (n_u - 1)
    seen = (paired / (n_unit - 1)[:, None]).T @ paired
    seen -= np.diag((paired / (n_unit - 1)[:, None]).sum(axis=0))
    margin = seen.sum(axis=1)
    total = margin.sum()
    distance = _distance(values, margin, level)
    expected = float((np.outer(margin, margin) * distance).sum())
    if expected <= 0.0:
        return None
    return 1.0 - (float(total) - 1.0) * float((seen * distance).sum()) / expected


def _distance(values: Floats, margin: Floats, level: Level) -> Floats:
    """[values, values] squared differences."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        return np.asarray((values[:, None] - values[None]) ** 2)
    reach = np.cumsum(margin) - margin / 2  # sum_{g=c}^{k} n_g - (n_c + n_k) / 2
    return np.asarray((reach[:, None] - reach[None]) ** 2)
