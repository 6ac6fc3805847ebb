"""How often do intervals contain the truth? The simulation behind the tables of docs/statistics.md.

    python tests/tools/coverage_simulation.py --replications 2000 --seed 1
    python tests/tools/coverage_simulation.py --replications 2000 --seed 1 --few

Two models, clips nested in actors, both with half of the variance between actors:

scalar  value = 1 + actor + clip. The truth is 1. `skewed` draws both effects from a shifted
        exponential distribution instead of a normal one.
FID     d-dimensional Gaussian features of frames whose variance falls like k^-1/2 over dimensions.
        The generated features of an actor follow the reference's (0.9 times, plus an error of the
        generator's own for that actor), and frames vary less (0.8); see System. Both sides have the same actors.
        FID has two truths: of the population, in closed form, and the mean FID of a test set of so
        many actors, which is higher because FID is biased upwards.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thbench.statistics import intervals as statistics
from thbench.statistics.intervals import (
    Actors,
    Interval,
    clustered_error,
    jackknife_error,
    jackknife_interval,
    mean_interval,
    percentile_interval,
    set_interval,
    student_limits,
)

Floats = NDArray[np.float64]
Limits = tuple[float, float]
Value = Callable[[Sequence[str]], float]
TAIL = 0.025


def limits_of(found: Interval) -> Limits:
    assert found.low is not None and found.high is not None
    return found.low, found.high


# -- scalar -------------------------------------------------------------------------------------


def scalar_data(rng: np.random.Generator, n_actors: int, skewed: bool) -> tuple[Floats, list[str]]:
    """One test set: values [clips] around 1 and the actor of each; 10 to 20 clips per actor."""
    sizes = rng.integers(10, 21, size=n_actors)

    def effect(size: int) -> Floats:
        return rng.exponential(size=size) - 1 if skewed else rng.normal(size=size)

    values = 1 + np.repeat(effect(n_actors), sizes) + effect(int(sizes.sum()))
    names = [f"actor {i:02d}" for i in range(n_actors)]
    return values, [name for name, size in zip(names, sizes, strict=True) for _ in range(size)]


def percentile_over_actors(cast: Actors, rng: np.random.Generator) -> Limits:
    drawn = rng.integers(0, len(cast.names), size=(1999, len(cast.names)))
    means = cast.sums[drawn].sum(axis=1) / cast.sizes[drawn].sum(axis=1)
    return float(np.quantile(means, TAIL)), float(np.quantile(means, 1 - TAIL))


def student_over_clips(values: Floats) -> Limits:
    """What one gets by taking clips for independent."""
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    return student_limits(float(values.mean()), error, len(values), 0.95)


def scalar_limits(
    rng: np.random.Generator, n_actors: int, skewed: bool
) -> tuple[float, dict[str, Limits]]:
    """The mean, and the limits that each method gives, for one simulated test set."""
    values, actors = scalar_data(rng, n_actors, skewed)
    cast = Actors.of(values, actors)
    mean, error = (float(x) for x in clustered_error(cast.sizes, cast.sums))
    ours = mean_interval(values.tolist(), actors, replicates=1999)
    return mean, {
        "clips taken as independent, t": student_over_clips(values),
        "percentile over actors": percentile_over_actors(cast, rng),
        "Student t over actors": student_limits(mean, error, n_actors, 0.95),
        "mean_interval": limits_of(ours),
    }


def median_limits(
    rng: np.random.Generator, n_actors: int, skewed: bool
) -> tuple[float, dict[str, Limits]]:
    """The median over clips, and the limits that each method gives."""
    values, actors = scalar_data(rng, n_actors, skewed)

    def median(cast: Sequence[str]) -> float:
        return float(np.median(values[np.isin(actors, cast)]))

    ours = percentile_interval(values, actors, np.median, replicates=999)
    return ours.estimate, {
        "set_interval (jackknife)": limits_of(set_interval(median, actors)),
        "percentile_interval": limits_of(ours),
    }


MEDIAN_OF_TWO_EXPONENTIALS = 1.6783469900166612
"""Of their sum: the median of a gamma distribution of shape 2."""


# -- FID ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    """Per-actor moments of one side: n [A], sums [A, d], outers [A, d, d]."""

    n: Floats
    sums: Floats
    outers: Floats

    def pooled(self, weights: Floats) -> tuple[Floats, Floats]:
        """Mean [R, d] and covariance [R, d, d] with each actor counted `weights` [R, A] times."""
        total = weights @ self.n
        mean = weights @ self.sums / total[:, None]
        outer = np.tensordot(weights, self.outers, axes=1)
        scatter = outer - total[:, None, None] * mean[:, :, None] * mean[:, None, :]
        return mean, scatter / (total - 1)[:, None, None]


def frechet(a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> Floats:
    """[R] squared Frechet distances: |m - n|^2 + tr(S + T - 2 (S^1/2 T S^1/2)^1/2)."""
    values, vectors = np.linalg.eigh(a[1])
    root = vectors * np.sqrt(values.clip(0))[:, None, :] @ vectors.swapaxes(1, 2)
    cross = np.sqrt(np.linalg.eigvalsh(root @ b[1] @ root).clip(0)).sum(axis=-1)
    traces = np.trace(a[1], axis1=1, axis2=2) + np.trace(b[1], axis1=1, axis2=2)
    distances: Floats = ((a[0] - b[0]) ** 2).sum(axis=-1) + traces - 2 * cross
    return distances


@dataclass(frozen=True)
class System:
    """How generated features come about: an actor's centre is `follows` times the true one, plus an
    error of size `own` and a `shift`; frames around it have standard deviation `within`."""

    follows: float = 0.9
    own: float = 0.3
    within: float = 0.8
    shift: float = 0.3


GOOD, WORSE = System(), System(follows=0.8, own=0.4, within=0.7, shift=0.4)


@dataclass(frozen=True)
class TestSet:
    """The references and the clips that each system generated for the same actors."""

    __test__ = False

    reference: Moments
    generated: tuple[Moments, ...]

    def fid(self, weights: Floats, system: int = 0) -> Floats:
        """[R] FID with each actor counted `weights` [R, A] times, on both sides."""
        return frechet(self.reference.pooled(weights), self.generated[system].pooled(weights))


def spectrum(d: int) -> Floats:
    """[d] variances."""
    variances: Floats = np.arange(1, d + 1, dtype=np.float64) ** -0.5
    return variances


def fid_data(
    rng: np.random.Generator, n_actors: int, d: int, systems: Sequence[System] = (GOOD,)
) -> TestSet:
    """One test set of `n_actors`, each with 200 reference and 200 generated frames."""
    scale = np.sqrt(spectrum(d))
    actor = scale * rng.normal(size=(n_actors, d))

    def side(centres: Floats, within: float) -> Moments:
        x = centres[:, None, :] + within * scale * rng.normal(size=(n_actors, 200, d))
        return Moments(np.full(n_actors, 200.0), x.sum(axis=1), x.swapaxes(1, 2) @ x)

    def made_by(s: System) -> Moments:
        error = s.own * scale * rng.normal(size=(n_actors, d))
        return side(s.follows * actor + error + s.shift * scale, s.within)

    return TestSet(side(actor, 1.0), tuple(made_by(system) for system in systems))


def population_fid(d: int, s: System = GOOD) -> float:
    """Closed form: both covariances are multiples of the same diagonal."""
    generated = s.follows**2 + s.own**2 + s.within**2
    return float(spectrum(d).sum() * (s.shift**2 + (2**0.5 - generated**0.5) ** 2))


def shared_fid(data: TestSet, names: Sequence[str], system: int = 0) -> Value:
    """FID as a function of the actors, which is what set_interval asks for."""

    def value(cast: Sequence[str]) -> float:
        weights = np.array([[float(name in cast) for name in names]])
        return float(data.fid(weights, system)[0])

    return value


def fid_percentile(data: TestSet, weights: Floats) -> Limits:
    """Percentile bootstrap; `weights` [draws, A] count how often each actor was drawn."""
    resampled = data.fid(weights)
    return float(np.quantile(resampled, TAIL)), float(np.quantile(resampled, 1 - TAIL))


def fid_bootstrap_t(data: TestSet, n: int, weights: Floats) -> Limits:
    """Studentised bootstrap with an inner jackknife: draws * (A + 1) FIDs."""
    everyone = np.ones((1, n))
    estimate = float(data.fid(everyone)[0])
    error = float(jackknife_error(data.fid(everyone - np.eye(n))))
    t = []
    for row in weights:
        drawn = np.repeat(np.arange(n), row.astype(int))
        without = data.fid(row - np.eye(n)[drawn])  # one of the drawn actors less
        t.append((float(data.fid(row[None])[0]) - estimate) / float(jackknife_error(without)))
    low, high = np.quantile(t, [TAIL, 1 - TAIL])
    return estimate - float(high) * error, estimate - float(low) * error


def fid_corrected(data: TestSet, n: int) -> Limits:
    """The jackknife around the bias-corrected FID, for comparison."""
    estimate = float(data.fid(np.ones((1, n)))[0])
    without = data.fid(np.ones((1, n)) - np.eye(n))
    corrected = n * estimate - (n - 1) * float(without.mean())
    return limits_of(jackknife_interval(corrected, without.tolist(), n_clips=n))


# -- tables -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coverage:
    """One row: shares of replications, and the mean width."""

    setting: str
    method: str
    replications: int
    truth: float
    at_this_size: float | None
    has_estimate: float
    width: float


def summarise(
    setting: str,
    limits: dict[str, list[Limits]],
    estimates: list[float],
    truth: float,
    biased: bool,
) -> Iterator[Coverage]:
    """One Coverage per method."""
    points = np.array(estimates)
    for method, pairs in limits.items():
        low, high = np.array(pairs).T

        def share(value: Floats | float, low: Floats = low, high: Floats = high) -> float:
            return float(((low <= value) & (value <= high)).mean())

        at_size = share(float(points.mean())) if biased else None
        width = float((high - low).mean())
        yield Coverage(setting, method, len(low), share(truth), at_size, share(points), width)


def simulate_scalar(
    n_actors: int, skewed: bool, replications: int, seed: int, median: bool = False
) -> list[Coverage]:
    """Coverage of the mean of clips, or of their median."""
    limits, estimates = defaultdict(list), []
    for i in range(replications):
        rng = np.random.default_rng([seed, n_actors, skewed, i])
        estimate, found = (median_limits if median else scalar_limits)(rng, n_actors, skewed)
        estimates.append(estimate)
        for method, pair in found.items():
            limits[method].append(pair)
    truth = MEDIAN_OF_TWO_EXPONENTIALS - 1 if median and skewed else 1.0
    name = f"{n_actors} actors, {'skewed' if skewed else 'normal'}{', median' if median else ''}"
    return list(summarise(name, limits, estimates, truth, biased=False))


def simulate_few(replications: int, seed: int) -> list[Coverage]:
    """Why fewer than six actors are not resampled: `mean_interval` made to do it."""
    usual, statistics.FEWEST_ACTORS_TO_BOOTSTRAP = statistics.FEWEST_ACTORS_TO_BOOTSTRAP, 4
    try:
        return [
            row
            for skewed in (False, True)
            for actors in (4, 5, 6)
            for row in simulate_scalar(actors, skewed, replications, seed)[2:]
        ]
    finally:
        statistics.FEWEST_ACTORS_TO_BOOTSTRAP = usual


def simulate_fid(
    n_actors: int, d: int, replications: int, seed: int, draws: int = 0, studentised: bool = False
) -> list[Coverage]:
    """Coverage for FID; `draws` resamples for the bootstraps, 0 leaves them out."""
    limits, estimates = defaultdict(list), []
    names = [f"actor {i:02d}" for i in range(n_actors)]
    for i in range(replications):
        rng = np.random.default_rng([seed, n_actors, d, i])
        data = fid_data(rng, n_actors, d)
        ours = set_interval(shared_fid(data, names), names)
        estimates.append(ours.estimate)
        limits["set_interval (jackknife)"].append(limits_of(ours))
        limits["jackknife, bias-corrected"].append(fid_corrected(data, n_actors))
        weights = rng.multinomial(n_actors, [1 / n_actors] * n_actors, size=draws).astype(float)
        if draws:
            limits["percentile over actors"].append(fid_percentile(data, weights))
        if studentised:
            limits["bootstrap-t over actors"].append(fid_bootstrap_t(data, n_actors, weights))
    bias = float(np.mean(estimates)) / population_fid(d)
    name = f"{n_actors} actors, d = {d} (mean FID {bias:.2f} times the population's)"
    return list(summarise(name, limits, estimates, population_fid(d), biased=True))


def simulate_fid_difference(
    n_actors: int, d: int, replications: int, seed: int, other: System
) -> list[Coverage]:
    """Coverage for the difference in FID of two systems on the same actors."""
    limits, estimates = defaultdict(list), []
    names = [f"actor {i:02d}" for i in range(n_actors)]
    for i in range(replications):
        data = fid_data(np.random.default_rng([seed, n_actors, d, i]), n_actors, d, (other, GOOD))
        a, b = shared_fid(data, names, 0), shared_fid(data, names, 1)
        ours = set_interval(lambda cast, a=a, b=b: a(cast) - b(cast), names)  # type: ignore[misc]
        estimates.append(ours.estimate)
        limits["set_interval of the difference"].append(limits_of(ours))
    truth = population_fid(d, other) - population_fid(d, GOOD)
    name = f"{n_actors} actors, d = {d}, " + (
        "equal systems" if other == GOOD else "unequal systems"
    )
    return list(summarise(name, limits, estimates, truth, biased=True))


def table(rows: Sequence[Coverage]) -> str:
    """Markdown; `at its size` only where the size of the test set moves the truth."""
    biased = any(r.at_this_size is not None for r in rows)
    names = ["setting", "method", "n", "covers"] + ["at its size"] * biased
    lines = ["| " + " | ".join([*names, "has estimate", "width"]) + " |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for r in rows:
        cells = [r.setting, r.method, str(r.replications), f"{r.truth:.1%}"]
        if r.at_this_size is not None:
            cells.append(f"{r.at_this_size:.1%}")
        lines.append("| " + " | ".join([*cells, f"{r.has_estimate:.1%}", f"{r.width:.2f}"]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--few", action="store_true", help="bootstrap-t also below six actors")
    options = parser.parse_args()
    n, seed = options.replications, options.seed
    if options.few:
        print(table(simulate_few(n, seed)))
        return
    started = time.perf_counter()
    scalar = [
        row
        for skewed in (False, True)
        for actors in (3, 6, 10, 30)
        for row in simulate_scalar(actors, skewed, n, seed)
    ]
    print(table(scalar), flush=True)
    medians = [
        row
        for skewed in (False, True)
        for actors in (6, 10, 30)
        for row in simulate_scalar(actors, skewed, n // 5, seed, median=True)
    ]
    print(table(medians), flush=True)
    few = max(n // 5, 1)
    fid = [
        *simulate_fid(10, 16, few, seed, draws=199, studentised=True),
        *simulate_fid(30, 16, few, seed, draws=199, studentised=True),
        *simulate_fid(10, 64, few, seed, draws=199),
        *simulate_fid(30, 64, few, seed, draws=199),
    ]
    print(table(fid), flush=True)
    pairs = [
        row
        for actors in (10, 30)
        for other in (GOOD, WORSE)
        for row in simulate_fid_difference(actors, 64, few, seed, other)
    ]
    print(table(pairs))
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
