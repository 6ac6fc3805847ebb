"""NumPy arrays in zip archives: written with fixed dates, read without pickle."""

from __future__ import annotations

import io
import zipfile
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_ROWS_OF_NOTHING = 10**6
"""Of an array without a single number: one of 10^10 rows costs its file nothing and its reader all memory."""
MOST_OF_A_HEADER = 2**16
"""Bytes of a .npy file of version 1 before its data, at most."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first date: the bytes must not tell when they were written


def zip_member(name: str) -> zipfile.ZipInfo:
    """A member of a zip whose bytes do not tell when it was written; stored, not compressed."""
    return zipfile.ZipInfo(name, date_time=_EPOCH)


def array_bytes(array: NDArray[Any]) -> bytes:
    """An array as a .npy file. Raises ValueError for one of objects."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array, order="C"), (1, 0), allow_pickle=False)
    return buffer.getvalue()


def add_array(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """An array as a .npy file in a zip, written in pieces. Raises ValueError for one of objects."""
    whole, info = np.asarray(array, order="C"), zip_member(name)
    info.file_size = whole.nbytes + MOST_OF_A_HEADER  # zipfile allows for large members by it
    with archive.open(info, "w") as member:
        np.lib.format.write_array(member, whole, (1, 0), allow_pickle=False)


def read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """As np.lib.format.read_array, for which the header of every small array costs more than its data.

    Raises ValueError for what `array_bytes` does not write; allocates no more than the member holds.
    """
    return array_of(_unpacked(archive, name))


def array_of(content: bytes | bytearray) -> NDArray[Any]:
    """The array of a .npy file's content; it lies in `content` where that is writable.

    Raises ValueError as `read_array`.
    """
    start = _end_of_header(content)
    shape, in_columns, dtype = _header(bytes(content[:start]))
    values = np.frombuffer(content, dtype, offset=start)
    if not values.flags.writeable:
        values = values.copy()
    return values.reshape(shape, order="F" if in_columns else "C")


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """A whole member, and no more of it than its header declares."""
    size = archive.getinfo(name).file_size
    with archive.open(name) as member:
        content = member.read(size + 1)
    if len(content) != size:
        raise ValueError(f"{name} does not have the size it declares")
    return content


def _end_of_header(content: bytes | bytearray) -> int:
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
    if 0 in shape and max(shape) > MOST_ROWS_OF_NOTHING:
        raise ValueError(f"an array of nothing has {max(shape)} rows")
    return shape, in_columns, dtype
