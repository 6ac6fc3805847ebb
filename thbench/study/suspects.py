"""Raters who answer against the others, or as chance would: shown, not dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from thbench.study.document import Vote
from thbench.study.form import Form

RARE = 0.05
"""Chance, over all raters together, of calling one reversed who answers at random."""
FEWEST = 8
"""Answers below which nothing is said of a rater."""
FEWEST_FOR_CHANCE = 20
"""Answers below which an honest rater is often not told from chance, so that it is not said."""


@dataclass(frozen=True)
class Agreement:
    """share of the answers that chose as the sum of the other raters' answers on the same systems did."""

    share: float | None
    compared: int
    suspect: str


def agreements(
    form: Form, votes: Mapping[str, Sequence[Vote]], kept: Sequence[str]
) -> dict[str, Agreement]:
    """Rater -> agreement with the kept others; reversed where it is far below one half.

    votes  rater -> answers of the question that catch trials are judged by
    """
    scores = {rater: _scores(form, mine) for rater, mine in votes.items()}
    found = {}
    for rater, mine in votes.items():
        others: dict[object, float] = {}
        for other in kept:
            if other != rater:
                for what, value in scores[other].items():
                    others[what] = others.get(what, 0.0) + value
        sides = [
            value * others[what] > 0
            for what, value in _each(form, mine)
            if value and others.get(what, 0.0)
        ]
        found[rater] = _said(sum(sides), len(sides), len(votes))
    return found


def _said(agreed: int, compared: int, raters: int) -> Agreement:
    if compared < FEWEST:
        return Agreement(None, compared, "")
    share = agreed / compared
    if binom.cdf(agreed, compared, 0.5) < RARE / max(raters, 1):
        return Agreement(share, compared, "reversed: against the others")
    if compared >= FEWEST_FOR_CHANCE and binom.sf(agreed - 1, compared, 0.5) > 0.05:
        return Agreement(share, compared, "no better than chance")
    return Agreement(share, compared, "")


def _scores(form: Form, votes: Sequence[Vote]) -> dict[object, float]:
    found: dict[object, float] = {}
    for what, value in _each(form, votes):
        found[what] = found.get(what, 0.0) + value
    return found


def _each(form: Form, votes: Sequence[Vote]) -> list[tuple[object, float]]:
    """(what was judged, which way): a pair of systems, or in `mos` a system above or below the rater's mean."""
    if form == "2afc":
        return [((v.first, v.second), float(1 - v.outcome)) for v in votes]
    mean = float(np.mean([v.outcome for v in votes])) if votes else 0.0
    return [(v.first, v.outcome - mean) for v in votes]
