"""Frames given one by one as one array, whose memory does not grow with the length of a clip."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from thbench.api import ClipFailure, Frames
from thbench.files.atomic import disk_errors
from thbench.files.cache import cache_root

IN_MEMORY = 64_000_000
"""Bytes of frames up to which they are held in memory: 13 s at 256 x 256 pixels."""
KEPT = 16_000_000
"""Bytes of a mapped file that are looked at before the process lets go of them all."""


class Mapped(np.memmap):
    """Frames in a file, of which the process holds about KEPT bytes, whoever walks through them.

    The system would take the pages back only when memory is short, so that reading a long clip to its
    end counts as much memory as the clip has. Frames and blocks are taken by index, which is where the
    pages of earlier ones are dropped; looked at again, they come back from the file.
    """

    _looked_at: int

    def __array_finalize__(self, of: Any) -> None:
        super().__array_finalize__(of)
        self._looked_at = 0

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        if not isinstance(found, np.ndarray):
            return found
        self._looked_at += found.nbytes
        if self._looked_at > KEPT:
            self._looked_at = 0
            self.let_go()
        return found if found.nbytes > KEPT else found.view(np.ndarray)

    def let_go(self) -> None:
        """Drop the pages from this process; the file keeps them."""
        mapping = getattr(self, "_mmap", None)
        if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)


def gather(frames: Iterable[Frames], in_memory: int = IN_MEMORY) -> Frames:
    """[T, H, W, 3] uint8 of equal frames [H, W, 3].

    More than `in_memory` bytes are written to a file without a name in thbench's cache, which is
    mapped read-only as `Mapped`; the space is free again when the array or the process ends.

    Raises ClipFailure without a frame, UserError where the disk is full or cannot be written.
    """
    held: list[Frames] = []
    source = iter(frames)
    for frame in source:
        held.append(frame)
        if len(held) * frame.nbytes > in_memory:
            return _mapped(held, source)
    if not held:
        raise ClipFailure("no video frames")
    return np.stack(held)


def _mapped(held: list[Frames], rest: Iterable[Frames]) -> Frames:
    shape, count = held[0].shape, 0
    folder = cache_root() / "long"
    with disk_errors(folder / "frames"):
        folder.mkdir(parents=True, exist_ok=True)
        file = TemporaryFile(dir=folder)  # noqa: SIM115  the mapping outlives it
    with file:
        while held:
            _append(file, held.pop(0), shape, folder)
            count += 1
        for frame in rest:
            _append(file, frame, shape, folder)
            count += 1
        with disk_errors(folder / "frames"):
            file.flush()
        return np.memmap(file, np.uint8, "r", shape=(count, *shape)).view(Mapped)


def _append(file: IO[bytes], frame: Frames, shape: tuple[int, ...], folder: Path) -> None:
    if frame.shape != shape:
        raise ClipFailure(f"picture size changes from {shape[:2]} to {frame.shape[:2]}")
    # Written and not put into the mapping: a full disk is an error here and a crash there.
    with disk_errors(folder / "frames"):
        file.write(np.ascontiguousarray(frame).data)
