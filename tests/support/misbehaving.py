"""Plugins that break one promise each, for the tests of the conformance suite."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np

from thbench.api import (
    Clip,
    ClipFailure,
    Generated,
    Missing,
    Observation,
    Observations,
    Pair,
    Plugin,
    Request,
    Score,
    Source,
    hookimpl,
    mean_of_rows,
)


@dataclass(frozen=True)
class Options:
    fault: Annotated[str, "what to do wrong"] = "none"


@dataclass
class Loose:
    steps: int = 1


class Painter:
    """The identity frame, with one bad habit."""

    trained_on: Any = None
    instances = 0

    def __init__(self, fault: str) -> None:
        self.fault, self.calls = fault, 0
        Painter.instances += 1
        if fault == "training":
            self.trained_on = "everyone"

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated]:
        for place, request in enumerate(requests):
            self.calls += 1
            yield Generated(request.clip_id, self._paint(request, place, len(requests)))

    def _paint(self, request: Request, place: int, asked: int) -> np.ndarray:
        fault, n = self.fault, request.n_frames
        if fault == "one frame" and n == 1:
            raise ValueError("needs two frames")
        if fault == "seed":
            np.random.seed(request.seed)
        if fault == "black" and not request.identity_frame.any():
            raise ZeroDivisionError("no light")
        if fault == "writes":
            request.audio[:] = 0
        value = {
            "place": place,
            "batch": asked,
            "calls": self.calls,
            "instances": Painter.instances,
            "global": np.random.randint(256),
            "name": len(request.clip_id),
            "process": os.getpid() % 251,
        }.get(fault, 7)
        size = 64 if fault == "size" and request.size < 32 else request.size
        frames = np.full((n, size, size, 3), value, np.uint8)
        return frames[0] if fault == "shape" else frames


class Meter:
    """Mean absolute difference, with one bad habit."""

    def __init__(self, fault: str) -> None:
        self.fault, self.calls = fault, 0
        self.scores: Mapping[str, Score] = {
            "difference": Score("lower", "grey levels", (0, 255), {"noise": "+"})
        }
        if fault == "meaning":
            self.scores = {"difference": Score("lower", reacts_to={"noise": "up"})}
        if fault == "no scores":
            self.scores = {}

    def observe(self, pair: Pair) -> Observation:
        self.calls += 1
        frames, truth = pair.generated.frames, pair.reference.frames
        if self.fault == "one frame" and len(frames) == 1:
            raise IndexError("frames[1]")
        if self.fault == "no audio":
            frames = frames + len(pair.generated.audio) * 0  # type: ignore[arg-type]
        if self.fault == "writes":
            frames.flags.writeable = True
            frames[:] = 0
        value = float(np.abs(frames.astype(float) - truth).mean())
        value += {"optimum": 1.0, "calls": self.calls, "range": -1.0}.get(self.fault, 0.0)
        value += os.getpid() if self.fault == "process" else 0
        if self.fault == "nan":
            value = float("nan")
        arrays = {"names": np.array([object()])} if self.fault == "objects" else {}
        return Observation({"difference": value}, arrays)

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        if self.fault == "nothing" and not observed.generated:
            return {"difference": 0.0}
        if self.fault == "names":
            return {"other": 1.0}
        value = mean_of_rows(observed.generated, "difference")
        if self.fault == "reduce":
            self.calls += 1
            value += self.calls
        return {"difference": value}


class Shelf:
    """Three clips of noise, with one bad habit."""

    version = "1"

    def __init__(self, fault: str) -> None:
        self.fault = fault
        if fault == "version":
            self.version = ""

    def missing(self) -> Sequence[Missing]:
        return [Missing("films", "")] if self.fault == "command" else []

    def clips(self) -> Sequence[Clip]:
        ids = ["b", "a"] if self.fault == "order" else ["a", "b", "c"]
        if self.fault == "twice":
            ids = ["a", "a"]
        if self.fault == "instances":
            ids.append(f"z{id(self)}")
        actor: Any = 7 if self.fault == "actor" else "7"
        return [Clip(i, actor) for i in ids]

    def load(self, clip: Clip, size: int) -> Source:
        rng = np.random.default_rng(None if self.fault == "random" else len(clip.id))
        n = size // 16 if self.fault == "length" else 4
        frames = rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8)
        audio = np.zeros(n * 640, np.int16)
        marks = np.zeros((n, 68, 2), np.float32)
        if self.fault == "marks":
            marks = marks[:-1]
        if self.fault == "float":
            return Source(frames / 255, audio)  # type: ignore[arg-type]
        if self.fault == "stereo":
            return Source(frames, np.stack([audio, audio]))
        if self.fault == "fails":
            raise ClipFailure("scratched")
        return Source(frames, audio, {"landmarks": marks})


def _missing(options: Options) -> Sequence[Missing]:
    if options.fault == "heavy":
        import torch  # noqa: F401
    return [Missing("weights", "make weights")] if options.fault == "missing" else []


GENERATOR: Plugin[Any, Any] = Plugin("painter", Options, lambda o, c: Painter(o.fault))
GENERATOR = replace(GENERATOR, missing=_missing)
METRIC: Plugin[Any, Any] = Plugin("meter", Options, lambda o, c: Meter(o.fault))
DATASET: Plugin[Any, Any] = Plugin("shelf", Options, lambda o, c: Shelf(o.fault))
LOOSE: Plugin[Any, Any] = Plugin("loose", Loose, lambda o, c: Painter("none"))
STRAY: Plugin[Any, Any] = Plugin("stray", Options, lambda o, c: Painter("none"))
"""No hook of this module gives it away."""


@hookimpl
def thbench_generators() -> Iterable[Plugin[Any, Any]]:
    return [GENERATOR, LOOSE]


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Any, Any]]:
    return [METRIC]


@hookimpl
def thbench_datasets() -> Iterable[Plugin[Any, Any]]:
    return [DATASET]
