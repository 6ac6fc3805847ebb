"""Intervals and tests at the edge: the simulation behind tables 5 to 7 of docs/statistics.md.

    python tests/tools/edge_simulation.py --replications 300 --seed 1

few vary   two or three actors carry all variation; the others vary a hundredth as much
bounded    the difference of two systems whose values lie between 0 and 1, most of them close to 1, as SSIM
level      two equal systems: how often a test says p <= 0.05, which it should in at most 5 % of test sets
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from coverage_simulation import GOOD, fid_data, shared_fid
from thbench.statistics import intervals
from thbench.statistics.intervals import (
    Actors,
    Interval,
    clustered_error,
    mean_interval,
    set_interval,
    student_limits,
)
from thbench.statistics.paired import paired_median
from thbench.statistics.permutation import (
    Test,
    pseudo_value_test,
    sign_flip_test,
    swap_test,
)

Floats = NDArray[np.float64]
FEW = ((6, 2), (8, 2), (10, 3), (30, 3))
"""Actors, and how many of them vary."""
RESAMPLES = 999


def owners_of(sizes: NDArray[np.int64]) -> list[str]:
    return [f"actor {i:02d}" for i, size in enumerate(sizes) for _ in range(size)]


def effects(rng: np.random.Generator, size: int, skewed: bool) -> Floats:
    return rng.exponential(size=size) - 1 if skewed else rng.normal(size=size)


# -- few vary -----------------------------------------------------------------------------------


@contextmanager
def never_falling_back() -> Iterator[None]:
    usual, intervals.WIDEST = intervals.WIDEST, math.inf
    try:
        yield
    finally:
        intervals.WIDEST = usual


def few_vary(n: int, vary: int, skewed: bool, replications: int, seed: int) -> dict[str, float]:
    """Shares that contain the truth, and the median width of the bootstrap-t in Student's widths."""
    hits = {"bootstrap-t alone": 0, "Student's t over actors": 0, "mean_interval": 0}
    widths = []
    for i in range(replications):
        rng = np.random.default_rng([seed, n, vary, skewed, i])
        sizes = rng.integers(10, 21, size=n)
        share = np.repeat(np.where(np.arange(n) < vary, 1.0, 0.01), sizes)
        spread = np.repeat(effects(rng, n, skewed), sizes)
        values = 1 + share * (spread + effects(rng, len(share), skewed))
        actors = owners_of(sizes)
        cast = Actors.of(values, actors)
        mean, error = (float(x) for x in clustered_error(cast.sizes, cast.sums))
        low, high = student_limits(mean, error, n, 0.95)
        with never_falling_back():
            alone = mean_interval(values, actors, replicates=RESAMPLES)
        ours = mean_interval(values, actors, replicates=RESAMPLES)
        hits["bootstrap-t alone"] += bool(alone.contains(1))
        hits["Student's t over actors"] += low <= 1 <= high
        hits["mean_interval"] += bool(ours.contains(1))
        widths.append(width(alone) / (high - low))
    shares = {name: count / replications for name, count in hits.items()}
    return shares | {"width": float(np.median(widths))}


def width(found: Interval) -> float:
    assert found.low is not None and found.high is not None
    return found.high - found.low


# -- bounded ------------------------------------------------------------------------------------


def bounded(n: int, replications: int, seed: int) -> dict[str, float]:
    """A system of mean 0.9 and one of 0.6 on 0..1, few clips: what cutting at what is possible changes."""
    hits, hits_cut, beyond, narrower = 0, 0, 0, []
    for i in range(replications):
        rng = np.random.default_rng([seed, n, i])
        sizes = np.full(n, 3)
        actors = owners_of(sizes)
        good = np.repeat(rng.beta(9, 1, n), sizes) * rng.beta(60, 1, len(actors))
        bad = np.repeat(rng.beta(0.6, 0.4, n), sizes) * rng.beta(60, 1, len(actors))
        truth = (0.6 - 0.9) * 60 / 61
        whole = mean_interval(bad - good, actors, replicates=RESAMPLES)
        cut = mean_interval(bad - good, actors, replicates=RESAMPLES, bounds=(-1.0, 1.0))
        hits += bool(whole.contains(truth))
        hits_cut += bool(cut.contains(truth))
        beyond += whole.low is not None and (whole.low < -1 or (whole.high or 0) > 1)
        narrower.append(width(cut) / width(whole))
    return {
        "covers, not cut": hits / replications,
        "covers, cut": hits_cut / replications,
        "reach beyond -1..1": beyond / replications,
        "mean width, cut / not cut": float(np.mean(narrower)),
    }


# -- level --------------------------------------------------------------------------------------


Pair = tuple[Floats, Floats, list[str]]


def equal_systems(rng: np.random.Generator, n: int) -> Pair:
    """Two systems of one distribution on the same actors: skewed actors, skewed clips."""
    sizes = rng.integers(3, 7, size=n)
    both = np.repeat(effects(rng, n, True), sizes)
    a, b = (both + np.repeat(effects(rng, n, True), sizes) for _ in range(2))
    clips = len(both)
    return a + effects(rng, clips, True), b + effects(rng, clips, True), owners_of(sizes)


def of_mean(rng: np.random.Generator, n: int) -> Test:
    a, b, actors = equal_systems(rng, n)
    return sign_flip_test((a - b).tolist(), actors, draws=9_999)


def of_nearness(rng: np.random.Generator, n: int) -> Test:
    a, b, actors = equal_systems(rng, n)
    return swap_test((a - 0.5).tolist(), (b - 0.5).tolist(), actors, draws=9_999)


def of_median(rng: np.random.Generator, n: int) -> Test:
    a, b, actors = equal_systems(rng, n)
    found = paired_median([a.tolist(), b.tolist()], actors)[1]
    assert found is not None
    return found


def of_fid(rng: np.random.Generator, n: int) -> Test:
    names = [f"actor {i:02d}" for i in range(n)]
    data = fid_data(rng, n, 16, (GOOD, GOOD))
    a, b = shared_fid(data, names, 0), shared_fid(data, names, 1)

    def gap(cast: Sequence[str]) -> float:
        return a(cast) - b(cast)

    without = [gap([other for other in names if other != name]) for name in names]
    assert set_interval(gap, names).estimate == gap(names)
    return pseudo_value_test(gap(names), without, draws=9_999)


TESTS: dict[str, Callable[[np.random.Generator, int], Test]] = {
    "mean, sign flips": of_mean,
    "nearness, exchanges": of_nearness,
    "median, exchanges": of_median,
    "FID, pseudo-values": of_fid,
}


def level(name: str, n: int, replications: int, seed: int) -> float:
    """Share of test sets of two equal systems with p <= 0.05."""
    found = [
        TESTS[name](np.random.default_rng([seed, n, i]), n).p_value for i in range(replications)
    ]
    return float(np.mean(np.array(found) <= 0.05))


# -- tables -------------------------------------------------------------------------------------


def table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    n, seed = options.replications, options.seed
    settings = [(*few, skewed) for skewed in (False, True) for few in FEW]
    found = [few_vary(*setting, n, seed) for setting in settings]
    head = ["", *(f"{'skewed' if s else 'normal'}: {a} actors, {v} vary" for a, v, s in settings)]
    shares = [
        [name, *(f"{of[name]:.1%}" for of in found)] for name in list(found[0]) if name != "width"
    ]
    shares.insert(1, ["its width / Student's", *(f"{of['width']:.1f}" for of in found)])
    print(table(head, shares), flush=True)
    casts = (3, 5, 8)
    cut = [bounded(cast, n, seed) for cast in casts]
    print(
        "\n"
        + table(
            ["", *(f"{cast} actors" for cast in casts)],
            [[name, *(f"{of[name]:.1%}" for of in cut)] for name in cut[0]],
        ),
        flush=True,
    )
    casts = (6, 10, 20)
    lines = [[name, *(f"{level(name, c, n, seed):.1%}" for c in casts)] for name in TESTS]
    print("\n" + table(["p <= 0.05", *(f"{c} actors" for c in casts)], lines))


if __name__ == "__main__":
    main()
