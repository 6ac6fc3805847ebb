"""A toy generator that writes down every clip it is asked for, and in which process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from thbench.api import Failure, Generated, Plugin, Request, hookimpl
from thbench_toys import Echo, EchoOptions


@dataclass(frozen=True)
class TallyOptions:
    # Not a Path: of those the contents are part of what a result records.
    tally: Annotated[str, "a file; a line `clip pid` is appended when work on a clip starts"]
    meet: Annotated[int, "nobody answers before so many processes have been asked"] = 1
    delay: Annotated[float, "seconds of pretended work per clip"] = 0.0


class Tally:
    trained_on = None

    def __init__(self, options: TallyOptions) -> None:
        self.tally, self.echo = Path(options.tally), Echo(EchoOptions(delay=options.delay))
        self.meet = options.meet

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        for request in requests:
            with self.tally.open("a") as file:  # one short write to a file opened for appending
                file.write(f"{request.clip_id} {os.getpid()}\n")
            while len({line.split()[1] for line in self.tally.open()}) < self.meet:
                time.sleep(0.01)
            yield from self.echo.generate([request])


@hookimpl
def thbench_generators() -> list[Plugin]:
    return [Plugin("toy-tally", TallyOptions, lambda o, c: Tally(o))]
