"""Bradley-Terry with ties (Davidson 1970): worth of systems from votes on pairs, by maximum likelihood.

    P(a beats b) = w_a / (w_a + w_b + nu sqrt(w_a w_b)),  P(tie) = nu sqrt(w_a w_b) / (...)

with theta = log w (mean zero) and eta = log nu the log-likelihood is concave: a multinomial logit with logits
theta_a, theta_b and (theta_a + theta_b) / 2 + eta. Without ties it is Bradley and Terry's (1952).

Sources: Davidson, On extending the Bradley-Terry model to accommodate ties in paired comparison experiments,
JASA 65 (1970); Ford, Solution of a ranking problem from binary comparisons (1957) for the existence of a
maximum; Albert & Anderson, On the existence of maximum likelihood estimates in logistic regression models,
Biometrika 71 (1984) for the condition with ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]

FARTHEST = 12.0
"""|theta| beyond which a maximum is taken to lie at infinity: odds of 160,000 to 1."""
_STEPS, _LARGEST_STEP, _CLOSE = 100, 2.0, 1e-11


@dataclass(frozen=True)
class Votes:
    """[n] votes on pairs first < second: outcome 0 first is better, 1 a tie, 2 second is better."""

    systems: int
    first: Ints
    second: Ints
    outcome: Ints

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """All pairs, in the order of `counts`."""
        return list(combinations(range(self.systems), 2))

    def counts(self, weights: Floats) -> Floats:
        """[B, pairs, 3]: weighted outcomes. weights [B, n]."""
        number = {pair: i for i, pair in enumerate(self.pairs)}
        cell = np.array(
            [
                3 * number[a, b] + o
                for a, b, o in zip(
                    self.first.tolist(), self.second.tolist(), self.outcome.tolist(), strict=True
                )
            ],
            dtype=np.intp,
        )
        cells = np.zeros((len(cell), 3 * len(number)))
        cells[np.arange(len(cell)), cell] = 1.0
        return np.asarray((weights @ cells).reshape(len(weights), len(number), 3))


def davidson(counts: Floats, systems: int, pseudo: float = 0.0) -> tuple[Floats, Floats]:
    """theta [B, systems] with mean 0 and nu [B] of each of B tables of counts [B, pairs, 3].

    pseudo  votes added to every pair, half a win for either side; 0 is the plain maximum

    NaN where theta has no maximum within FARTHEST. Without any tie nu is 0.
    """
    counts = counts + np.array([pseudo / 2, 0.0, pseudo / 2])
    ties = counts[..., 1].sum(axis=1) > 0
    theta, nu = np.full((len(counts), systems), np.nan), np.zeros(len(counts))
    for tied in (False, True):
        chosen = np.flatnonzero(ties == tied)
        if len(chosen):
            found = _newton(counts[chosen], _design(systems), tied)
            theta[chosen] = found[:, :systems]
            nu[chosen] = np.exp(found[:, systems]) if tied else 0.0
    theta -= theta.mean(axis=1, keepdims=True)
    lost = ~(np.abs(theta).max(axis=1) < FARTHEST)
    theta[lost], nu[lost] = np.nan, np.nan
    return theta, nu


def _design(systems: int) -> Floats:
    """[pairs, 3, systems + 1]: what each outcome's logit is made of."""
    every = list(combinations(range(systems), 2))
    design = np.zeros((len(every), 3, systems + 1))
    for p, (a, b) in enumerate(every):
        design[p, 0, a] = design[p, 2, b] = 1.0
        design[p, 1, [a, b]] = 0.5
        design[p, 1, systems] = 1.0
    return design


def _newton(counts: Floats, design: Floats, tied: bool) -> Floats:
    """[B, systems + 1] where the gradient vanishes; a step never changes a parameter by more than _LARGEST_STEP."""
    batch, size = len(counts), design.shape[2]
    beta = np.zeros((batch, size))
    total = counts.sum(axis=2)
    # The mean of theta is free: fixed at 0 by a ridge along it. eta is fixed where it means nothing.
    gauge = np.zeros((size, size))
    gauge[:-1, :-1] = 1.0
    if not tied:
        gauge[-1, -1] = 1.0
    ridge = 1e-12 * np.eye(size)
    for _ in range(_STEPS):
        logits = beta @ design.reshape(-1, size).T
        logits = logits.reshape(batch, *design.shape[:2])
        if not tied:
            logits[..., 1] = -np.inf
        shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
        share = shifted / shifted.sum(axis=2, keepdims=True)
        gradient = np.einsum("bpo,poi->bi", counts - total[..., None] * share, design)
        mean = np.einsum("bpo,poi->bpi", share, design)
        spread = np.einsum("bp,bpo,poi,poj->bij", total, share, design, design, optimize=True)
        spread -= np.einsum("bp,bpi,bpj->bij", total, mean, mean, optimize=True)
        scale = np.maximum(total.sum(axis=1), 1.0)[:, None, None]
        step = np.linalg.solve(
            spread / scale + gauge + ridge, (gradient / scale[..., 0])[..., None]
        )
        step = step[..., 0]
        largest = np.abs(step).max(axis=1, keepdims=True)
        beta = beta + step * np.minimum(1.0, _LARGEST_STEP / np.maximum(largest, 1e-300))
        beta[:, -1] = np.clip(beta[:, -1], -2 * FARTHEST, 2 * FARTHEST)
        gone = np.abs(beta[:, :-1]).max(axis=1) > 3 * FARTHEST
        if np.all(gone | (largest[:, 0] < _CLOSE)):
            break
    return beta


def why_no_maximum(counts: Floats, names: Sequence[str]) -> str:
    """Empty, or why votes [pairs, 3] have no finite estimate: Ford's condition, and its form with ties.

    The maximum is finite unless theta and eta can move in some direction in which no vote becomes less
    likely and one becomes more so; that is a linear programme.
    """
    systems = len(names)
    every = list(combinations(range(systems), 2))
    total = counts.sum(axis=1)
    if not total.sum():
        return "no votes"
    groups = _connected(systems, [pair for pair, n in zip(every, total, strict=True) if n])
    if len(groups) > 1:
        return f"{_listed(names, groups[0])} was never compared with {_listed(names, groups[1])}"
    if counts[:, 1].sum() == total.sum():
        return "every vote is a tie"
    direction = _escape(counts, systems)
    if direction is None:
        return ""
    top = [i for i in range(systems) if direction[i] > direction.max() - 1e-6]
    return f"{_listed(names, top)} lost no vote against the others: its worth has no upper end (Ford's condition)"


def _escape(counts: Floats, systems: int) -> Floats | None:
    """theta's direction in which the likelihood never falls and somewhere rises; None where there is none."""
    from scipy.optimize import linprog

    design = _design(systems)
    tied = bool(counts[:, 1].sum())
    outcomes = (0, 1, 2) if tied else (0, 2)
    rows = [
        design[p, seen] - design[p, other]
        for p in range(len(design))
        for seen in outcomes
        for other in outcomes
        if counts[p, seen] > 0 and other != seen
    ]
    gains = np.array(rows)  # each must be >= 0; is a positive sum possible?
    bounds = [(-1.0, 1.0)] * systems + [(-2.0, 2.0) if tied else (0.0, 0.0)]
    fixed = np.zeros((1, systems + 1))
    fixed[0, :systems] = 1.0
    found = linprog(
        -gains.sum(axis=0),
        A_ub=-gains,
        b_ub=np.zeros(len(gains)),
        A_eq=fixed,
        b_eq=[0.0],
        bounds=bounds,
    )
    if found.x is None or found.fun is None or -found.fun < 1e-7:
        return None
    return np.asarray(found.x[:systems])


def _connected(systems: int, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    group = list(range(systems))
    for a, b in edges:
        old, new = group[b], group[a]
        group = [new if g == old else g for g in group]
    return sorted([i for i in range(systems) if group[i] == g] for g in set(group))


def _listed(names: Sequence[str], chosen: Sequence[int]) -> str:
    return ", ".join(names[i] for i in chosen)


def pair_chances(theta: Floats, nu: float, a: int, b: int) -> Floats:
    """[3]: chances that a is better, of a tie, that b is better."""
    logits = np.array([theta[a], (theta[a] + theta[b]) / 2, theta[b]])
    weights = np.exp(logits - logits.max()) * np.array([1.0, nu, 1.0])
    return np.asarray(weights / weights.sum())
