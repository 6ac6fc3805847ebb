"""The surroundings of a command: what ends it, and what its output can show."""

from __future__ import annotations

import codecs
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_PLAIN = {
    "↑": "^",
    "↓": "v",
    "→": "->",
    "–": "-",
    "—": "-",
    "±": "+-",
    "×": "x",
    "…": "...",
    "≥": ">=",
}


class Terminated(KeyboardInterrupt):
    """SIGTERM: everything is left as after Ctrl-C."""


@contextmanager
def surroundings() -> Iterator[None]:
    """SIGTERM ends the block like Ctrl-C; output that cannot be encoded never ends it."""
    codecs.register_error("thbench", _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="thbench")
    if threading.current_thread() is not threading.main_thread():  # only there are signals set
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_: int, __: FrameType | None) -> None:
    raise Terminated


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for characters that the output has not: an arrow of ASCII, else its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    text = "".join(_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in wrong)
    return text, error.end
