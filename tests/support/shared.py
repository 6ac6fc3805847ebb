"""Folders that are made once for all tests of a session, whichever of its processes asks first.

Under pytest-xdist every worker has its own fixtures; a finished run costs seconds, so that it is made by the
first worker that needs it, under a lock, and read by the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder of this session's shared things, the same in all its workers and in no other session."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def once(place: Path, make: Callable[[Path], object]) -> Path:
    """`place`, made by the first who asks. Tests copy what they change."""
    done = place.with_name(f"{place.name}.done")
    with FileLock(place.with_name(f"{place.name}.lock")):
        if not done.exists():
            place.mkdir()  # fails where an earlier attempt failed: its error is the one to read
            make(place)
            done.touch()
    return place
