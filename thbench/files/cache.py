"""Store of results keyed by a digest of their inputs.

An entry is written next to its final name and moved there by `os.replace`: a reader sees all of it or
nothing, and two writers of one key do no harm. It ends in the SHA-256 of its key and its content: one with
a flipped bit, or of another key, counts as absent and is computed again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from thbench.files.arrays import add_array, array_bytes, array_of, read_array, zip_member
from thbench.files.atomic import atomic_file, sweep
from thbench.files.foreign import reading

UNFINISHED = "unfinished"


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
class Entry:
    """What is stored under a key: numbers, arrays (each read when asked for), or why there are none."""

    rows: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    reason: str | None = None


class Cache:
    """Records by key, in two levels of folders (256 each) under `root`."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = Path(root) if root is not None else cache_root()
        self._folder = str(self.root)

    def path(self, key: str) -> Path:
        return Path(self.place(key))

    def place(self, key: str) -> str:
        """As `path`, for whoever asks for hundreds of thousands."""
        return f"{self._folder}/{key[:2]}/{key[2:4]}/{key}.npz"

    def get(self, key: str) -> Entry | None:
        """The record of `key`; None where there is none or where its file is damaged."""
        path = self.place(key)
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                content = _beginning(file, key)
            if content is None:
                return None
            # The checksum holds, so the members lie as `put` laid them: a directory is not needed.
            about, after = _member(content, 0, b"meta.json")
            numbers, _ = _member(content, after, b"rows.npy")
            meta, values = json.loads(about), array_of(numbers)
            arrays = StoredArrays(path, meta["arrays"])
            rows = dict(zip(meta["rows"], values.tolist(), strict=True))
            return Entry(rows, arrays, meta["reason"])
        except MemoryError:
            raise
        except Exception:  # whatever zipfile, zlib, lzma, json and numpy say of damaged bytes
            return None

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
        arrays = arrays or {}
        is_large = sum(array.nbytes for array in arrays.values()) > _PIECE
        # No fsync: after a power cut a damaged entry counts as absent and is computed again.
        with atomic_file(self.path(key), durable=False, beside=self.root / UNFINISHED) as file:
            # Features of a long clip are a hundred megabytes, each copy of them as many again.
            archive: BinaryIO = file if is_large else io.BytesIO()
            _write_archive(archive, rows or {}, arrays, reason)
            _sign(archive, key)
            if isinstance(archive, io.BytesIO):
                file.write(archive.getbuffer())

    def size(self) -> int:
        """Bytes of everything under the root."""
        return sum(p.stat().st_size for p in self.root.rglob("*") if p.is_file())


class StoredArrays(Mapping[str, NDArray[Any]]):
    """Arrays of one record, read from the file each time one is asked for, so that memory stays flat."""

    def __init__(self, path: Path | str, names: Sequence[str]) -> None:
        self._path, self._names = path, tuple(names)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        place = self._names.index(name)
        with reading(str(self._path), _AGAIN), open(self._path, "rb", buffering=0) as file:  # noqa: PTH123
            found = _stored_array(file.fileno(), place)
            if found is not None:
                return found
            with zipfile.ZipFile(self._path) as archive:
                return read_array(archive, f"array{place}.npy")

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _stored_array(descriptor: int, place: int) -> NDArray[Any] | None:
    """Array number `place` of an entry, found from one member to the next without the zip's directory, which
    costs more than an array of some kilobytes; None where the entry is not laid out as `put` does it.

    Raises ValueError where its bytes are damaged.
    """
    start, wanted = 0, f"array{place}.npy".encode()
    length, block = os.fstat(descriptor).st_size, os.pread(descriptor, _BLOCK, 0)
    while True:
        head = _span(descriptor, block, start, _HEAD.size + _LONGEST_NAME)
        if len(head) < _HEAD.size:
            return None
        signature, _, flags, method, _, _, checksum, size, whole, named, more = _HEAD.unpack_from(
            head
        )
        if signature != b"PK\x03\x04" or flags or method or size != whole or named > _LONGEST_NAME:
            return None
        begin = start + _HEAD.size + named + more
        if begin + size > length or size > _LARGEST_READ:
            return None
        if head[_HEAD.size : _HEAD.size + named] == wanted:
            break
        start = begin + size
    content = _span(descriptor, block, begin, size)
    if len(content) != size or zlib.crc32(content) != checksum:
        raise ValueError(f"{wanted.decode()} is damaged")
    return array_of(content)


def _span(descriptor: int, block: bytes, start: int, size: int) -> bytes | bytearray:
    """Bytes of a file whose first `block` is read already; fewer at its end.

    Those beyond it are writable: a large array then lies in them as they are.
    """
    if start + size <= len(block):
        return block[start : start + size]
    found = bytearray(size)
    del found[os.preadv(descriptor, [found], start) :]
    return found


_LONGEST_NAME = 34
_BLOCK = 2**15
"""Bytes read at once: most entries, and of the others the heads of their members."""
_LARGEST_READ = 2**30
"""Bytes of one read; larger arrays go the slow way, which is quick beside their size."""


_HEAD = struct.Struct("<4s5HIIIHH")
"""Of a member of a zip: signature, version, flags, method, time, date, CRC, two sizes, lengths of name and more."""


def _member(content: bytes, start: int, name: bytes) -> tuple[bytes, int]:
    """The member `name` that begins at `start`, and where the next one does.

    Raises ValueError or struct.error where there is no such member, stored as it is.
    """
    signature, _, flags, method, _, _, _, size, whole, named, more = _HEAD.unpack_from(
        content, start
    )
    begin = start + _HEAD.size + named + more
    found = content[start + _HEAD.size : start + _HEAD.size + named]
    if signature != b"PK\x03\x04" or flags or method or size != whole or found != name:
        raise ValueError("no entry as this cache writes it")
    if begin + size > len(content):
        raise ValueError("an entry ends early")
    return content[begin : begin + size], begin + size


def _write_archive(
    file: BinaryIO,
    rows: Mapping[str, float],
    arrays: Mapping[str, NDArray[Any]],
    reason: str | None,
) -> None:
    """An entry whose checksum is still to come: `_sign`."""
    row_names, array_names = sorted(rows), sorted(arrays)
    meta = {"arrays": array_names, "reason": reason, "rows": row_names}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zip_member("meta.json"), json.dumps(meta, sort_keys=True))
        values = np.array([float(rows[n]) for n in row_names], dtype=np.float64)
        archive.writestr(zip_member("rows.npy"), array_bytes(values))
        for i, name in enumerate(array_names):
            add_array(archive, f"array{i}.npy", arrays[name])
        archive.comment = bytes(_SUM)


def _sign(file: BinaryIO, key: str) -> None:
    """Put the checksum of `key` and of what lies in the file at its end."""
    left = file.seek(0, os.SEEK_END) - _SUM
    total = hashlib.sha256(key.encode())
    file.seek(0)
    while left:
        piece = file.read(min(_PIECE, left))
        total.update(piece)
        left -= len(piece)
    file.seek(-_SUM, os.SEEK_END)
    file.write(_checksum(total))


_SUM = 64
"""Characters at the end of an entry, the comment of the zip: the checksum of all before them."""
_AGAIN = "run the same command again: what is damaged is computed again"


def _beginning(file: BinaryIO, key: str) -> bytes | None:
    """The first bytes of an entry, beyond its numbers, or None where its checksum is not that of `key`.

    Small entries, of which there may be hundreds of thousands, are read at once, large ones piece by piece.
    """
    # No more room than the file needs: to make megabytes and give them back costs a third of a small read.
    first = piece = file.read(min(_PIECE, os.fstat(file.fileno()).st_size))
    total = hashlib.sha256(key.encode())
    while len(piece) >= _PIECE and (more := file.read(_PIECE)):
        total.update(memoryview(piece)[:-_SUM])
        piece = piece[-_SUM:] + more
    total.update(memoryview(piece)[:-_SUM])
    return first if piece[-_SUM:] == _checksum(total) else None


_PIECE = 2**22
"""Bytes of a large entry that are read at once; the numbers of any entry lie in the first so many."""


def _checksum(total: hashlib._Hash) -> bytes:
    return total.hexdigest().encode("ascii")
