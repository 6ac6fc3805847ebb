"""What runs inside an actor: the work itself, and a look at whether this node sees what the driver sees."""

from __future__ import annotations

import copy
import os
import platform
import re
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

Program = Mapping[str, str]


@dataclass(frozen=True)
class Report:
    """What a worker found on its node."""

    node: str
    unseen: tuple[str, ...]
    program: Program


class Worker:
    """Lives in one process, so that what is built once per process (models, data sets) stays loaded."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        os.environ.update(environment)

    def look(self, folder: Path, probes: Sequence[Path], token: str) -> Report:
        """Go to the driver's working folder; see whether its probes are here, and what this node runs."""
        unseen = [str(p.parent) for p in probes if _text(p) != token]
        try:
            os.chdir(folder)
        except OSError:
            unseen.append(str(folder))
        return Report(socket.gethostname(), tuple(unseen), program())

    def work(self, work: Callable[[Any], Any], task: Any) -> tuple[bool, Any]:
        """(True, result), or (False, what `work` raised): Ray would wrap it in a class of its own."""
        try:
            return True, work(task)
        except Exception as error:
            return False, _portable(error)


def _portable(error: Exception) -> Exception:
    """The error with its traceback as a note, or a RuntimeError of its text where it cannot travel."""
    error.add_note(traceback.format_exc())
    try:
        copy.copy(error)  # made again from its arguments, as it will be on the other side
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None


def program() -> Program:
    """Versions of Python, thbench and everything it requires: nodes that differ may give other bytes."""
    required = (
        re.split(r"[^\w.-]", r)[0] for r in requires("thbench") or () if "extra ==" not in r
    )
    return {
        "python": platform.python_version(),
        "machine": f"{sys.platform} {platform.machine()}",
        **{name: _version(name) for name in ("thbench", *required)},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
