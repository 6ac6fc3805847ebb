"""The one place where files that others made are read: whatever is wrong with one is one error that names it.

Libraries raise exceptions of every kind for damaged bytes, block on FIFOs and believe what a header says of
its size. `reading` stands around every such call, in plugins too (`thbench.api.reading`); texts, JSON and
NumPy files have functions of their own. tests/rules/test_reading.py forbids reading anywhere else.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import math
import os
import pickle
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from thbench.errors import ClipFailure, UserError, in_one_line, is_out_of_memory

__all__ = [
    "LARGEST_TEXT",
    "csv_rows",
    "json_of",
    "json_or",
    "read_arrays",
    "read_bytes",
    "read_json",
    "read_text",
    "reading",
    "refuse_blocking",
    "sha256_of",
]

LARGEST_TEXT = 1_000_000_000
"""Bytes of a text, JSON or CSV file that has no limit of its own."""
MOST_DIGITS = 400
"""Of a number in JSON: the largest float has 309, and 5,000 digits take a second each."""


def refuse_blocking(path: Path) -> None:
    """Raise OSError for a FIFO, a socket or a device, which would block or never end, by `stat` alone."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(0, "no regular file", os.fspath(path))


@contextmanager
def reading(path: Path | str, remedy: str = "", clip: bool = False) -> Iterator[None]:
    """Turn whatever reading a file brings about into one UserError, or with `clip` one ClipFailure.

    The block must do nothing but read. `path` is stat'ed first, so that nothing inside blocks; a str is
    only what the file is called. Lack of memory stays what it is; a fault of the disk stays the cause
    of the error, where `thbench.errors.machine_fault` finds it.
    """
    try:
        if isinstance(path, Path):
            refuse_blocking(path)
        yield
    except (UserError, ClipFailure):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        message = f"{_named(path)} cannot be read: {_what_is_wrong(error)}"
        if clip:
            raise ClipFailure(message) from error
        raise UserError(message, remedy or "check the file, or get it again") from error


def _named(path: Path | str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


_WORDS: dict[type[Exception], Callable[[Any], str]] = {
    UnicodeDecodeError: lambda error: f"no UTF-8 text ({error.reason})",
    json.JSONDecodeError: lambda error: f"no JSON ({error})",
    zipfile.BadZipFile: lambda error: f"no zip, or a damaged one ({error})",
    pickle.UnpicklingError: lambda error: "no file of PyTorch weights",  # torch: run its code
    RecursionError: lambda error: "nested too deeply",
}


def _what_is_wrong(error: Exception) -> str:
    words = _WORDS.get(type(error))
    if words is not None:
        text = words(error)
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror
    else:
        text = str(error) if type(error) is ValueError and str(error) else in_one_line(error)
    return " ".join(text.split())[:300]


def read_bytes(path: Path, remedy: str = "", most: int = LARGEST_TEXT) -> bytes:
    """The whole file. Raises UserError where it cannot be read or has over `most` bytes."""
    with reading(path, remedy), path.open("rb") as file:
        return _bounded(file, path, most)


def _bounded(file: BinaryIO, path: Path, most: int) -> bytes:
    if os.fstat(file.fileno()).st_size > most:
        raise UserError(f"{_named(path)} is larger than {most} bytes", "no such file is")
    return file.read()


def read_text(
    path: Path, remedy: str = "", most: int = LARGEST_TEXT, encoding: str = "utf-8"
) -> str:
    """As `read_bytes`, decoded."""
    with reading(path, remedy):
        return read_bytes(path, remedy, most).decode(encoding)


def read_json(path: Path, remedy: str = "", most: int = LARGEST_TEXT) -> Any:
    """The data of a JSON file. Raises UserError as `read_text` and `json_of`."""
    return json_of(read_text(path, remedy, most), path, remedy)


def json_of(text: str, name: Path | str, remedy: str = "") -> Any:
    """The data of a JSON text. Raises UserError for bad syntax, deep nesting, NaN and endless numbers."""
    with reading(str(name), remedy):
        return json.loads(text, parse_constant=_no_number, parse_int=_whole, parse_float=_float)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number has over {MOST_DIGITS} digits")
    return int(text)


def _float(text: str) -> float:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number has over {MOST_DIGITS} digits")
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:40]} is beyond every number")
    return value


def json_or(path: Path, otherwise: Any) -> Any:
    """The data of a file that thbench wrote; `otherwise` where it is absent or damaged.

    Faults of the machine are not taken for damage: they are raised as UserError.
    """
    try:
        return read_json(path)
    except UserError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno not in _ABSENT:
            raise
        return otherwise


_ABSENT = {0, errno.ENOENT, errno.ENOTDIR, errno.EISDIR}


def csv_rows(text: str, name: Path | str, remedy: str = "") -> list[list[str]]:
    """The cells of a CSV text by line. Raises UserError."""
    with reading(str(name), remedy):
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def sha256_of(path: Path, remedy: str = "") -> str:
    """SHA-256 of a whole file, in hexadecimal. Raises UserError."""
    with reading(path, remedy), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_arrays(
    path: Path, remedy: str = "", most: int = 4 * 10**9, clip: bool = False
) -> dict[str, Any]:
    """The arrays of a .npz file by name, or that of a .npy file under "". Raises UserError (or ClipFailure).

    Nothing is unpickled, and nothing is allocated beyond what the file holds or, unpacked, `most` bytes: a
    header that claims 10^10 rows, or a member of zeros that unpacks to a terabyte, is refused unread.
    """
    import numpy as np

    from thbench.files.arrays import array_of, read_array

    with reading(path, remedy, clip), path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            return {"": array_of(_bounded(file, path, most))}
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sum(m.file_size for m in members) > most:
                raise ValueError(f"it unpacks to over {most} bytes")
            found = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in found or name == member.filename:
                    raise ValueError("it is no archive of arrays")
                found[name] = np.asarray(read_array(archive, member.filename))
            return found
