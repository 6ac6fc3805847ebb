"""Heads that nod with the loudness of their speech, and a measure of sharpness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from thbench.api import (
    SAMPLES_PER_FRAME,
    Failure,
    Generated,
    Observation,
    Observations,
    Pair,
    Plugin,
    Request,
    Score,
    hookimpl,
    mean_of_rows,
)


@dataclass(frozen=True)
class Options:
    depth: Annotated[int, "rows that the loudest frame is lowered by"] = 3
    fault: Annotated[Literal["none", "raise", "mid-batch", "shape"], "what goes wrong"] = "none"


class Acme:
    """The identity frame, lowered by the loudness of each frame's sound."""

    trained_on = None

    def __init__(self, options: Options) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        for place, request in enumerate(requests):
            if self.options.fault == "raise" or (self.options.fault == "mid-batch" and place):
                raise RuntimeError("acme has dropped the batch")
            yield Generated(request.clip_id, self._nod(request))

    def _nod(self, request: Request) -> np.ndarray:
        loudness = np.abs(request.audio.astype(np.float64))
        loudness = np.resize(loudness, request.n_frames * SAMPLES_PER_FRAME)
        level = loudness.reshape(request.n_frames, -1).mean(axis=1)
        rows = np.rint(self.options.depth * level / max(level.max(), 1)).astype(int)
        frames = np.stack([np.roll(request.identity_frame, r, axis=0) for r in rows])
        return frames[:, ::2] if self.options.fault == "shape" else frames


@dataclass(frozen=True)
class SharpnessOptions:
    axis: Annotated[Literal["rows", "columns"], "along which neighbours are compared"] = "rows"


class Sharpness:
    """Mean absolute difference of neighbouring pixels."""

    scores: Mapping[str, Score] = {
        "acme-sharpness": Score("nearer-reference", "grey levels", (0, 255), {"blur": "-"})
    }

    def __init__(self, options: SharpnessOptions) -> None:
        self.axis = 1 if options.axis == "rows" else 2

    def observe(self, pair: Pair) -> Observation:
        frames = pair.generated.frames.astype(np.int16)
        value = float(np.abs(np.diff(frames, axis=self.axis)).mean())
        return Observation({"acme-sharpness": value})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"acme-sharpness": mean_of_rows(observed.generated, "acme-sharpness")}


@hookimpl
def thbench_generators() -> list[Plugin]:
    return [Plugin("acme", Options, lambda options, context: Acme(options))]


@hookimpl
def thbench_metrics() -> list[Plugin]:
    return [
        Plugin(
            "acme-sharpness",
            SharpnessOptions,
            lambda options, context: Sharpness(options),
            summary="how sharp neighbouring pixels are",
        )
    ]
