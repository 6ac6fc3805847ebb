"""Curves of one video over time, and what metrics kept of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench.files.foreign import json_or
from thbench.report.data_files import shorts
from thbench.run.folder import OBSERVATIONS, VideoFolder
from thbench.score.keys import observation_cache

WINDOW = 8
"""Frames of the longest window assumed where lengths alone cannot tell."""

_LUMA = np.array([0.299, 0.587, 0.114])


def motion(frames: Frames) -> NDArray[np.float64]:
    """[T] mean |difference| to the frame before, in grey levels 0..255; NaN for the first frame."""
    found = np.full(len(frames), np.nan)
    for i in range(1, len(frames)):  # whole numbers are summed, so that the sum is exact
        found[i] = cv2.norm(frames[i], frames[i - 1], cv2.NORM_L1) / frames[i].size
    return found


def brightness(frames: Frames) -> NDArray[np.float64]:
    """[T] mean grey level of each frame, 0..255."""
    found: NDArray[np.float64] = frames.mean(axis=(1, 2, 3), dtype=np.float64)
    return found


def sharpness(frames: Frames) -> NDArray[np.float64]:
    """[T] variance over pixels of the Laplacian of the luma of each frame, in squared grey levels.

    Luma is 0.299 R + 0.587 G + 0.114 B, 0..255, unrounded; the Laplacian is the sum of the four
    neighbours minus four times the pixel, at every pixel that has four neighbours.
    """
    found = np.empty(len(frames))
    for i, frame in enumerate(frames):
        y = frame @ _LUMA
        edges = y[:-2, 1:-1] + y[2:, 1:-1] + y[1:-1, :-2] + y[1:-1, 2:] - 4 * y[1:-1, 1:-1]
        found[i] = edges.var()
    return found


def shown_curves(curves: Mapping[str, NDArray[np.float64]]) -> dict[str, list[float | None]]:
    """Those that players draw, as numbers of a page."""
    return {
        "motion": shorts(curves["motion"].tolist(), 4),
        "brightness": shorts(curves["brightness"].tolist()),
    }


def observation_keys(folder: VideoFolder) -> dict[str, dict[str, str]]:
    """metric -> clip id -> cache key; empty for runs that were made before they were kept."""
    found: dict[str, dict[str, str]] = json_or(folder.path / OBSERVATIONS, {})
    return found


def kept_arrays(
    keys: Mapping[str, str], n_frames: int, over_time: Collection[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    """Every one-dimensional array of numbers that metrics kept of a video.

    `keys` leads from a metric to the key of its observation. `start` is the frame of the first
    entry (half a window in) where the array runs over time, and None where it runs over something else:
    over `axis`, at the positions `at`, if the metric says so.
    """
    for kept in _arrays(keys):
        runs = (kept.metric, kept.name) in over_time
        yield {
            "metric": kept.metric,
            "name": kept.name,
            "start": (n_frames - len(kept.values)) / 2 if runs else None,
            "axis": kept.axis,
            "at": _plain(kept.at) if kept.axis else None,
            "values": _plain(kept.values),
        }


def _plain(values: NDArray[Any]) -> list[float | None]:
    return shorts(values.astype(np.float64).tolist(), 4)


def over_time(videos: Iterable[tuple[Mapping[str, str], int]]) -> set[tuple[str, str]]:
    """Which arrays, as (metric, name), run over time: their lengths follow those of the videos.

    `videos` are observation keys with the number of frames. Where all videos are equally long, an
    array is over time when it is at most WINDOW entries shorter. One with an axis of its own is not.
    """
    lengths: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for keys, n_frames in videos:
        for kept in _arrays(keys):
            if not kept.axis:
                pair = n_frames, len(kept.values)
                lengths.setdefault((kept.metric, kept.name), set()).add(pair)
    return {known for known, pairs in lengths.items() if _follows(pairs)}


def _follows(pairs: set[tuple[int, int]]) -> bool:
    shorter = {n - length for n, length in pairs}
    if not all(s >= 0 for s in shorter):
        return False
    varied = len({n for n, _ in pairs}) > 1
    return len(shorter) == 1 if varied else max(shorter) <= WINDOW


class KeptCurve(NamedTuple):
    """An array of a metric. `at`: where its entries lie on `axis`, which is empty if nobody says."""

    metric: str
    name: str
    values: NDArray[Any]
    axis: str = ""
    at: NDArray[Any] = np.empty(0)


def _arrays(keys: Mapping[str, str]) -> Iterator[KeptCurve]:
    """An array NAME.AXIS says where the entries of NAME lie, and is none of its own."""
    cache = observation_cache()
    for metric, key in keys.items():
        record = cache.get(key)
        arrays = record.arrays if record else {}
        axes = {of: axis for of, _, axis in (n.rpartition(".") for n in arrays) if of in arrays}
        for name in arrays:
            values = arrays[name]
            curve = values.ndim == 1 and len(values) > 1 and values.dtype.kind in "fiub"
            if not curve or name.rpartition(".")[0] in arrays:
                continue
            axis = axes.get(name, "")
            at = arrays[f"{name}.{axis}"] if axis else np.arange(len(values))
            yield KeptCurve(metric, name, values, axis if at.shape == values.shape else "", at)
