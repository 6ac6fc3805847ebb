"""What plugins are tried on: two clips of a suite, a few frames of each, and requests made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from thbench.api import SAMPLES_PER_FRAME, Clip, Dataset, Pair, Request, Source
from thbench.plugins.discovery import registry
from thbench.suite import Suite, find_suite, load_suite
from thbench.suite.seeds import request_seed
from thbench.suite.split import split_of
from thbench.testing.subject import SETTINGS
from thbench.video import MemoryVideo

SUITE = "smoke"
"""The shipped suite that conformance runs on."""
DEFAULT_SIZE = 64
FRAMES = 6
"""Frames of a plain request: few, so that a slow generator can be tried on a cpu."""


@dataclass
class Material:
    """Clips of a suite's dataset, loaded when first needed, or those in `given`.

    `n_frames` is the length of requests (None: FRAMES) and of pairs (None: as long as the clip).
    """

    suite: str | Path = SUITE
    wanted_size: int | None = None
    n_frames: int | None = None
    given: Sequence[tuple[Clip, Source]] = field(default_factory=list)

    @cached_property
    def _suite(self) -> Suite:
        return load_suite(find_suite(str(self.suite)), registry())

    @cached_property
    def size(self) -> int:
        """Pixels: as asked for, or of the clips given, or the suite's first resolution."""
        if self.wanted_size is not None:
            return self.wanted_size
        if self.given:
            return int(self.given[0][1].frames.shape[1])
        return next(iter(self._suite.resolutions), DEFAULT_SIZE)

    @cached_property
    def sources(self) -> list[tuple[Clip, Source]]:
        """Two clips with their media, whole. Raises UserError where the suite's dataset lacks some."""
        if self.given:
            return list(self.given)
        part = self._suite.dataset
        dataset: Dataset = part.build(SETTINGS)
        clips = split_of(self._suite, SETTINGS).clips[:2]
        return [(clip, dataset.load(clip, self.size)) for clip in clips]

    @property
    def request_frames(self) -> int:
        return self.n_frames or FRAMES

    def requests(self) -> list[Request]:
        """Three requests of different lengths: both clips, and the first once more under another name."""
        (first, a), (second, b) = self.sources[0], self.sources[-1]
        n = self.request_frames
        return [
            request(first.id, a, n),
            request(f"{second.id}-b", b, max(1, n - 1)),
            request(f"{first.id}-c", a, max(1, n // 2)),
        ]

    def pairs(self) -> list[Pair]:
        """Every clip as a perfect video next to its reference."""
        return [pair(clip, source, self.n_frames) for clip, source in self.sources]


def material_from(clips: Sequence[tuple[Clip, Source]], n_frames: int | None = None) -> Material:
    """Media of any dataset, for plugins that cannot be tried on the shipped suite."""
    return Material(n_frames=n_frames, given=list(clips))


def request(clip_id: str, source: Source, n_frames: int, seed: int | None = None) -> Request:
    """A request for `n_frames` frames; what the source is too short for is filled with its beginning."""
    samples = n_frames * SAMPLES_PER_FRAME
    return Request(
        clip_id=clip_id,
        identity_frame=source.frames[0].copy(),
        audio=np.resize(source.audio, samples),
        n_frames=n_frames,
        size=int(source.frames.shape[1]),
        seed=request_seed(0, clip_id) if seed is None else seed,
    )


def pair(clip: Clip, source: Source, n_frames: int | None) -> Pair:
    """The reference next to itself, whole or cut to `n_frames`, as two videos of their own."""
    n = min(n_frames or len(source.frames), len(source.frames))
    audio = source.audio[: n * SAMPLES_PER_FRAME]
    annotations = {k: v[:n] for k, v in source.annotations.items() if len(v) == len(source.frames)}
    reference = MemoryVideo(source.frames[:n], audio, annotations)
    return Pair(clip, MemoryVideo(source.frames[:n].copy(), audio.copy()), reference)
