"""Two systems on the same clips: paired differences, what is to be said of them, and places with ties.

    mean of clips      paired_difference: bootstrap-t of the differences
    nearer-reference   paired_distance: jackknife
    medians            paired_median: expanded percentiles
    set metrics (FID)  thbench.statistics.intervals.set_interval with value=lambda actors: a(actors) - b(actors)
    tables             tied, ranks_with_ties

Each with its permutation test of thbench/statistics/permutation.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thbench.statistics.intervals import (
    EVERYTHING,
    Floats,
    Interval,
    mean_interval,
    percentile_interval,
    set_interval,
)
from thbench.statistics.permutation import (
    Test,
    exchange_test,
    sign_flip_test,
    smallest_p,
    swap_test,
)

ACTORS_UNKNOWN = "actors are unknown, every clip counts as one: intervals are too narrow where people appear in several"


def actors_notes(n_actors: int, unknown: bool) -> list[str]:
    """What is to be said of the actors that intervals and tests go over."""
    notes = [ACTORS_UNKNOWN if unknown else "", few_actors(n_actors)]
    return [note for note in notes if note]


def few_actors(n_actors: int, level: float = 0.95) -> str:
    """What is to be said where no test of two systems can reach 1 - level; empty where one can."""
    if n_actors < 1 or smallest_p(n_actors) <= 1 - level:
        return ""
    people = "1 actor is" if n_actors == 1 else f"{n_actors} actors are"
    return f"{people} few: no test of two systems can go below p = {smallest_p(n_actors):.3g}"


def pairs_note(n_systems: int, level: float = 0.95) -> str:
    """What comparing every pair at `level` means; empty for fewer than three systems."""
    pairs = n_systems * (n_systems - 1) // 2
    if n_systems < 3:
        return ""
    return (
        f"{n_systems} systems make {pairs} pairs, each compared at {level:.0%}: of equal ones about "
        f"{pairs * (1 - level):.2g} would be told apart by chance (no correction for their number)"
    )


def difference_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    """What the difference of two values in `bounds` (Score.range) can be, and that of two distances."""
    width = bounds[1] - bounds[0]
    return (-width, width) if np.isfinite(width) else EVERYTHING


@dataclass(frozen=True)
class Comparison:
    """System a minus system b in the mean over the clips that both have.

    test            None where a difference is not finite
    only_a, only_b  clips that one of them lacks, and which are therefore not compared
    """

    difference: Interval
    test: Test | None
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def paired_difference(
    a: Mapping[str, float],
    b: Mapping[str, float],
    actors: Mapping[str, str],
    *,
    level: float = 0.95,
    seed: int = 0,
    bounds: tuple[float, float] = EVERYTHING,
) -> Comparison:
    """Compare two systems on the clips that both have; `a`, `b` and `actors` go by clip id.

    bounds  smallest and largest possible value of a clip: no difference is beyond their width

    Raises ValueError where they share no clip.
    """
    shared = sorted(a.keys() & b.keys())
    if not shared:
        raise ValueError("the two systems share no clip")
    difference = [a[clip] - b[clip] for clip in shared]
    owners = [actors[clip] for clip in shared]
    finite = bool(np.isfinite(difference).all())
    return Comparison(
        mean_interval(difference, owners, level=level, seed=seed, bounds=difference_bounds(bounds)),
        sign_flip_test(difference, owners, seed=seed) if finite else None,
        tuple(sorted(a.keys() - b.keys())),
        tuple(sorted(b.keys() - a.keys())),
    )


def paired_distance(
    a: Mapping[str, float],
    b: Mapping[str, float],
    reference: Mapping[str, float],
    actors: Mapping[str, str],
    *,
    level: float = 0.95,
    seed: int = 0,
    bounds: tuple[float, float] = EVERYTHING,
) -> Comparison:
    """|mean a - mean reference| minus the same of b, for scores ranked by nearness to the reference.

    On the clips that all three have. A jackknife: the distance of means is no mean of distances.
    `bounds` as in `paired_difference`. Raises ValueError where they share no clip.
    """
    shared = sorted(a.keys() & b.keys() & reference.keys())
    if not shared:
        raise ValueError("the systems and the reference share no clip")
    clips: dict[str, list[str]] = {}
    for clip in shared:
        clips.setdefault(actors[clip], []).append(clip)

    def gap(system: Mapping[str, float], cast: Sequence[str]) -> float:
        return abs(float(np.mean([system[c] - reference[c] for name in cast for c in clips[name]])))

    owners = [actors[clip] for clip in shared]
    ours, theirs = ([of[clip] - reference[clip] for clip in shared] for of in (a, b))
    return Comparison(
        set_interval(
            lambda cast: gap(a, cast) - gap(b, cast),
            owners,
            level=level,
            bounds=difference_bounds(bounds),
        ),
        swap_test(ours, theirs, owners, seed=seed) if np.isfinite([ours, theirs]).all() else None,
        tuple(sorted(a.keys() - b.keys())),
        tuple(sorted(b.keys() - a.keys())),
    )


def paired_median(
    values: Sequence[Sequence[float]],
    actors: Sequence[str],
    *,
    level: float = 0.95,
    seed: int = 0,
    bounds: tuple[float, float] = EVERYTHING,
) -> tuple[Interval, Test | None]:
    """Median of a minus median of b, or |median - reference's| of a minus that of b.

    values  a and b, and the reference third where nearness to it decides; each [clips]
    bounds  of a clip's value, as in `paired_difference`

    No test where a value is not finite. Raises ValueError for no clips.
    """
    table = np.asarray(values, dtype=np.float64)  # [2 or 3, clips]
    middle = float(np.median(table[2])) if len(table) == 3 else None

    def gap(x: Floats, y: Floats, reference: float | None = middle) -> float:
        a, b = float(np.median(x)), float(np.median(y))
        return a - b if reference is None else abs(a - reference) - abs(b - reference)

    def of_clips(drawn: Floats) -> float:
        part = table[:, drawn.astype(np.int64)]
        return gap(part[0], part[1], float(np.median(part[2])) if len(part) == 3 else None)

    places = np.arange(table.shape[1], dtype=np.float64)
    interval = percentile_interval(
        places, actors, of_clips, level=level, seed=seed, bounds=difference_bounds(bounds)
    )
    finite = bool(np.isfinite(table).all())
    return interval, exchange_test(
        table[0].tolist(), table[1].tolist(), actors, gap, seed=seed
    ) if finite else None


def tied(difference: Interval) -> bool:
    """Whether two systems cannot be told apart: 0 lies in the interval of their paired difference,
    or there is no interval at all."""
    return difference.contains(0.0) is not False


# -- tables -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rank:
    """The places a system may hold: first = 1 + systems that beat it, last = n - systems it beats.

    `tied_with` names the systems it cannot be told apart from. Being tied is not transitive: with
    a ~ b, b ~ c and a better than c, a may be 1-2, b 1-3 and c 2-3.
    """

    first: int
    last: int
    tied_with: tuple[str, ...]

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


def ranks_with_ties(order: Sequence[str], tied: Callable[[str, str], bool]) -> dict[str, Rank]:
    """Places of the systems in `order`, best first, where `tied(a, b)` says which pairs stay open.

    Pairs are not corrected for their number: see docs/statistics.md. Raises ValueError for a system
    named twice.
    """
    if len(set(order)) != len(order):
        raise ValueError("a system is named twice")
    ranks = {}
    for place, name in enumerate(order):
        open_pairs = tuple(other for other in order if other != name and tied(name, other))
        better = sum(other not in open_pairs for other in order[:place])
        worse = sum(other not in open_pairs for other in order[place + 1 :])
        ranks[name] = Rank(1 + better, len(order) - worse, open_pairs)
    return ranks
