"""Which square of a clip's pictures is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Context, Frames, Square, UserError, atomic_file, reading, whole
from thbench_face import YUNET
from thbench_face.box import SquareBox, smoothed_square_box
from thbench_face.detector import FaceDetector
from thbench_face.track import main_face, require_faces

__all__ = ["ClipFaces", "centre_square", "whole_square"]

CODE = ("thbench_face.detector", "thbench_face.track")  # decides the boxes that are kept


def whole_square(frame: Frames) -> Square:
    """The picture as it is. Raises ClipFailure where it is not square."""
    height, width = frame.shape[:2]
    if height != width:
        raise ClipFailure(
            f"{width} x {height} px is not square: set crop: face (the head) or crop: centre"
        )
    return whole(width, height)


def centre_square(frame: Frames) -> Square:
    """The largest square in the middle of the picture."""
    height, width = frame.shape[:2]
    side = min(height, width)
    return Square((width - side) // 2, (height - side) // 2, side, width, height)


class ClipFaces:
    """Squares around heads; what the detector saw is kept in the plugin's cache by the file's digest."""

    def __init__(self, context: Context, max_missing: float) -> None:
        self._context = context
        self._max_missing = max_missing

    def square(
        self, path: Path, limit: int | None, pictures: Callable[[], Iterable[Frames]]
    ) -> SquareBox:
        """The square of the first `limit` pictures of a file. Raises ClipFailure where faces are few."""
        code = self._context.source(*CODE)
        key = hashlib.sha256(
            f"{_file_digest(path)} {limit} {YUNET.sha256} {code}".encode()
        ).hexdigest()
        stored = self._context.cache / "boxes" / f"{key}.npy"
        seen = _read(stored)
        if seen is None:
            seen = self._detect(pictures())
            _write(stored, seen)
        height, width = (int(v) for v in seen[0, :2])  # the first row holds the picture's size
        require_faces(seen[1:], self._max_missing)
        return smoothed_square_box(seen[1:], height, width)

    @cached_property
    def _detector(self) -> FaceDetector:
        return FaceDetector(self._context.weights(YUNET.name))

    def _detect(self, pictures: Iterable[Frames]) -> NDArray[np.float64]:
        """[1 + T, 5]: height and width in the first row, then the main face of every picture."""
        faces, height, width = [], 0, 0
        for picture in pictures:
            height, width = picture.shape[:2]
            faces.append(self._detector(picture))
        size = np.array([[height, width, 0, 0, 0]], np.float64)
        return np.concatenate([size, main_face(faces, height, width)])


def _file_digest(path: Path) -> str:
    with reading(path, clip=True), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(stored: Path) -> NDArray[np.float64] | None:
    try:
        with reading(stored):
            boxes = np.load(stored, allow_pickle=False)
    except UserError:
        return None  # absent, or damaged by a full disk: it is detected again
    return boxes if boxes.ndim == 2 and boxes.shape[0] > 1 and boxes.shape[1] == 5 else None


def _write(stored: Path, boxes: NDArray[np.float64]) -> None:
    """Whole or not at all: written next to and moved, as several processes may share the cache."""
    with atomic_file(stored, durable=False) as file:
        np.save(file, boxes, allow_pickle=False)
