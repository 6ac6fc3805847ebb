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

from thbench.api import ClipFailure

__all__ = ["Limits", "clean_environment", "last_words", "run"]

_LAUNCH = Path(__file__).with_name("launch.py")
_GRACE = 12.0  # seconds in which the launcher ends all: it gives the program five after SIGTERM
_LOOK = 0.5  # seconds between looks at how much was written
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


def run(
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    limits: Limits,
    workspace: Path | None = None,
) -> None:
    """Run to the end; all it prints goes to `log`. It and all that it started are ended in any case.

    workspace  whose files together must not exceed `limits.total`

    Raises ClipFailure where it cannot start, takes too long, or ends with an error; the reason ends
    with its last words.
    """
    launcher = [sys.executable, "-I", "-S", str(_LAUNCH)]
    limited = [str(limits.memory), str(limits.file_size)]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [*launcher, *limited, str(folder), *argv],
            cwd="/",
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = _wait(process, limits, [p for p in (workspace, log) if p is not None], log)
        finally:
            _end(process)
    if code != 0:
        raise ClipFailure(f"the program {_how_it_ended(code)}{last_words(log)}")


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
            return process.wait(min(left, _LOOK))
        except subprocess.TimeoutExpired:
            if limits.total and sum(map(_size, written)) > limits.total:
                raise ClipFailure(
                    f"the program wrote over {limits.total / 1e6:.0f} MB{last_words(log)}"
                ) from None


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


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and everything it started: the launcher does, and is ended where it does not."""
    with suppress(ProcessLookupError, PermissionError):
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def last_words(log: Path) -> str:
    """The last lines of a log as the end of a sentence, on one line, without control characters."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4 * _TAIL))
        text = file.read().decode("utf-8", "replace")
    words = re.sub(r"[\x00-\x1f\x7f]+", " ", "\n".join(text.strip().splitlines()[-2:])).strip()
    return f": {words[-_TAIL:]}" if words else ", and said nothing"
