"""Two systems on the same clips: paired differences, a permutation test, and places with ties.

    mean of clips          paired_difference: bootstrap-t of the differences, and sign_flip_test
    nearer-reference       paired_distance, and swap_test
    several tests at once  holm
    set metrics (FID)      thbench.statistics.intervals.set_interval with value=lambda actors: a(actors) - b(actors)
    tables                 tied, ranks_with_ties

Sources: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses (2005), chapter 3; Holm, A simple sequentially
rejective multiple test procedure (1979).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thbench.statistics.intervals import (
    EVERYTHING,
    FLAT,
    Actors,
    Floats,
    Interval,
    mean_interval,
    set_interval,
)

EXACT_FLIPS = 16
"""Up to so many actors all 2^actors sign flips are enumerated."""


def smallest_p(n_actors: int) -> float:
    """The smallest p that exchanging two systems actor by actor can reach: 0.25 for three actors."""
    return 2.0 ** (1 - n_actors)


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
class Test:
    """A two-sided permutation test over actors.

    p_value   share of exchanges at least as extreme as what was seen, the seen one included
    smallest  the smallest p there can be: 2 / 2^actors where exact, else 1 / (1 + draws)
    exact     every exchange was enumerated, none drawn
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name

    p_value: float
    smallest: float
    exact: bool
    n_actors: int


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


def sign_flip_test(
    differences: Sequence[float], actors: Sequence[str], *, draws: int = 99_999, seed: int = 0
) -> Test:
    """Permutation test of "neither system is better": the sign of all clips of an actor flips at once.

    Up to 16 actors every one of the 2^actors flips is enumerated; beyond, `draws` of them are drawn
    from `seed` and p = (1 + as extreme) / (1 + draws). Raises ValueError for values that are not
    finite, for no clips and for unlike lengths.
    """
    data = np.asarray(differences, dtype=np.float64)
    if len(data) == 0 or len(data) != len(actors) or not np.isfinite(data).all():
        raise ValueError("one finite difference and one actor per clip are needed")
    sums = Actors.of(data, actors).sums
    n = len(sums)
    seen = abs(float(sums.sum())) - FLAT * float(np.abs(sums).sum())  # equal sums count as extreme
    if n <= EXACT_FLIPS:
        return Test(_as_extreme(_every_flip(n), sums, seen) / 2**n, smallest_p(n), True, n)
    extreme = sum(_as_extreme(signs, sums, seen) for signs in _drawn_flips(n, draws, seed))
    return Test((1 + extreme) / (1 + draws), 1 / (1 + draws), False, n)


def swap_test(
    a: Sequence[float],
    b: Sequence[float],
    actors: Sequence[str],
    *,
    draws: int = 99_999,
    seed: int = 0,
) -> Test:
    """Permutation test of "neither system is nearer": a and b change places for all clips of an actor.

    a, b    [clips] values minus the reference's; the statistic is |sum a| - |sum b|

    Exact up to 16 actors, drawn beyond, as `sign_flip_test`, which is the same test of sum a - sum b. Raises
    ValueError for values that are not finite, for no clips and for unlike lengths.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if not 0 < len(x) == len(y) == len(actors) or not np.isfinite([x, y]).all():
        raise ValueError("two finite values and one actor per clip are needed")
    half = Actors.of((x - y) / 2, actors).sums  # [A]; a sign of -1 exchanges the two
    middle = float((x + y).sum()) / 2
    n = len(half)
    seen = abs(abs(middle + half.sum()) - abs(middle - half.sum()))
    seen -= FLAT * float(np.abs(x).sum() + np.abs(y).sum())

    def extreme(signs: Floats) -> int:
        moved = (signs * half).sum(axis=1)
        return int((np.abs(np.abs(middle + moved) - np.abs(middle - moved)) >= seen).sum())

    if n <= EXACT_FLIPS:
        return Test(extreme(_every_flip(n)) / 2**n, smallest_p(n), True, n)
    found = sum(extreme(signs) for signs in _drawn_flips(n, draws, seed))
    return Test((1 + found) / (1 + draws), 1 / (1 + draws), False, n)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being several, in the order given (Holm 1979): the chance of any false find is kept.

    The k-th smallest of m is multiplied by m - k + 1, none is below a smaller one's, none above 1.
    """
    m = len(p_values)
    adjusted, largest = [0.0] * m, 0.0
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (m - k) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def _every_flip(n: int) -> Floats:
    """[2^n, n] of -1 and 1: the bits of 0 .. 2^n - 1."""
    bits = np.arange(2**n)[:, None] >> np.arange(n)
    return np.where(bits & 1, 1.0, -1.0)


def _drawn_flips(n: int, draws: int, seed: int, chunk: int = 4096) -> Iterator[Floats]:
    """`draws` rows of n signs, a chunk at a time so that memory stays flat."""
    generator = np.random.default_rng(seed)
    for start in range(0, draws, chunk):
        heads = generator.integers(0, 2, size=(min(chunk, draws - start), n))
        yield np.where(heads == 1, 1.0, -1.0)


def _as_extreme(signs: Floats, sums: Floats, seen: float) -> int:
    return int((np.abs((signs * sums).sum(axis=1)) >= seen).sum())


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
