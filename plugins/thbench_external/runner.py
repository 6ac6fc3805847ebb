"""Running a third-party program: no shell, a clean environment, limits, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from thbench.api import ClipFailure

__all__ = [
    "Limits",
    "check_written",
    "clean_environment",
    "end",
    "how_it_ended",
    "last_words",
    "run",
    "start",
]

_LAUNCH = Path(__file__).with_name("launch.py")
_GRACE = 12.0  # seconds in which the launcher ends all: it gives the program five after SIGTERM
LOOK = 0.5
"""Seconds between looks at how much was written."""
_TAIL = 300  # characters of the program's last words in a reason
_KEPT = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "HF_HOME",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "TORCH_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "DOCKER_HOST",
]
"""What programs need to start and find their models. PYTHONPATH and the like would mix environments."""


@dataclass(frozen=True)
class Limits:
    """Seconds for one call, bytes of address space (0: no limit), bytes of the largest file,
    and of all files of the workspace together (0: no limit)."""

    seconds: float
    memory: int
    file_size: int
    total: int = 0


def clean_environment(
    temporary: Path, threads: int, kept: Sequence[str], given: Mapping[str, str]
) -> dict[str, str]:
    """The program's environment: what it needs of ours, its own temporary folder, and what is set."""
    passed = {name: os.environ[name] for name in (*_KEPT, *kept) if name in os.environ}
    own = {
        "TMPDIR": str(temporary),
        "OMP_NUM_THREADS": str(threads),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {**passed, **own, **given}


def start(
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    limits: Limits,
    stdin: int | IO[bytes],
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
) -> subprocess.Popen[bytes]:
    """Start it below the launcher, which holds it to its limits and ends with it."""
    launcher = [sys.executable, "-I", "-S", str(_LAUNCH)]
    limited = [str(limits.memory), str(limits.file_size)]
    return subprocess.Popen(  # noqa: S603
        [*launcher, *limited, str(folder), *argv],
        cwd="/",
        env=dict(environment),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def run(
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    limits: Limits,
    workspace: Path | None = None,
    stdin: Path | None = None,
) -> None:
    """Run to the end; all it prints goes to `log`. It and all that it started are ended in any case.

    workspace  whose files together must not exceed `limits.total`
    stdin      what it reads; end of file without one

    Raises ClipFailure where it cannot start, takes too long, or ends with an error; the reason ends
    with its last words.
    """
    with log.open("wb") as output, (stdin or Path(os.devnull)).open("rb") as given:
        process = start(argv, folder, environment, limits, given, output, subprocess.STDOUT)
        try:
            code = _wait(process, limits, [p for p in (workspace, log) if p is not None], log)
        finally:
            end(process)
    if code != 0:
        raise ClipFailure(f"the program {how_it_ended(code)}{last_words(log)}")


def _wait(
    process: subprocess.Popen[bytes], limits: Limits, written: Sequence[Path], log: Path
) -> int:
    """Its exit code. Raises ClipFailure where it takes too long or writes too much."""
    until = time.monotonic() + limits.seconds
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise ClipFailure(f"the program took over {limits.seconds:g} s{last_words(log)}")
        try:
            return process.wait(min(left, LOOK))
        except subprocess.TimeoutExpired:
            check_written(limits, written, log)


def check_written(limits: Limits, written: Sequence[Path], log: Path) -> None:
    """Raises ClipFailure where files and folders together are larger than all that may be written."""
    if limits.total and sum(map(_size, written)) > limits.total:
        raise ClipFailure(f"the program wrote over {limits.total / 1e6:.0f} MB{last_words(log)}")


def _size(path: Path) -> int:
    """Bytes on the disk of a file or of everything in a folder; links are not followed."""
    total = 0
    try:
        if not path.is_dir():
            return path.lstat().st_blocks * 512
        for place, _, files in os.walk(path):
            for name in files:
                with suppress(OSError):  # written and removed meanwhile
                    total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118
    except OSError:
        pass
    return total


def end(process: subprocess.Popen[bytes]) -> None:
    """End the program and everything it started: the launcher does, and is ended where it does not."""
    with suppress(ProcessLookupError, PermissionError):
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def last_words(log: Path, since: int = 0) -> str:
    """The last lines of a log as the end of a sentence, on one line, without control characters.

    A progress bar rewrites its line after a carriage return: of such a line only what a terminal shows
    in the end counts. `since` is the byte from which on the log is about this clip.
    """
    with log.open("rb") as file:
        file.seek(max(since, log.stat().st_size - 40 * _TAIL))
        text = file.read().decode("utf-8", "replace")
    shown = [line.rstrip().rpartition("\r")[2].strip() for line in text.split("\n")]
    said = [line for line in shown if line][-2:]
    words = re.sub(r"[\x00-\x1f\x7f]+", " ", "\n".join(said)).strip()
    return f": {words[-_TAIL:]}" if words else ", and said nothing"
