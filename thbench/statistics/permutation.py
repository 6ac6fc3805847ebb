"""Permutation tests over actors of "neither system is better", and Holm's correction for several of them.

    means                sign_flip_test
    nearer-reference     swap_test
    any other statistic  exchange_test
    set metrics (FID)    pseudo_value_test, an approximation
    several at once      holm

Sources: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses (2005), chapter 3; Holm, A simple sequentially
rejective multiple test procedure (1979); Tukey, Bias and confidence in not quite large samples (1958), for
pseudo-values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from thbench.statistics.intervals import FLAT, Actors, Floats

EXACT_FLIPS = 16
"""Up to so many actors all 2^actors sign flips are enumerated."""
EXACT_EXCHANGES = 12
"""The same where a statistic of all clips is taken again for each exchange."""


def smallest_p(n_actors: int) -> float:
    """The smallest p that exchanging two systems actor by actor can reach: 0.25 for three actors."""
    return 2.0 ** (1 - n_actors)


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


def exchange_test(
    a: Sequence[float],
    b: Sequence[float],
    actors: Sequence[str],
    gap: Callable[[Floats, Floats], float],
    *,
    draws: int = 9_999,
    seed: int = 0,
) -> Test:
    """Permutation test for any statistic: a and b change places for all clips of an actor at once.

    a, b  [clips] values of the two systems
    gap   of the two, each [clips]; its size is what is compared: 0 where neither is better

    Exact up to 12 actors, drawn beyond. `sign_flip_test` and `swap_test` are faster for means. Raises ValueError
    as they do.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if not 0 < len(x) == len(y) == len(actors) or not np.isfinite([x, y]).all():
        raise ValueError("two finite values and one actor per clip are needed")
    names, owner = np.unique(np.asarray(actors, dtype=np.str_), return_inverse=True)
    n = len(names)
    seen = abs(gap(x, y)) - FLAT * float(np.abs([x, y]).max())

    def extreme(signs: Floats) -> int:
        swapped = (signs < 0)[:, owner]  # [exchanges, clips]
        gaps = (gap(np.where(row, y, x), np.where(row, x, y)) for row in swapped)
        return sum(abs(found) >= seen for found in gaps)

    if n <= EXACT_EXCHANGES:
        return Test(extreme(_every_flip(n)) / 2**n, smallest_p(n), True, n)
    found = sum(extreme(signs) for signs in _drawn_flips(n, draws, seed, chunk=256))
    return Test((1 + found) / (1 + draws), 1 / (1 + draws), False, n)


def pseudo_value_test(
    estimate: float, leave_one_out: Sequence[float], *, draws: int = 99_999, seed: int = 0
) -> Test:
    """Approximate test of "no difference" for set metrics: sign flips of the jackknife's pseudo-values.

    estimate       the difference of two systems with all actors
    leave_one_out  the same without each actor

    n D - (n - 1) D_without_i is what actor i contributes (Tukey 1958). For means of equally many clips it is exactly
    `sign_flip_test`, for FID an approximation whose level docs/statistics.md simulates. Raises ValueError for values
    that are not finite and for none.
    """
    without = np.asarray(leave_one_out, dtype=np.float64)
    n = len(without)
    pseudo = n * estimate - (n - 1) * without
    return sign_flip_test(pseudo.tolist(), [f"{i:09d}" for i in range(n)], draws=draws, seed=seed)


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
