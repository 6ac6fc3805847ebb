"""What a report takes from the frames of a stored video: each is decoded once for all of it, when something
is asked for that is not kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Frames
from thbench.files.cache import Cache, cache_root
from thbench.files.canonical import digest
from thbench.report.curves import brightness, motion, sharpness
from thbench.run.folder import Record, VideoFolder
from thbench.video import StoredVideo

Array = NDArray[np.float64]

QUANTITIES: Mapping[str, tuple[str, Callable[[Frames], Array]]] = {
    "brightness": ("mean grey level", brightness),
    "sharpness": ("variance of the Laplacian", sharpness),
    "motion": ("mean change of a pixel", motion),
}
"""Name -> unit, and what is measured of frames, [T]."""
FORM = 1
"""Raised when a quantity is defined anew, so that what was kept of videos is measured again."""


@dataclass(frozen=True)
class Cells:
    """What `Look.cells` gave, of a video that has been let go."""

    taken: list[Frames | str]

    def cells(self, _: Sequence[int]) -> list[Frames | str]:
        return self.taken


class Look:
    """One stored video with what a report shows of it."""

    def __init__(self, folder: VideoFolder, record: Record) -> None:
        self.record = record
        self._folder = folder

    @cached_property
    def video(self) -> StoredVideo:
        return self._folder.open(self.record)

    def curves(self) -> dict[str, Array]:
        """Every quantity, [T] each, kept by the digest of the frames. Raises ClipFailure."""
        if (kept := kept_curves(self.record)) is not None:
            return kept
        found = {name: curve(self.video.frames) for name, (_, curve) in QUANTITIES.items()}
        _kept().put(_key(self.record), arrays=found)
        return found

    def cells(self, chosen: Sequence[int]) -> list[Frames | str]:
        """Frames [S, S, 3] of a film strip; in their place why there is no video, or that it has ended."""
        try:
            frames = self.video.frames
        except ClipFailure as failure:
            return [f"no video: {failure.reason}"] * len(chosen)
        return [cell(frames, i) for i in chosen]


def cell(frames: Frames | str, index: int) -> Frames | str:
    """[S, S, 3] of a clip's frame, or why there is none."""
    if isinstance(frames, str):
        return frames
    return frames[index].copy() if index < len(frames) else "ended"  # a view would keep the clip


def kept_curves(record: Record) -> dict[str, Array] | None:
    """What `Look.curves` gives, if it is kept."""
    entry = _kept().get(_key(record))
    return None if entry is None else {q: np.asarray(entry.arrays[q]) for q in QUANTITIES}


def _kept() -> Cache:
    return Cache(cache_root() / "features")


def _key(record: Record) -> str:
    return digest(["drift", FORM, record["frames_digest"]])
