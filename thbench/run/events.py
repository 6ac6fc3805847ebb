"""The events log: one JSON line when work on a clip starts and one when it ends.

Written by the process that does the work, so that a clip at which a process died has a start
without an end. Appended in one write each, which the system does not mix with another's. Another
machine writes a file of its own, because network file systems do not keep that promise between two.
Nothing that a result holds is read from here.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thbench.errors import UserError
from thbench.files.atomic import disk_errors
from thbench.files.journal import Journal

Failures = Mapping[str, str]
"""Clip id -> reason."""


@dataclass(frozen=True)
class Log:
    """Events of one stage: `file` of the run or shard, and what every line says."""

    file: Path
    stage: str
    system: str | None = None
    shard: str | None = None
    host: str = field(default_factory=platform.node)

    def write(self, clips: Sequence[str], state: str, **more: object) -> None:
        """A line per clip. Raises UserError where the disk is full."""
        here = platform.node()
        base = {"time": round(time.time(), 3), "host": here, "pid": os.getpid()}
        about = {"shard": self.shard, "stage": self.stage, "system": self.system}
        lines = [json.dumps({**base, **about, "clip": c, "state": state, **more}) for c in clips]
        own = self.host == here
        file = self.file if own else self.file.with_name(f"events.{here}.jsonl")
        with disk_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                for line in lines:
                    os.write(descriptor, f"{line}\n".encode())
            finally:
                os.close(descriptor)


@dataclass(frozen=True)
class Logged:
    """`work`, with its events: what a task is about is asked of `clips`, what failed of `failures`."""

    work: Callable[[Any], Any]
    log: Log
    clips: Callable[[Any], Sequence[str]]
    failures: Callable[[Any, Any], Failures]

    def __call__(self, task: Any) -> Any:
        clips, start = self.clips(task), time.perf_counter()
        self.log.write(clips, "started")
        try:
            result = self.work(task)
        except BaseException as error:
            # Ctrl-C, a full disk: the run ends, but the process did not die of this clip.
            with suppress(UserError):
                self.log.write(clips, "stopped", reason=type(error).__name__)
            raise
        seconds = round((time.perf_counter() - start) / max(len(clips), 1), 4)
        failed = self.failures(task, result)
        self.log.write([c for c in clips if c not in failed], "finished", seconds=seconds)
        for clip, reason in failed.items():
            self.log.write([clip], "failed", seconds=seconds, reason=reason)
        return result


def died_at(file: Path) -> str | None:
    """What the last process that wrote to a log was at when it died; None where it did not."""
    lines = Journal(file, key=None).last_lines()
    if not lines or lines[-1].get("state") != "started":
        return None
    stage, pid = lines[-1]["stage"], lines[-1]["pid"]
    own = [line for line in lines if (line["stage"], line["pid"]) == (stage, pid)]
    ended = max((i for i, line in enumerate(own) if line["state"] != "started"), default=-1)
    return f"{stage}, {', '.join(line['clip'] for line in own[ended + 1 :])}"
