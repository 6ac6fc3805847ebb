"""Eye aspect ratio and blinks as pure functions of points and curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS

__all__ = ["Blink", "BlinkRule", "blinks", "eye_aspect_ratio", "relative_openness"]

Curve = NDArray[np.float64]
"""[T] per frame, NaN where unknown."""


@dataclass(frozen=True)
class BlinkRule:
    """Eyes are closed below `closed` and open again above `opened`, both shares of the clip's median.

    shortest  frames a blink lasts at least; bridged: open frames that a blink survives
    longest   frames it lasts at most: longer, the eyes are shut
    """

    closed: float = 0.7
    opened: float = 0.8
    shortest: int = 2
    bridged: int = 1
    longest: int = 15


@dataclass(frozen=True)
class Blink:
    """Frames start .. start + frames - 1 of a clip."""

    start: int
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / FPS


def eye_aspect_ratio(eye: NDArray[np.floating]) -> NDArray[np.float64]:
    """[...] EAR = (|p2 - p6| + |p3 - p5|) / (2 |p1 - p4|) of [..., 6, D] points p1..p6.

    Source: Soukupova and Cech, Real-time eye blink detection using facial landmarks, 2016, eq. 1.
    """
    p = np.asarray(eye, np.float64)
    tall = _apart(p, 1, 5) + _apart(p, 2, 4)
    return np.asarray(tall / (2 * _apart(p, 0, 3)))


def _apart(p: NDArray[np.float64], a: int, b: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(p[..., a, :] - p[..., b, :], axis=-1))


def relative_openness(ratio: Curve) -> Curve:
    """[T] eye aspect ratio over the clip's median: what is an open eye differs by person and network."""
    return np.asarray(ratio / np.nanmedian(ratio))


def blinks(openness: Curve, rule: BlinkRule = BlinkRule()) -> list[Blink]:
    """Every blink of a clip, in order. Frames of NaN belong to none, and a blink that touches one does not count.

    Nor does one that has begun before the first frame or not ended by the last.

    Args:
        openness: [T] of `relative_openness`.
    """
    spans = _merged(_closures(openness, rule), rule.bridged)
    return [
        Blink(start, end - start)
        for start, end in spans
        if rule.shortest <= end - start <= rule.longest and _seen_whole(openness, start, end)
    ]


def _closures(openness: Curve, rule: BlinkRule) -> list[tuple[int, int]]:
    """[start, end) of every closure, with hysteresis."""
    spans, start = [], -1
    for t, value in enumerate(openness):
        if start < 0 and value < rule.closed:
            start = t
        elif start >= 0 and not value < rule.opened:  # NaN ends it too
            spans.append((start, t))
            start = -1
    return [*spans, (start, len(openness))] if start >= 0 else spans


def _merged(spans: list[tuple[int, int]], bridged: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and start - found[-1][1] <= bridged:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _seen_whole(openness: Curve, start: int, end: int) -> bool:
    """Whether it has a known frame before and after it, and no unknown one within."""
    inside = start > 0 and end < len(openness)
    return inside and bool(np.isfinite(openness[start - 1 : end + 1]).all())
