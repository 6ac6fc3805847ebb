"""Tiny plugins that exercise the harness: milliseconds per clip, faults on request."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from thbench.api import (
    SAMPLES_PER_FRAME,
    Clip,
    ClipFailure,
    Failure,
    Generated,
    Missing,
    Observation,
    Observations,
    Pair,
    Plugin,
    Request,
    Score,
    Source,
    TrainedOn,
    Video,
    hookimpl,
    mean_of_rows,
)

SENTENCES = ("AAA", "BBB", "CCC")


@dataclass(frozen=True)
class DatasetOptions:
    n_actors: Annotated[int, "actors"] = 3
    takes: Annotated[int, "clips of every sentence"] = 1
    longer: Annotated[int, "frames more in every clip"] = 0
    bad: Annotated[tuple[str, ...], "clips that cannot be loaded"] = ()
    absent: Annotated[bool, "pretend that the media are missing"] = False
    root: Annotated[
        Path | None,
        "a file with a number that brightens every clip; a location, no part of what is measured",
    ] = None


class ToyDataset:
    """A square that moves; a tone that follows it."""

    version = "1"

    def __init__(self, options: DatasetOptions) -> None:
        self.options = options

    def missing(self) -> Sequence[Missing]:
        return [Missing("toy media", "make toys", 5_000_000)] if self.options.absent else []

    def clips(self) -> Sequence[Clip]:
        takes = ["", *(f"_{t:03d}" for t in range(1, self.options.takes))]
        return [
            Clip(f"{1001 + a}_{s}{t}", str(1001 + a), {"sentence": s})
            for a in range(self.options.n_actors)
            for s in SENTENCES
            for t in takes
        ]

    def load(self, clip: Clip, size: int) -> Source:
        if clip.id in self.options.bad:
            raise ClipFailure("the toy is broken")
        rng = np.random.default_rng(int(clip.actor) * 10 + SENTENCES.index(clip.labels["sentence"]))
        n = int(rng.integers(6, 10)) + self.options.longer
        frames = np.full((n, size, size, 3), rng.integers(40, 200, 3), dtype=np.uint8)
        for t in range(n):
            frames[t, t : t + size // 4, t : t + size // 4] = (255 - 10 * t) % 256
        audio = rng.integers(-8000, 8000, n * SAMPLES_PER_FRAME).astype(np.int16)
        root = self.options.root
        if root is not None and root.is_file():
            frames = np.clip(frames.astype(int) + int(root.read_text()), 0, 255).astype(np.uint8)
        landmarks = np.tile(np.arange(68, dtype=np.float32)[None, :, None], (n, 1, 2)) * (size / 68)
        origin = root if root is not None and root.is_file() else None
        return Source(frames, audio, {"landmarks": landmarks}, origin)


Fault = Literal[
    "none",
    "raise",
    "raise-on-batch",
    "memory",
    "short",
    "long",
    "size",
    "dtype",
    "silent",
    "twice",
    "stranger",
    "refuse",
    "nothing",
    "exit",
    "die",
]


@dataclass(frozen=True)
class EchoOptions:
    gain: Annotated[float, "how strongly the frame is disturbed"] = 1.0
    fault: Annotated[Fault, "what to do wrong"] = "none"
    on: Annotated[str, "the clip to do it on; empty for every clip"] = ""
    trained_on: Annotated[tuple[str, ...] | None, "declared toy actors"] = None
    delay: Annotated[float, "seconds of pretended work per clip"] = 0.0
    checkpoint: Annotated[Path | None, "a file"] = None


class Echo:
    """The identity frame under seeded noise, never twice the same."""

    def __init__(self, options: EchoOptions) -> None:
        self.options = options
        actors = options.trained_on
        self.trained_on = None if actors is None else TrainedOn("toy", frozenset(actors))

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        fault = self.options.fault
        if fault == "memory" and len(requests) > 1:
            raise MemoryError("out of toys")
        for request in requests:
            time.sleep(self.options.delay)
            hit = self.options.on in ("", request.clip_id)
            if hit and fault == "exit":
                raise SystemExit(3)
            if hit and fault == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if hit and (fault == "raise" or (fault == "raise-on-batch" and len(requests) > 1)):
                raise ValueError("toy fault")
            yield from self._answer(request, fault if hit else "none")

    def _answer(self, request: Request, fault: Fault) -> Iterator[Generated | Failure]:
        if fault == "silent":
            return
        if fault == "refuse":
            yield Failure(request.clip_id, "the toy\nrefuses")
            return
        if fault == "nothing":
            yield Generated(request.clip_id)
            return
        n = request.n_frames + {"short": -1, "long": 1}.get(fault, 0)
        size = request.size + (2 if fault == "size" else 0)
        noise = np.random.default_rng(request.seed).normal(
            0, 8 * self.options.gain, (n, size, size, 3)
        )
        base = np.zeros((size, size, 3)) if fault == "size" else request.identity_frame
        frames = np.clip(base + noise, 0, 255)
        frames = frames.astype(np.float32 if fault == "dtype" else np.uint8)
        clip = "stranger" if fault == "stranger" else request.clip_id
        yield Generated(clip, frames)
        if fault == "twice":
            yield Generated(clip, frames)


@dataclass(frozen=True)
class BrightnessOptions:
    scale: Annotated[float, "factor"] = 1.0
    fault: Annotated[
        Literal["none", "raise", "fail", "nan", "reduce", "die"], "what to do wrong"
    ] = "none"
    on: Annotated[str, "the clip to do it on"] = ""
    cost: Annotated[float, "seconds of pretended work per clip"] = 0.0


class Brightness:
    """Mean grey level; `spread` is a number of the whole set."""

    scores: Mapping[str, Score] = {
        "brightness": Score("nearer-reference", "grey levels", (0, 1e6)),
        "spread": Score("lower", "grey levels", (0, 1e6), set_level=True),
    }

    def __init__(self, options: BrightnessOptions) -> None:
        self.options = options

    def observe(self, pair: Pair) -> Observation:
        time.sleep(self.options.cost)
        if pair.clip.id == self.options.on and self.options.fault != "none":
            if self.options.fault == "raise":
                raise RuntimeError("toy metric fault")
            if self.options.fault == "fail":
                raise ClipFailure("too dark to see")
            if self.options.fault == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.options.fault == "nan":
                return Observation({"brightness": float("nan")})
        levels = pair.generated.frames.mean(axis=(1, 2, 3), dtype=np.float64) * self.options.scale
        return Observation({"brightness": float(levels.mean())}, {"levels": levels})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        if self.options.fault == "reduce":
            raise RuntimeError("toy reduce fault")
        generated = np.concatenate([o.arrays["levels"] for o in observed.generated])
        reference = np.concatenate([o.arrays["levels"] for o in observed.reference])
        return {
            "brightness": mean_of_rows(observed.generated, "brightness"),
            "spread": abs(float(generated.mean()) - float(reference.mean())),
        }


@dataclass(frozen=True)
class NoOptions:
    pass


class Levels:
    """Mean level of every frame; counts how often it really works."""

    identity = "toy-levels/1"
    calls = 0

    def __call__(self, video: Video) -> np.ndarray:
        Levels.calls += 1
        return video.frames.mean(axis=(1, 2, 3), dtype=np.float64)


class Extracted:
    """A metric on a shared extractor."""

    scores: Mapping[str, Score] = {"level": Score("lower")}

    def __init__(self, levels: object) -> None:
        self.levels = levels

    def observe(self, pair: Pair) -> Observation:
        return Observation({"level": float(np.mean(self.levels(pair.generated)))})  # type: ignore[operator]

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"level": mean_of_rows(observed.generated, "level")}


class Rival(Brightness):
    """Another metric with a score of the same name."""

    scores: Mapping[str, Score] = {"spread": Score("lower")}


@hookimpl
def thbench_datasets() -> list[Plugin]:
    return [Plugin("toy", DatasetOptions, lambda o, c: ToyDataset(o))]


@hookimpl
def thbench_generators() -> list[Plugin]:
    return [
        Plugin(
            "toy-echo", EchoOptions, lambda o, c: Echo(o), summary="the identity frame, disturbed"
        )
    ]


@hookimpl
def thbench_metrics() -> list[Plugin]:
    return [
        Plugin(
            "toy-brightness",
            BrightnessOptions,
            lambda o, c: Brightness(o),
            variants={"double": {"scale": 2.0}},
            argument="on",
        ),
        Plugin("toy-rival", BrightnessOptions, lambda o, c: Rival(o)),
        Plugin(
            "toy-extracted",
            NoOptions,
            lambda o, c: Extracted(c.extractor("toy-levels")),
            extractors=lambda o: {"toy-levels": {}},
        ),
    ]


@hookimpl
def thbench_extractors() -> list[Plugin]:
    return [Plugin("toy-levels", NoOptions, lambda o, c: Levels())]
