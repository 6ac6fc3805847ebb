"""Distances of two courses of landmarks as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure
from thbench_landmarks import Form
from thbench_landmarks.alignment import Plane, aligned, eye_distance

__all__ = ["distances", "noise_floor", "velocity_distance", "warped_distance"]


def distances(generated: Plane, reference: Plane, part: slice, form: Form) -> NDArray[np.float64]:
    """[...] mean over the points of `part` of their distance in one frame.

    aligned  the generated points brought over the reference's by a similarity on nose and eyes, / eye distance
    per-io   |p - q| / eye distance of the reference
    raw      |p - q|, pixels
    centred  |(p - mean p) - (q - mean q)|, pixels; means over `part`
    l1       (|dx| + |dy|) / 2, pixels

    Args:
        generated, reference: [..., 68] complex, pixels.
    """
    return _FORMS[form](generated, reference, part)


def _aligned(p: Plane, q: Plane, part: slice) -> NDArray[np.float64]:
    return _raw(aligned(p, q), q, part) / eye_distance(q)


def _per_io(p: Plane, q: Plane, part: slice) -> NDArray[np.float64]:
    return _raw(p, q, part) / eye_distance(q)


def _raw(p: Plane, q: Plane, part: slice) -> NDArray[np.float64]:
    return np.asarray(np.abs(p[..., part] - q[..., part]).mean(-1))


def _centred(p: Plane, q: Plane, part: slice) -> NDArray[np.float64]:
    apart = p[..., part] - q[..., part]
    return np.asarray(np.abs(apart - apart.mean(-1, keepdims=True)).mean(-1))


def _l1(p: Plane, q: Plane, part: slice) -> NDArray[np.float64]:
    apart = p[..., part] - q[..., part]
    return np.asarray((np.abs(apart.real) + np.abs(apart.imag)).mean(-1) / 2)


_FORMS: Mapping[Form, Callable[[Plane, Plane, slice], NDArray[np.float64]]] = {
    "aligned": _aligned,
    "per-io": _per_io,
    "raw": _raw,
    "centred": _centred,
    "l1": _l1,
}


def warped_distance(
    generated: Plane, reference: Plane, part: slice, form: Form, band: int
) -> float:
    """Mean distance along the cheapest path through time that strays at most `band` frames.

    Dynamic time warping with the symmetric weights of Sakoe and Chiba 1978 (a step in both videos counts
    twice), divided by the sum of both lengths: a distance that is the same at all frames comes out as it
    is, and no path costs more than the mean of `distances`, which is that of never straying.

    Args:
        generated, reference: [T, 68] complex, pixels, finite, T >= 1.
    """
    frames = len(generated)
    above = np.full(frames + 1, np.inf)  # cheapest paths that end in each frame of the row before
    above[0] = 0
    for i in range(frames):
        first, last = max(0, i - band), min(frames, i + band + 1)
        costs = distances(generated[i][None], reference[first:last], part, form)
        here = np.full(frames + 1, np.inf)
        for j, cost in enumerate(costs.tolist(), first):
            here[j + 1] = min(above[j + 1] + cost, here[j] + cost, above[j] + 2 * cost)
        above = here
    return float(above[frames] / (2 * frames))


def velocity_distance(generated: Plane, reference: Plane, part: slice) -> NDArray[np.float64]:
    """[T - 1] mean over `part` of |(p_t+1 - p_t) - (q_t+1 - q_t)|, aligned, in eye distances per frame.

    NaN where one of the four is missing.

    Args:
        generated, reference: [T, 68] complex, pixels; NaN in frames without a face.

    Raises:
        ClipFailure: fewer than two neighbouring frames with a face in both.
    """
    p, q = aligned(generated, reference), reference
    apart = np.abs(np.diff(p, axis=0) - np.diff(q, axis=0))[:, part].mean(-1)
    moved = apart / eye_distance(reference)[1:]
    if np.isnan(moved).all():
        raise ClipFailure(f"{_frames(len(p))}, no two neighbours with a face in both videos")
    return np.asarray(moved)


def noise_floor(generated: Plane, reference: Plane, part: slice) -> float:
    """What `velocity_distance` would be if all that is not smooth were the landmark network's trembling.

    Of white noise in both courses: sqrt((J_p^2 + J_q^2) / 3), where J is the mean length of a second
    difference (6 sigma^2 per coordinate, against 2 sigma^2 per course in a difference of velocities).
    Real acceleration is in it too, so it is an upper estimate. NaN where no three neighbours are known.

    Args:
        generated, reference: [T, 68] complex, pixels; NaN in frames without a face.
    """
    p, q = aligned(generated, reference), reference
    scale = eye_distance(reference)[1:-1]
    jitter = [np.abs(np.diff(x, n=2, axis=0))[:, part].mean(-1) / scale for x in (p, q)]
    if any(np.isnan(j).all() or not len(j) for j in jitter):
        return float("nan")
    first, second = (float(np.nanmean(j)) for j in jitter)
    return float(np.sqrt((first**2 + second**2) / 3))


def _frames(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"
