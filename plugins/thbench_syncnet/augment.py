"""Light damage to mouth regions, so that a blurred, noisy or compressed puppet is still understood."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames

Picture = NDArray[np.float32]
"""[T, S, S, 3], 0..255 and a little beyond."""


def augmented(frames: Frames, rng: np.random.Generator) -> Frames:
    """[T, S, S, 3] RGB -> the same, one kind of damage for the whole clip, the noise apart."""
    picture = _moved(frames, rng).astype(np.float32)
    picture = _smeared(_softened(_coloured(picture, rng), rng), rng)
    picture += np.float32(rng.uniform(0, 10)) * rng.standard_normal(picture.shape, np.float32)
    return _compressed(np.clip(picture, 0, 255).astype(np.uint8), rng)


def louder(columns: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """MFCC [columns, 13] at another loudness: only the log energy, column 0, knows of it."""
    changed = columns.copy()
    changed[:, 0] += rng.normal(0, 1.0)
    return changed


def _moved(frames: Frames, rng: np.random.Generator) -> Frames:
    """A shift of up to 3 px and a zoom of up to 8 %."""
    size = frames.shape[1]
    zoom = rng.uniform(0.92, 1.08)
    shift = rng.uniform(-3, 3, 2) + (1 - zoom) * size / 2
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    moved = [
        cv2.warpAffine(f, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE) for f in frames
    ]
    return np.asarray(moved, dtype=np.uint8)


def _coloured(picture: Picture, rng: np.random.Generator) -> Picture:
    gain = (rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)).astype(np.float32)
    return np.asarray((picture - 128) * gain + 128 + np.float32(rng.uniform(-30, 30)))


def _softened(picture: Picture, rng: np.random.Generator) -> Picture:
    """Half of all clips are blurred or went through a smaller size."""
    kind = rng.random()
    if kind < 0.3:
        sigma = rng.uniform(0.4, 2.2)
        return np.asarray([cv2.GaussianBlur(f, (0, 0), sigma) for f in picture])
    if kind < 0.5:
        size, small = picture.shape[1], int(rng.integers(14, 40))
        less = [cv2.resize(f, (small, small), interpolation=cv2.INTER_AREA) for f in picture]
        return np.asarray([cv2.resize(f, (size, size)) for f in less])
    return picture


def _smeared(picture: Picture, rng: np.random.Generator) -> Picture:
    """A fifth of all clips have frames that hold a part of their neighbours."""
    if rng.random() > 0.2:
        return picture
    share = np.float32(rng.uniform(0.1, 0.3))
    padded = np.concatenate([picture[:1], picture, picture[-1:]])
    return np.asarray((1 - 2 * share) * picture + share * (padded[:-2] + padded[2:]))


def _compressed(frames: Frames, rng: np.random.Generator) -> Frames:
    """Half of all clips go through JPEG, frame by frame."""
    if rng.random() < 0.5:
        return frames
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))]
    coded = (cv2.imencode(".jpg", frame, quality)[1] for frame in frames)
    return np.asarray([cv2.imdecode(c, cv2.IMREAD_COLOR) for c in coded], dtype=np.uint8)
