"""Content-addressed store and atomic writes: knows bytes, not meaning.

A file of ours is either whole or absent. It is written beside its final name and moved there by
`os.replace`, so a reader never sees half of it and two writers of one name do no harm.
"""

from __future__ import annotations

import errno
import io
import json
import os
import secrets
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from thbench.errors import UserError

TEMPORARY_PREFIX, TEMPORARY_SUFFIX = ".thbench-", ".tmp"
UNFINISHED = "unfinished"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first date: the bytes must not tell when they were written


# -- atomic writes ------------------------------------------------------------------------------


@contextmanager
def atomic_file(path: Path, durable: bool = True, beside: Path | None = None) -> Iterator[BinaryIO]:
    """A binary file to be filled, which takes the place of `path` when the block ends well.

    Until then it lies in the folder of `path`, or in `beside`. Parent folders are made. On any error, disk full and Ctrl-C included, the temporary file is
    removed and whatever stood at `path` stays. `durable` also survives a power cut (fsync).

    Raises UserError where the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = (beside or path.parent) / _temporary_name()
    with disk_errors(path):
        try:
            for folder in (path.parent, temporary.parent):
                folder.mkdir(parents=True, exist_ok=True)
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


def _temporary_name() -> str:
    return f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"


def _age_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")


def _remove(path: Path) -> None:
    with suppress(OSError):
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


# -- the store ----------------------------------------------------------------------------------


def sweep_caches() -> None:
    """Remove what writers left that were killed over an hour ago: in each cache they write in one folder."""
    for folder in cache_root().glob(f"*/{UNFINISHED}"):
        sweep(folder)


def cache_root() -> Path:
    """$THBENCH_CACHE, or the folder for caches of this system."""
    if chosen := os.environ.get("THBENCH_CACHE"):
        return Path(chosen)
    import platformdirs

    return platformdirs.user_cache_path("thbench")


@dataclass(frozen=True, eq=False)
class Record:
    """What is stored under a key: numbers, arrays (each read when asked for), or why there are none."""

    rows: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    reason: str | None = None


class Cache:
    """Records by key, in two levels of folders (256 each) under `root`."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = Path(root) if root is not None else cache_root()

    def path(self, key: str) -> Path:
        return self.root / key[:2] / key[2:4] / f"{key}.npz"

    def get(self, key: str) -> Record | None:
        """The record of `key`; None where there is none or where its file is damaged."""
        path = self.path(key)
        try:
            # One read of the file: there may be hundreds of thousands of them.
            with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
                meta = json.loads(archive.read("meta.json"))
                values = read_array(archive, "rows.npy")
                arrays = StoredArrays(path, meta["arrays"])
                # Arrays are loaded much later, when nobody can recompute them: reading checks them now.
                for member in arrays.members:
                    archive.read(member)
            rows = dict(zip(meta["rows"], values.tolist(), strict=True))
            return Record(rows, arrays, meta["reason"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None
        except (NotImplementedError, RuntimeError, zipfile.zlib.error):  # type: ignore[attr-defined]
            return None  # a damaged header that claims encryption or an unknown compression

    def put(
        self,
        key: str,
        rows: Mapping[str, float] | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
        reason: str | None = None,
    ) -> None:
        """Store a record, whole or not at all. Equal records give equal bytes.

        Raises ValueError for arrays of objects, UserError where the disk is full.
        """
        content = _archive(rows or {}, arrays or {}, reason)
        # No fsync: after a power cut a damaged entry counts as absent and is computed again.
        with atomic_file(self.path(key), durable=False, beside=self.root / UNFINISHED) as file:
            file.write(content)

    def size(self) -> int:
        """Bytes of everything under the root."""
        return sum(p.stat().st_size for p in self.root.rglob("*") if p.is_file())


class StoredArrays(Mapping[str, NDArray[Any]]):
    """Arrays of one record, read from the file each time one is asked for, so that memory stays flat."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self._path = path
        self._members = {name: f"array{i}.npy" for i, name in enumerate(names)}

    @property
    def members(self) -> set[str]:
        return set(self._members.values())

    def __getitem__(self, name: str) -> NDArray[Any]:
        with zipfile.ZipFile(self._path) as archive:
            return read_array(archive, self._members[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def _archive(
    rows: Mapping[str, float], arrays: Mapping[str, NDArray[Any]], reason: str | None
) -> bytes:
    row_names, array_names = sorted(rows), sorted(arrays)
    meta = {"arrays": array_names, "reason": reason, "rows": row_names}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zip_member("meta.json"), json.dumps(meta, sort_keys=True))
        values = np.array([float(rows[n]) for n in row_names], dtype=np.float64)
        archive.writestr(zip_member("rows.npy"), array_bytes(values))
        for i, name in enumerate(array_names):
            archive.writestr(zip_member(f"array{i}.npy"), array_bytes(arrays[name]))
    return buffer.getvalue()


def zip_member(name: str) -> zipfile.ZipInfo:
    """A member of a zip whose bytes do not tell when it was written; stored, not compressed."""
    return zipfile.ZipInfo(name, date_time=_EPOCH)


def array_bytes(array: NDArray[Any]) -> bytes:
    """An array as a .npy file. Raises ValueError for one of objects."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array, order="C"), (1, 0), allow_pickle=False)
    return buffer.getvalue()


def read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """As np.lib.format.read_array, for which the header of every small array costs more than its data.

    Raises ValueError for what `array_bytes` does not write; allocates no more than the member holds.
    """
    content = archive.read(name)
    start = _end_of_header(content)
    shape, in_columns, dtype = _header(content[:start])
    values = np.frombuffer(content, dtype, offset=start).copy()
    return values.reshape(shape, order="F" if in_columns else "C")


def _end_of_header(content: bytes) -> int:
    """Of a .npy file of version 1, in which write_array puts all but exotic ones."""
    if content[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError("not an array as this cache writes it")
    return 10 + int.from_bytes(content[8:10], "little")


@lru_cache(maxsize=1024)
def _header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    header = io.BytesIO(content)
    np.lib.format.read_magic(header)
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(header)
    if dtype.hasobject:
        raise ValueError("arrays of objects are not read")
    if any(n < 0 for n in shape):
        raise ValueError("an array has no negative shape")
    return shape, in_columns, dtype
