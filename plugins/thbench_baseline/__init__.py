"""A baseline that learns nothing: the lower face stretches with the loudness of the speech.

It is the floor a trained generator should clear: its mouth region moves in time with the sound and
has no idea of what is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from thbench.api import (
    SAMPLES_PER_FRAME,
    Context,
    Frames,
    Generated,
    Plugin,
    Request,
    TrainedOn,
    Waveform,
    hookimpl,
)


@dataclass(frozen=True)
class Options:
    strength: Annotated[float, "largest stretch, as a share of the height"] = 0.06
    line: Annotated[float, "height of the lips, as a share from the top"] = 0.68


def loudness(audio: Waveform, n_frames: int) -> NDArray[np.float64]:
    """Root mean square of each 40 ms, over the clip's largest: [n_frames] in 0..1."""
    padded = np.zeros(n_frames * SAMPLES_PER_FRAME)
    padded[: len(audio)] = audio[: len(padded)]
    level = np.sqrt(np.mean(padded.reshape(n_frames, SAMPLES_PER_FRAME) ** 2, axis=1))
    return level / max(float(level.max()), 1.0)


def stretched(frame: Frames, line: float, shift: float) -> Frames:
    """[H, W, 3] with everything below `line` moved down by `shift` pixels and the gap filled by stretching."""
    height = frame.shape[0]
    rows, lips = np.arange(height, dtype=np.float64), line * height
    chin = lips + height / 6
    source = np.where(
        rows < lips,
        rows,
        np.where(
            rows < chin + shift,
            lips + (rows - lips) * (chin - lips) / (chin - lips + shift),
            rows - shift,
        ),
    )
    low = np.floor(source).astype(int).clip(0, height - 2)
    part = (source - low)[:, None, None].clip(0, 1)
    blended = frame[low] * (1 - part) + frame[low + 1] * part
    return np.rint(blended).astype(np.uint8)


class LoudnessWarp:
    """The identity frame, its lower part stretched in step with the sound."""

    trained_on: TrainedOn | None = TrainedOn("none", frozenset())

    def __init__(self, options: Options) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated]:
        for request in requests:
            level = loudness(request.audio, request.n_frames)
            shifts = level * self.options.strength * request.size
            frames = [stretched(request.identity_frame, self.options.line, s) for s in shifts]
            yield Generated(request.clip_id, np.stack(frames))


def build(options: Options, context: Context) -> LoudnessWarp:
    return LoudnessWarp(options)


@hookimpl
def thbench_generators() -> list[Plugin[LoudnessWarp, Options]]:
    summary = "learns nothing: the lower face stretches with the loudness of the speech"
    return [Plugin("loudness-warp", Options, build, summary=summary)]
