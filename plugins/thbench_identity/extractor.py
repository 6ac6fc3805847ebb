"""Extractor `face_identity`: one embedding per frame that is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Context, Frames, Video
from thbench_face.detector import FaceDetector
from thbench_face.track import main_face, require_found
from thbench_identity import IdentityOptions
from thbench_identity.embedders import Embedder, embedder

__all__ = [
    "SMALLEST",
    "FaceIdentity",
    "embedded",
    "require_large",
    "require_no_profile",
    "require_one_face",
]

SMALLEST = 30.0
"""Pixels of the longer side of a face's box, median over a clip. A head of 64 pixels, with a face of 34,
tells four people apart without error; one of 32, with a face of 17, does not (docs/expression.md)."""
ASIDE = 0.33
"""Eye distances from the middle of the eyes to the nose, along the eyes, beyond which a face is in profile: a turn
of about 50 degrees. Talking heads have up to 0.15."""
RIVAL = 0.5
"""A second face counts from this share of the main one's area."""


class FaceIdentity:
    """[T, features] float32 of the main face; NaN in frames that were not looked at or have no face.

    Raises ClipFailure where too many of the frames looked at have no face, where the face is too small to
    say whose it is or in profile, and where a second face is about as large in half of them.
    """

    def __init__(self, options: IdentityOptions, context: Context) -> None:
        self._options, self._context = options, context
        self.identity = (
            f"face_identity 2, {options.network}, every {options.every}, yunet five points, faces from "
            f"{SMALLEST:g} px, missing up to {options.max_missing:g}"
        )

    @cached_property
    def _detector(self) -> FaceDetector:
        return FaceDetector(self._context.weights("yunet"))

    @cached_property
    def _embedder(self) -> Embedder:
        return embedder(self._options.network, self._context)

    def __call__(self, video: Video) -> NDArray[np.float32]:
        looked_at = np.arange(0, video.n_frames, self._options.every)
        faces = [self._detector.with_points(video.frames[t]) for t in looked_at]
        main = main_face(faces, video.size, video.size)
        require_found(np.isfinite(main[:, 0]), self._options.max_missing)
        require_one_face(faces, main)
        require_large(main)
        require_no_profile(main)
        found = embedded((video.frames[t] for t in looked_at), main, self._embedder)
        spread = np.full((video.n_frames, found.shape[1]), np.nan, np.float32)
        spread[looked_at] = found
        return spread


def embedded(
    frames: Iterable[Frames], faces: NDArray[np.float64], network: Embedder
) -> NDArray[np.float64]:
    """[n, features] of n frames [H, W, 3] and the faces [n, 15] in them; NaN where there is none. At least one is there."""
    rows = [
        network(f, face) if np.isfinite(face[0]) else None
        for f, face in zip(frames, faces, strict=True)
    ]
    length = next(len(row) for row in rows if row is not None)
    return np.stack([np.full(length, np.nan) if row is None else row for row in rows])


def require_large(main: NDArray[np.float64]) -> None:
    """Raises ClipFailure where the median face of [T, 4 or more] boxes is too small to be recognised."""
    side = float(np.nanmedian(main[:, 2:4].max(axis=1)))
    if side < SMALLEST:
        raise ClipFailure(f"faces of {side:.0f} px: identity needs at least {SMALLEST:g}")


def require_no_profile(main: NDArray[np.float64]) -> None:
    """Raises ClipFailure where the median face of [T, 15] rows looks past the camera: half of it is hidden."""
    points = main[:, 5:].reshape(-1, 5, 2)
    across = points[:, 1] - points[:, 0]
    nose = points[:, 2] - (points[:, 0] + points[:, 1]) / 2
    share = np.abs((nose * across).sum(axis=1)) / np.square(across).sum(axis=1)
    if (typical := float(np.nanmedian(share))) > ASIDE:
        raise ClipFailure(
            f"faces in profile: the nose lies {typical:.2f} eye distances beside the eyes' middle, "
            f"identity needs at most {ASIDE:g}"
        )


def require_one_face(faces: Sequence[NDArray[np.float64]], main: NDArray[np.float64]) -> None:
    """Raises ClipFailure where half of the frames show a second face about as large as the main one."""
    crowded = sum(
        int((found[:, 2] * found[:, 3] >= RIVAL * box[2] * box[3]).sum() > 1)
        for found, box in zip(faces, main, strict=True)
    )
    if crowded * 2 >= len(faces):
        raise ClipFailure(
            f"two faces of like size in {crowded} of {len(faces)} frames: whose is meant is not known"
        )
