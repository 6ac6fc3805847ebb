"""Set limits in a process of its own and become the program: `launch.py MEMORY FILE_SIZE ARGV...`.

The limits are bytes, 0 for none. It runs under a bare interpreter (-I -S) and imports nothing of ours.
A function between fork and exec would do the same, and may deadlock where the parent has threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    memory, file_size, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # no glibc: the time-out still ends it
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606  a program without a shell is the point
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
