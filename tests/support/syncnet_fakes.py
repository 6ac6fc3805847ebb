"""A context, videos and observations without the harness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import Clip, Frames, Observed, Pair, Waveform


@dataclass(eq=False)
class FakeVideo:
    frames: Frames
    audio: Waveform | None
    annotations: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    digest: str = "0" * 64

    @property
    def n_frames(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> int:
        return int(self.frames.shape[1])


@dataclass
class FakeContext:
    """Extractors by name, each called with the options it is asked for."""

    extractors: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    batch: int = 8
    media: Any = None

    def extractor(self, name: str, **options: object) -> Any:
        return self.extractors[name](**options)

    def weights(self, name: str) -> Any:
        return self.files[name]

    def same_bytes(self, way: str, module: str, check: Callable[[], bool | None]) -> bool:
        return bool(check())


@dataclass(frozen=True)
class FakeObservations:
    generated: list[Observed]
    reference: list[Observed] = field(default_factory=list)


def observed(**rows: list[float]) -> FakeObservations:
    """One clip per value."""
    count = len(next(iter(rows.values())))
    return FakeObservations(
        [
            Observed(Clip(f"c{i}", "a"), {name: values[i] for name, values in rows.items()}, {})
            for i in range(count)
        ]
    )


def pair_of(video: FakeVideo) -> Pair:
    return Pair(Clip("c", "a"), video, video)


def talking(n_frames: int = 60, seed: int = 0, audio_frames: int | None = None) -> FakeVideo:
    """Noise pictures and noise sound: nobody."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (n_frames, 8, 8, 3), dtype=np.uint8)
    samples = 640 * (n_frames if audio_frames is None else audio_frames)
    return FakeVideo(frames, rng.integers(-900, 900, samples, dtype=np.int16))
