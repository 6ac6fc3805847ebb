"""Stand between thbench and a program: `launch.py MEMORY FILE_SIZE FOLDER ARGV...`.

The limits are bytes, 0 for none. It runs under a bare interpreter (-I -S) and imports nothing of ours.
The program's parent is this process, which has its clean environment, lies in `/`, and cannot be read
by it; daemons that leave the program's session become its children, and it ends them all.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL: a container client stops its container in them


def main() -> int:
    memory, file_size, folder, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    child = os.fork()
    if child == 0:
        _become(argv, folder, memory, file_size)
    os.chdir("/")
    signal.signal(signal.SIGTERM, lambda *_: _stop(child))
    code = _waited(child)
    _end_descendants()
    return code


def _become(argv: list[str], folder: str, memory: int, file_size: int) -> None:
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        os.chdir(folder)
        os.execvp(argv[0], argv)  # noqa: S606  a program without a shell is the point
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(1)


def _prctl(what: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # no glibc: the time-out still ends it
            ctypes.CDLL(None).prctl(what, value, 0, 0, 0)


def _waited(child: int) -> int:
    """The exit status of the program as subprocess has it; those of daemons are taken and dropped."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _stop(child: int) -> None:
    """On SIGTERM, of thbench or of its death: ask all, and after a while end all."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _signal_descendants(signal.SIGTERM)
    until = time.monotonic() + _GRACE
    while time.monotonic() < until:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not _descendants():
            break
        time.sleep(0.02)
    _end_descendants()
    os._exit(128 + signal.SIGTERM)


def _end_descendants() -> None:
    """Kill until there is none: what is forked meanwhile becomes a child of ours, and is found next."""
    for _ in range(500):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not _descendants():
            return
        _signal_descendants(signal.SIGKILL)
        time.sleep(0.01)


def _signal_descendants(number: int) -> None:
    for pid in _descendants():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _descendants() -> list[int]:
    """Processes below this one, from /proc; empty where there is no /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = entry.read_text(errors="replace")
            parents[int(entry.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found, ours = [], {os.getpid()}
    while more := [p for p, parent in parents.items() if parent in ours and p not in ours]:
        ours.update(more)
        found += more
    return found


if __name__ == "__main__":
    status = main()
    if status < 0:  # ended by a signal: so does this process, that thbench may say which
        with contextlib.suppress(OSError, ValueError):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
