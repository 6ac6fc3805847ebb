"""68 landmarks of clips whose dataset has none, found by the face mesh when a training asks for them."""

from __future__ import annotations

import hashlib
import os
import secrets
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Context, Frames, UserError, reading
from thbench_face import FACE_MESH, YUNET
from thbench_face.detector import FaceDetector
from thbench_face.mesh import IBUG, FaceMeshNet, mesh_of
from thbench_face.track import filled_boxes, main_face, require_faces

__all__ = ["LandmarksOnDemand"]

MAX_MISSING = 0.2
"""Largest share of frames without a face."""


class LandmarksOnDemand:
    """Finds them once for each clip, and keeps them in the plugin's cache by the digest of the frames."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, frames: Frames) -> NDArray[np.float32]:
        """[T, 68, 2] x, y in pixels of [T, S, S, 3] frames, iBUG order.

        Raises ClipFailure where faces are few, and UserError with the command that gets the weights.
        """
        stored = self._context.cache / "landmarks" / f"{self._key(frames)}.npy"
        points = _read(stored, len(frames))
        if points is None:
            points = self._found(frames)
            _write(stored, points)
        return points

    def _key(self, frames: Frames) -> str:
        code = self._context.source("thbench_face.mesh", "thbench_face.track")
        said = f"{frames.shape} {YUNET.sha256} {FACE_MESH.sha256} {code}"
        state = hashlib.sha256(said.encode())
        state.update(np.ascontiguousarray(frames).data)
        return state.hexdigest()

    @cached_property
    def _networks(self) -> tuple[FaceDetector, FaceMeshNet]:
        files = [self._context.weights(weights.name) for weights in (YUNET, FACE_MESH)]
        return FaceDetector(files[0]), FaceMeshNet(files[1])

    def _found(self, frames: Frames) -> NDArray[np.float32]:
        detector, mesh = self._networks
        boxes = main_face([detector(frame) for frame in frames], *frames.shape[1:3])
        require_faces(boxes, MAX_MISSING)
        pairs = zip(frames, filled_boxes(boxes), strict=True)
        points = [mesh_of(frame, box, mesh)[0][IBUG, :2] for frame, box in pairs]
        return np.stack(points).astype(np.float32)


def _read(stored: Path, n: int) -> NDArray[np.float32] | None:
    """None where they are not there, or damaged by a full disk: they are found again."""
    try:
        with reading(stored):
            points = np.load(stored, allow_pickle=False)
    except (UserError, ClipFailure):
        return None
    return points if points.shape == (n, 68, 2) and points.dtype == np.float32 else None


def _write(stored: Path, points: NDArray[np.float32]) -> None:
    """Whole or not at all: several processes may share the cache."""
    stored.parent.mkdir(parents=True, exist_ok=True)
    partial = stored.with_name(f".{stored.stem}-{os.getpid()}-{secrets.token_hex(4)}.npy")
    try:
        np.save(partial, points, allow_pickle=False)
        partial.replace(stored)
    finally:
        partial.unlink(missing_ok=True)
