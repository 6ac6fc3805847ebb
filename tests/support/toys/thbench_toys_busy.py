"""Toys that take time as real ones do: a generator that waits for a device only one can use, a metric of CPU work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from filelock import FileLock

from thbench.api import (
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
from thbench_toys import Echo, EchoOptions


@dataclass(frozen=True)
class ExclusiveOptions:
    # Not a Path: of those the contents are part of what a result records.
    device: Annotated[str, "a lock file"]
    busy: Annotated[float, "seconds it is held for each clip"] = 0.0


class Exclusive:
    trained_on = None

    def __init__(self, options: ExclusiveOptions) -> None:
        self.lock, self.busy, self.echo = (
            FileLock(options.device),
            options.busy,
            Echo(EchoOptions()),
        )

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        for request in requests:
            with self.lock:
                time.sleep(self.busy)
            yield from self.echo.generate([request])


@dataclass(frozen=True)
class LaboriousOptions:
    busy: Annotated[float, "seconds of one core for each video"] = 0.0


class Laborious:
    scores: Mapping[str, Score] = {"labour": Score("lower")}

    def __init__(self, options: LaboriousOptions) -> None:
        self.busy = options.busy

    def observe(self, pair: Pair) -> Observation:
        end = time.thread_time() + self.busy
        while time.thread_time() < end:
            pass
        return Observation({"labour": float(pair.generated.frames.mean())})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"labour": mean_of_rows(observed.generated, "labour")}


@hookimpl
def thbench_generators() -> list[Plugin]:
    return [Plugin("toy-exclusive", ExclusiveOptions, lambda o, c: Exclusive(o))]


@hookimpl
def thbench_metrics() -> list[Plugin]:
    return [Plugin("toy-laborious", LaboriousOptions, lambda o, c: Laborious(o))]
