"""Reading files of third parties: what blocks is refused before it is opened, any fault is one user error."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thbench.errors import UserError, in_one_line, is_out_of_memory

__all__ = ["faults_of", "refuse_blocking"]


def refuse_blocking(path: Path) -> None:
    """Raise OSError for a FIFO, a socket or a device, which would block or never end, by `stat` alone."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(0, "no regular file", os.fspath(path))


@contextmanager
def faults_of(name: str, remedy: str) -> Iterator[None]:
    """Turn whatever reading a file of a third party brings about into one UserError naming it.

    Libraries raise exceptions of every kind for damaged bytes: the block must do nothing but read.
    Lack of memory and faults of the disk stay what they are, a missing file is a user error.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        text = (error.strerror or str(error)) if isinstance(error, OSError) else in_one_line(error)
        raise UserError(f"{name} cannot be read: {text[:300]}", remedy) from error
