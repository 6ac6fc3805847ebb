"""Atomic writes, temporary files and their removal, and disk errors as user errors."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from thbench.errors import UserError

TEMPORARY_PREFIX, TEMPORARY_SUFFIX = ".thbench-", ".tmp"
_FOLDER = "thbench-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


@contextmanager
def atomic_file(path: Path, durable: bool = True, beside: Path | None = None) -> Iterator[BinaryIO]:
    """A binary file to be filled, which takes the place of `path` when the block ends well.

    Until then it lies in the folder of `path`, or in `beside`. Parent folders are made. On any error, disk full and Ctrl-C included, the temporary file is
    removed and whatever stood at `path` stays. `durable` also survives a power cut (fsync).

    Raises UserError where the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = temporary_path(beside or path.parent)
    with disk_errors(path):
        try:
            for folder in (path.parent, temporary.parent):
                folder.mkdir(parents=True, exist_ok=True)
            _sweep_once(temporary.parent)
            with temporary.open("xb+") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            _remove(temporary)
            raise
    if durable:
        _sync_folder(path.parent)


def atomic_write(path: Path, content: bytes | str, durable: bool = True) -> None:
    """Write `content` (text as UTF-8) to `path`, whole or not at all. Raises UserError as `atomic_file`."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic_file(path, durable) as file:
        file.write(data)


def is_temporary(path: Path) -> bool:
    """Whether a killed process may have left this file behind."""
    return path.name.startswith(TEMPORARY_PREFIX) and path.name.endswith(TEMPORARY_SUFFIX)


def sweep(folder: Path, older_than: float = 3600.0) -> int:
    """Remove what killed writers left under `folder`, if older than so many seconds; how many were removed.

    The age protects the files of writers that are still at work.
    """
    limit = time.time() - older_than
    stale = [
        p for p in folder.rglob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}") if _age_of(p) <= limit
    ]
    for path in stale:
        _remove(path)
    return len(stale)


def sweep_dead(folder: Path) -> int:
    """Remove what writers of this machine left under `folder` that are no more; how many were removed."""
    left = [p for p in folder.rglob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}") if _writer_is_dead(p)]
    for path in left:
        _remove(path)
    return len(left)


_swept: set[tuple[int, Path]] = set()


def _sweep_once(folder: Path) -> None:
    """Before a process first writes into a folder, what killed ones left in it goes."""
    if (os.getpid(), folder) in _swept:
        return
    _swept.add((os.getpid(), folder))
    for path in folder.glob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}"):
        if _writer_is_dead(path):
            _remove(path)


@contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder of one's own (mode 0700) in `parent` or the system's place, removed with all in it at the end.

    Those of processes of this machine that were killed are removed first. Its name has no dot: some
    programs look for a suffix at the first one. Raises UserError where it cannot be made.
    """
    parent = Path(tempfile.gettempdir()).resolve() if parent is None else parent
    path = parent / f"{_FOLDER}{_owner()}-{secrets.token_hex(6)}"
    with disk_errors(path):
        for left in parent.glob(f"{_FOLDER}*"):
            if _writer_is_dead(left) and left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
        path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _writer_is_dead(path: Path) -> bool:
    """Whether the process that the name is of ran here and is no more; one of another machine may live."""
    name = path.name.removeprefix(TEMPORARY_PREFIX).removeprefix(_FOLDER)
    place, _, rest = name.partition("-")
    pid = rest.partition("-")[0]
    if place != _place() or not pid.isdecimal() or len(pid) > 9:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def temporary_path(folder: Path) -> Path:
    """A name in `folder` that no other writer takes, and that is swept when this process is no more."""
    return folder / f"{TEMPORARY_PREFIX}{_owner()}-{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"


def _owner() -> str:
    return f"{_place()}-{os.getpid()}"


@lru_cache(maxsize=1)
def _place() -> str:
    """Where numbers of processes mean the same: this start of this machine, this container."""
    known = [platform.node()]
    for file in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with suppress(OSError):
            path = Path(file)
            known.append(str(path.readlink()) if path.is_symlink() else path.read_text())
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]


def _age_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    # The new name itself is lost in a power cut until its folder is on the disk. Not every system
    # can open a folder; there the rename is as durable as it gets.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of a full or closed disk while writing `path` into a UserError."""
    try:
        yield
    except OSError as error:
        name, folder = printable(path), printable(path.parent)
        if error.errno in _FULL:
            raise UserError(
                f"no space left while writing {name}",
                f"free some space on the disk of {folder} and run the same command again: "
                "what was finished is kept",
            ) from error
        if error.errno in _REFUSED:
            raise UserError(
                f"cannot write {name}: {os.strerror(error.errno)}",
                f"make {folder} a writable folder or choose another one",
            ) from error
        raise


def printable(path: Path | str) -> str:
    """A path as text that any UTF-8 file or terminal takes; bytes outside UTF-8 appear as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
