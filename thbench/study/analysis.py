"""Votes -> worth or mean ratings with intervals, pairs told apart, agreement. Pure functions of votes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from thbench.results.people import EntryVotes, Estimate
from thbench.statistics.agreement import krippendorff_alpha
from thbench.statistics.preferences import Votes, davidson, why_no_maximum
from thbench.statistics.two_way import (
    Spread,
    more_raters,
    spread_of,
    two_way_interval,
)
from thbench.study.document import PairVotes, QuestionResult, Vote
from thbench.study.form import EntryRecord, Form

Floats: TypeAlias = NDArray[np.float64]
SEED = 0
MOST_RATERS = 100_000


@dataclass(frozen=True)
class Data:
    """Votes of one question as arrays [n]; raters and clips are numbered from 0."""

    votes: Sequence[Vote]
    raters: NDArray[np.intp]
    clips: NDArray[np.intp]

    @classmethod
    def of(cls, votes: Sequence[Vote]) -> Data:
        return cls(votes, _numbered([v.rater for v in votes]), _numbered([v.clip for v in votes]))

    def column(self, name: str) -> NDArray[np.intp]:
        return np.array([getattr(v, name) for v in self.votes], dtype=np.intp)


def question_result(
    form: Form,
    question: str,
    votes: Sequence[Vote],
    entries: Sequence[EntryRecord],
    left: tuple[int, int],
    regularise: float,
) -> QuestionResult:
    """Everything that is said of one question.

    left        how often the left one was chosen, and how often either was
    regularise  votes added to every pair, half a win for either side; 0 is plain maximum likelihood
    """
    shown = [i for i, entry in enumerate(entries) if entry.contestant]
    mine = [v for v in votes if v.question == question]
    names = [entries[i].name for i in shown]
    if not mine:
        found = _nothing(shown, entries, names)
        return QuestionResult(
            question=question, entries=found, pairs=(), tie_weight=None, alpha=None, alpha_level="",
            votes=0, ties=0, left_share=None, note="no votes",
        )  # fmt: skip
    data = Data.of(mine)
    if form == "2afc":
        spread, why, nu = _worth(data, shown, names, regularise)
        level, alpha = "nominal", krippendorff_alpha(_units_of_pairs(data), "nominal")
    else:
        spread, why, nu = _means(data, shown), "", None
        level, alpha = "ordinal", krippendorff_alpha(_units_of_videos(data), "ordinal")
    pairs = tuple(_pairs(form, data, shown, names, spread, why))
    return QuestionResult(
        question=question,
        entries=tuple(_entries(form, data, shown, entries, spread, why, pairs)),
        pairs=pairs,
        tie_weight=nu,
        alpha=alpha,
        alpha_level=level,
        votes=len(mine),
        ties=sum(v.outcome == 1 for v in mine) if form == "2afc" else 0,
        left_share=left[0] / left[1] if left[1] else None,
        note=why,
    )


def _nothing(
    shown: Sequence[int], entries: Sequence[EntryRecord], names: Sequence[str]
) -> tuple[EntryVotes, ...]:
    return tuple(
        EntryVotes(
            name=name, kind=entries[i].kind, resolution=entries[i].resolution, votes=0, ties=0,
            score=Estimate(value=None, note="no votes"), share=None, place="",
        )
        for i, name in zip(shown, names, strict=True)
    )  # fmt: skip


def _worth(
    data: Data, shown: Sequence[int], names: Sequence[str], regularise: float
) -> tuple[Spread | None, str, float | None]:
    """Spread of the worth of the shown entries; why there is none; nu."""
    place = {entry: i for i, entry in enumerate(shown)}
    first, second = ([place[int(e)] for e in data.column(n)] for n in ("first", "second"))
    votes = Votes(len(shown), np.array(first), np.array(second), data.column("outcome"))
    counts = votes.counts(np.ones((1, len(first))))
    if not regularise and (why := why_no_maximum(counts[0], names)):
        return None, why, None
    theta, nu = davidson(counts, len(shown), regularise)
    if np.isnan(theta).any():
        return None, "the votes put one system beyond every odds that can be told", None

    def estimate(weights: Floats) -> Floats:
        return davidson(votes.counts(weights), len(shown), regularise)[0]

    return spread_of(estimate, data.raters, data.clips, SEED), "", float(nu[0])


def _means(data: Data, shown: Sequence[int]) -> Spread:
    """Spread of the mean rating of the shown entries."""
    entry, rating = data.column("first"), data.column("outcome").astype(np.float64)
    member = np.array([[e == s for s in shown] for e in entry.tolist()], dtype=np.float64)

    def estimate(weights: Floats) -> Floats:
        total = weights @ member
        sums = (weights * rating) @ member
        return np.asarray(np.where(total > 0, sums / np.where(total > 0, total, 1.0), np.nan))

    return spread_of(estimate, data.raters, data.clips, SEED)


def _estimate(spread: Spread | None, contrast: Floats, why: str) -> Estimate:
    if spread is None:
        return Estimate(value=None, note=why)
    # an entry without any vote is NaN: its contrast is, others are not
    used = contrast != 0
    kept = Spread(
        spread.point[used], spread.raters[:, used], spread.clips[:, used], spread.votes[:, used],
        spread.n_raters, spread.n_clips, spread.n,
    )  # fmt: skip
    if np.isnan(kept.point).any():
        return Estimate(value=None, note="no votes")
    found = two_way_interval(kept, contrast[used])
    return Estimate(value=found.value, low=found.low, high=found.high, note=found.note)


def _pairs(
    form: Form,
    data: Data,
    shown: Sequence[int],
    names: Sequence[str],
    spread: Spread | None,
    why: str,
) -> list[PairVotes]:
    found = []
    for a, b in combinations(range(len(shown)), 2):
        met = [v.outcome for v in data.votes if (v.first, v.second) == (shown[a], shown[b])]
        counts = [met.count(o) for o in (0, 1, 2)] if form == "2afc" else [0, 0, 0]
        contrast = np.zeros(len(shown))
        contrast[a], contrast[b] = 1.0, -1.0
        difference = _estimate(spread, contrast, why)
        low, high = difference.low, difference.high
        decided = low is not None and high is not None and (low > 0 or high < 0)
        more, note = (None, "") if decided else _more(spread, contrast, difference)
        found.append(
            PairVotes(
                first=names[a], second=names[b], wins=counts[0], ties=counts[1], losses=counts[2],
                difference=difference, decided=decided, more_raters=more, note=note,
            )
        )  # fmt: skip
    return found


def _more(spread: Spread | None, contrast: Floats, difference: Estimate) -> tuple[int | None, str]:
    """Raters to be added for a decision, or why no number is told."""
    if spread is None or difference.low is None:
        return None, difference.note
    times = more_raters(spread, contrast)
    if times is None:
        return None, "too few raters or clips to tell"
    if math.isinf(times):
        return None, "no number of raters: other clips differ by more than these systems"
    needed = math.ceil(max(times - 1, 0.0) * spread.n_raters)
    if needed > MOST_RATERS:
        return None, f"more than {MOST_RATERS:,} raters: the difference is next to nothing"
    return max(needed, 1), ""


def _entries(
    form: Form,
    data: Data,
    shown: Sequence[int],
    entries: Sequence[EntryRecord],
    spread: Spread | None,
    why: str,
    pairs: Sequence[PairVotes],
) -> list[EntryVotes]:
    rows = []
    places = _places([entries[i].name for i in shown], spread, pairs)
    for number, i in enumerate(shown):
        contrast = np.zeros(len(shown))
        contrast[number] = 1.0
        about = [v for v in data.votes if i in (v.first, v.second)]
        won = [_won(v, i) for v in about]
        pair = form == "2afc"
        rows.append(
            EntryVotes(
                name=entries[i].name,
                kind=entries[i].kind,
                resolution=entries[i].resolution,
                score=_estimate(spread, contrast, why),
                share=sum(won) / len(won) if pair and won else None,
                votes=len(about),
                ties=sum(v.outcome == 1 for v in about) if pair else 0,
                place=places[entries[i].name],
            )
        )
    return sorted(rows, key=lambda r: (r.score.value is None, -(r.score.value or 0.0), r.name))


def _won(vote: Vote, entry: int) -> float:
    if vote.outcome == 1:
        return 0.5
    return float((vote.outcome == 0) == (vote.first == entry))


def _places(
    names: Sequence[str], spread: Spread | None, pairs: Sequence[PairVotes]
) -> Mapping[str, str]:
    """The places an entry may hold: after all that are told to be better, before all told to be worse."""
    if spread is None:
        return dict.fromkeys(names, "")
    better, worse = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for pair in pairs:
        if pair.decided and pair.difference.value is not None:
            up, down = (
                (pair.first, pair.second)
                if pair.difference.value > 0
                else (pair.second, pair.first)
            )
            better[down] += 1
            worse[up] += 1
    ends = {name: (better[name] + 1, len(names) - worse[name]) for name in names}
    return {name: f"{a}" if a == b else f"{a}–{b}" for name, (a, b) in ends.items()}


def _units_of_pairs(data: Data) -> Floats:
    """[raters, (clip, pair)]: outcomes of the pair in its one orientation."""
    return _matrix(data, lambda v: (v.clip, v.first, v.second))


def _units_of_videos(data: Data) -> Floats:
    """[raters, (clip, entry)] ratings."""
    return _matrix(data, lambda v: (v.clip, v.first))


def _matrix(data: Data, unit: Callable[[Vote], object]) -> Floats:
    units = _numbered([unit(v) for v in data.votes])
    found = np.full((int(data.raters.max()) + 1, int(units.max()) + 1), np.nan)
    for vote, rater, number in zip(data.votes, data.raters.tolist(), units.tolist(), strict=True):
        found[rater, number] = vote.outcome
    return found


def _numbered(values: Sequence[object]) -> NDArray[np.intp]:
    """0, 1, ... in the order in which values first occur."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(v, len(known)) for v in values], dtype=np.intp)
