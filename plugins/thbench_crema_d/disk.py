"""Folders that commands write into: one at a time, and a disk that is full or may not be written in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from thbench.api import UserError

__all__ = ["fetching_into", "writing_under"]


@contextmanager
def writing_under(folder: Path) -> Iterator[None]:
    """Raises UserError for a fault of the disk in the block."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write under {folder}: {reason}", "the same command goes on"
        ) from error


@contextmanager
def fetching_into(root: Path) -> Iterator[None]:
    """The folder exists and no other fetch is at work in it. Raises UserError, as `writing_under` too."""
    with writing_under(root):
        try:
            root.mkdir(parents=True, exist_ok=True)
            with FileLock(root / ".thbench-fetch.lock", timeout=0):
                yield
        except Timeout:  # an OSError as well
            raise UserError(f"another fetch is at work in {root}", "wait for it to end") from None
