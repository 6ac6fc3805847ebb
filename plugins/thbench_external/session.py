"""A program that keeps its model loaded: asked for clips line by line (docs/command.md, "Load once").

thbench writes one JSON object a line to its standard input and closes that at the end. The program
prints `{"thbench": "ready"}` once its model is loaded, and for every line it was given
`{"thbench": "done", "clip": ...}` or `{"thbench": "failed", "clip": ..., "reason": ...}`. Everything else
that it prints is its log.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from thbench.api import ClipFailure, UserError, reading
from thbench_external.runner import (
    LOOK,
    Limits,
    check_written,
    end,
    how_it_ended,
    last_words,
    start,
)

__all__ = ["Refused", "Session"]

_LONGEST = 1 << 16  # bytes of a line
_FAREWELL = 20.0  # seconds that the program may take to end after its last line


class Refused(ClipFailure):
    """The program says that it cannot make this clip; it goes on with the next one."""


class Session:
    """One running program. Raises ClipFailure where it does not become ready."""

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        log: Path,
        limits: Limits,
        workspace: Path,
        start_timeout: float,
    ) -> None:
        self._log, self._limits, self._written = log, limits, [workspace, log]
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._since = 0
        self._output = log.open("wb", buffering=0)
        self._process = start(
            argv, folder, environment, limits, subprocess.PIPE, subprocess.PIPE, self._output
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=_read, args=(self._process.stdout, self._output, self._lines), daemon=True
        )
        self._reader.start()
        try:
            first = self._next(start_timeout, "to get ready")
            if first.get("thbench") != "ready":
                raise ClipFailure(f"the program said {_short(first)} before it said ready")
        except BaseException:
            self.close()
            raise

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def since(self) -> int:
        """The byte of the log at which that of the present clip begins."""
        return self._since

    def ask(self, line: str, clip: str) -> None:
        """One request. Raises Refused where the program says so, ClipFailure where it breaks the protocol."""
        self._since = self._log.stat().st_size
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended: that is found next
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        answer = self._next(self._limits.seconds, "")
        if answer.get("clip") != clip or answer.get("thbench") not in ("done", "failed"):
            raise ClipFailure(f"the program answered {_short(answer)}, asked for clip {clip}")
        if answer["thbench"] == "failed":
            reason = " ".join(str(answer.get("reason", "")).split())[:_LONGEST]
            raise Refused(f"the program refused: {reason[:300] or 'it gave no reason'}")

    def leave(self) -> int:
        """End of file on its standard input; its exit code. Raises ClipFailure where it stays."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            return self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            raise ClipFailure(f"the program did not end within {_FAREWELL:g} s") from None
        finally:
            self.close()

    def close(self) -> None:
        """End it and everything it started."""
        end(self._process)
        self._reader.join(LOOK)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._output.close()

    def _next(self, seconds: float, what: str) -> dict[str, Any]:
        """Its next line of the protocol. Raises ClipFailure where it ends, hangs or writes too much."""
        until = time.monotonic() + seconds
        while True:
            ended = self._process.poll() is not None
            if ended:
                self._reader.join(LOOK)
            try:
                return self._lines.get(block=not ended, timeout=LOOK)
            except queue.Empty:
                words = last_words(self._log, self._since)
                if ended:
                    code = how_it_ended(self._process.returncode)
                    raise ClipFailure(f"the program {code}{words}") from None
                if time.monotonic() > until:
                    text = f"the program took over {seconds:g} s {what}".rstrip()
                    raise ClipFailure(text + words) from None
                check_written(self._limits, self._written, self._log)


def _read(stdout: IO[bytes], log: IO[bytes], lines: queue.Queue[dict[str, Any]]) -> None:
    """Lines of the protocol into the queue, everything else into the log."""
    with suppress(OSError, ValueError):  # closed while reading
        while raw := stdout.readline(_LONGEST):
            message = _message(raw)
            if message is None:
                log.write(raw)
            else:
                lines.put(message)


def _message(raw: bytes) -> dict[str, Any] | None:
    text = raw.rstrip().rpartition(b"\r")[2]  # after a progress bar on the same line
    if b'"thbench"' not in text:
        return None
    try:
        with reading("a message"):
            data = json.loads(text)
    except UserError:
        return None
    return data if isinstance(data, dict) and "thbench" in data else None


def _short(message: Mapping[str, Any]) -> str:
    return json.dumps(message)[:200]
