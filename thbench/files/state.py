"""Whether files are as they were, told from their names, sizes and times; none is read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

IGNORED = {"__pycache__", ".lock", ".git"}
"""Names below a folder that say nothing: they change without anything having changed."""


def state_of(paths: Iterable[Path]) -> str:
    """SHA-256 (hex) over what lies at each path and, of a folder, over everything below it.

    A path where nothing is counts as that. Links are followed, each folder once.
    """
    total = hashlib.sha256()
    for path in sorted({p.absolute() for p in paths}):
        for line in _lines(path, set()):
            total.update(line)
    return total.hexdigest()


def _lines(path: Path, seen: set[tuple[int, int]]) -> Iterator[bytes]:
    try:
        found = path.stat()
    except OSError:
        yield os.fsencode(path) + b"\0absent\0"
        return
    is_folder = path.is_dir()
    # The time of a folder changes with files that are ignored in it; its entries are listed anyway.
    said = "folder" if is_folder else f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"
    yield os.fsencode(path) + b"\0" + said.encode() + b"\0"
    if is_folder and (found.st_dev, found.st_ino) not in seen:
        seen.add((found.st_dev, found.st_ino))
        yield from _below(path, seen)


def _below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[bytes]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name not in IGNORED)
    except OSError:
        yield b"unreadable\0"
        return
    for name in names:
        yield from _lines(folder / name, seen)
