"""Controlled damage to real frames: moved, enlarged, turned, dimmed, compressed; a mouth or a head held still."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_landmarks.alignment import RIGID, as_plane

LIPS = [*range(48, 60)]


def moved(frames: Frames, shift: float = 0, scale: float = 1, roll: float = 0) -> Frames:
    """Every frame by a similarity about its middle; `shift` in pixels both ways, `roll` in degrees."""
    size = frames.shape[1]
    turn = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), roll, scale)
    turn[:, 2] += shift
    return np.stack([_warped(f, turn) for f in frames])


def dimmed(frames: Frames, gain: float) -> Frames:
    return np.asarray(np.clip(frames * gain, 0, 255), np.uint8)


def _warped(frame: Frames, turn: NDArray[np.float64]) -> Frames:
    return np.asarray(
        cv2.warpAffine(
            frame, turn, frame.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def frozen_mouth(frames: Frames, landmarks: NDArray[np.floating], frame: int = 0) -> Frames:
    """The mouth of one frame laid over all, moving along with nose and eyes, its edge blended.

    landmarks: [T, 68, 2] of the frames.
    """
    flat = as_plane(landmarks)
    hull = cv2.convexHull(np.asarray(landmarks[frame, LIPS], np.float32))
    middle = hull.mean(axis=0)
    wide = np.round(middle + 1.6 * (hull - middle)).astype(np.int32)
    mask = np.zeros(frames.shape[1:3], np.float32)
    cv2.fillConvexPoly(mask, wide, 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), frames.shape[1] / 64)
    out = []
    for t in range(len(frames)):
        turn = _similarity(flat[frame, RIGID], flat[t, RIGID])
        mouth = _warped(frames[frame], turn).astype(np.float32)
        over = cv2.warpAffine(mask, turn, frames.shape[2:0:-1])[..., None]
        out.append(np.round(over * mouth + (1 - over) * frames[t]).astype(np.uint8))
    return np.stack(out)


def _similarity(p: NDArray[np.complex128], q: NDArray[np.complex128]) -> NDArray[np.float64]:
    """[2, 3] matrix that brings p nearest to q."""
    about = p - p.mean()
    turn = (about.conj() * (q - q.mean())).sum() / (np.abs(about) ** 2).sum()
    move = q.mean() - turn * p.mean()
    return np.array([[turn.real, -turn.imag, move.real], [turn.imag, turn.real, move.imag]])
