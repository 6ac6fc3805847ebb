"""What every dataset must hold."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from thbench.api import Clip, Source, Square
from thbench.testing.checks import Checks, require, require_missing
from thbench.testing.digests import source


class DatasetChecks(Checks):
    """The contract of api.Dataset; two clips are loaded, the first and the last."""

    work = "sources"
    gates = (*Checks.gates, "check_version", "check_sources")

    @cached_property
    def _clips(self) -> list[Clip]:
        return list(self.built.clips())

    @cached_property
    def _two(self) -> list[Clip]:
        return list({c.id: c for c in (self._clips[0], self._clips[-1])}.values())

    @cached_property
    def _size(self) -> int:
        return self.material.wanted_size or 64

    @cached_property
    def _digests(self) -> list[str]:
        return [source(self.built, clip, self._size) for clip in self._two]

    def material_for_worker(self) -> tuple[list[Clip], int]:
        return self._two, self._size

    def expected_of_worker(self) -> tuple[list[Clip], list[str]]:
        return self._clips, self._digests

    def check_version(self) -> None:
        """it has a version, and what it lacks is named with its command"""
        version = getattr(self.built, "version", None)
        require(isinstance(version, str) and bool(version), f"version is {version!r}")
        missing = list(self.built.missing())
        for item in missing:
            require_missing(item)
        require(not missing, "; ".join(f"{m.what}: {m.command}" for m in missing))

    def check_clips(self) -> None:
        """clips are sorted by id, unique, and the same from a fresh instance"""
        clips, ids = self._clips, [clip.id for clip in self._clips]
        require(bool(clips), "it has no clips")
        require(ids == sorted(ids), "clips are not sorted by id")
        require(len(set(ids)) == len(ids), "two clips share an id")
        for clip in clips:
            words = [clip.id, clip.actor, *clip.labels, *clip.labels.values()]
            require(all(isinstance(w, str) for w in words), f"{clip.id}: not all of it is text")
            require(bool(clip.id and clip.actor), f"{clip!r} lacks an id or an actor")
        require(list(self.subject.build().clips()) == clips, "a fresh instance has other clips")

    def check_sources(self) -> None:
        """clips load as frames, sound and annotations of the promised shapes and types"""
        for clip in self._two:
            require_source(self.built.load(clip, self._size), self._size)

    def check_repeatable(self) -> None:
        """loading again, in another order or from a fresh instance, gives the same bytes"""
        again = [source(self.built, clip, self._size) for clip in reversed(self._two)][::-1]
        require(again == self._digests, "the second load differs")
        fresh = self.subject.build()
        require([source(fresh, c, self._size) for c in self._two] == self._digests, "fresh differs")

    def check_sizes(self) -> None:
        """another size changes the picture's size and nothing else"""
        clip, size = self._two[0], self._size * 2
        small, large = self.built.load(clip, self._size), self.built.load(clip, size)
        require_source(large, size)
        require(len(small.frames) == len(large.frames), "another size has another length")
        require(np.array_equal(small.audio, large.audio), "another size has other sound")
        require(set(small.annotations) == set(large.annotations), "another size, other annotations")
        require(small.frame == large.frame, "another size is another square of the recording")


def require_source(loaded: Any, size: int) -> None:
    """Shapes and types of api.Source."""
    require(isinstance(loaded, Source), f"load gave a {type(loaded).__name__}, not a Source")
    frames, audio = loaded.frames, loaded.audio
    fits = frames.dtype == np.uint8 and frames.ndim == 4 and frames.shape[1:] == (size, size, 3)
    shown = f"{frames.shape} {frames.dtype}"
    require(fits, f"frames are {shown}, [T, {size}, {size}, 3] uint8 needed")
    require(len(frames) > 0, "a clip without frames")
    sound = audio.dtype == np.int16 and audio.ndim == 1 and len(audio) > 0
    require(sound, f"audio is {audio.shape} {audio.dtype}, [samples] int16 needed")
    if (at := loaded.frame) is not None:
        good = isinstance(at, Square) and min(at.side, at.width, at.height) > 0
        require(good, f"frame is {at!r}, a Square with positive side, width and height needed")
    for name, array in loaded.annotations.items():
        require(array.dtype != object, f"annotation {name} holds Python objects")
    if (marks := loaded.annotations.get("landmarks")) is not None:
        wanted = (len(frames), 68, 2)
        good = marks.shape == wanted and marks.dtype == np.float32 and np.isfinite(marks).all()
        require(bool(good), f"landmarks are {marks.shape} {marks.dtype}, {wanted} float32 needed")
