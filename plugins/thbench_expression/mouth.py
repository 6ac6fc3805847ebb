"""The mouth while nobody speaks, as pure functions of curves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS, ClipFailure

__all__ = ["SHORTEST", "movement", "opening", "silent_frames", "spread"]

Curve = NDArray[np.float64]
SHORTEST = 0.3
"""Seconds a pause lasts at least: within shorter ones the mouth is on its way to the next sound."""


def opening(points: NDArray[np.floating], pairs: tuple[tuple[int, int], ...], io: Curve) -> Curve:
    """[T] mean distance of opposite inner-lip points, in interocular distances io [T]; NaN without a face."""
    p = np.asarray(points, np.float64)
    upper, lower = (list(side) for side in zip(*pairs, strict=True))
    apart = np.linalg.norm(p[:, upper] - p[:, lower], axis=-1).mean(axis=1)
    return np.asarray(apart / io)


def silent_frames(speech: NDArray[np.bool_], shortest: float = SHORTEST) -> NDArray[np.bool_]:
    """[T] frames of pauses that last `shortest` seconds or longer, from speech [T] per frame."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], speech, [True]]).astype(int)))
    silent = np.zeros(len(speech), bool)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= shortest * FPS:
            silent[start:end] = True
    return silent


def movement(curve: Curve, where: NDArray[np.bool_]) -> float:
    """Mean |change| per frame of `curve` [T] between neighbouring frames that are both in `where` and known.

    Raises ClipFailure where there is no such pair.
    """
    steps = [
        abs(b - a)
        for (a, b), (here, there) in zip(pairwise(curve), pairwise(where), strict=True)
        if here and there and np.isfinite(a) and np.isfinite(b)
    ]
    if not steps:
        raise ClipFailure("no two neighbouring frames of a pause show the mouth")
    return float(np.mean(steps))


def spread(curve: Curve, where: NDArray[np.bool_]) -> float:
    """Median of |x - mean of x| over the known frames in `where`: THEval's silent lips. Raises ClipFailure."""
    x = curve[where & np.isfinite(curve)]
    if not x.size:
        raise ClipFailure("no frame of a pause shows the mouth")
    return float(np.median(np.abs(x - x.mean())))
