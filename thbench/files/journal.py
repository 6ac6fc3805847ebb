"""Append-only JSON lines: what happened to each clip, in the order it happened.

A line counts once its newline is written. What a killed process left of a line is ignored by
readers and cut off before the next append, so a new line never joins a torn one.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from thbench.files.atomic import atomic_write, disk_errors
from thbench.files.foreign import read_bytes, reading

_BLOCK = 65536
_LARGEST = 10**11
_AGAIN = "remove it and run the same command again"


class Journal:
    """Records of one file, one writer at a time.

    `key` names the field that identifies a record; None for a plain log, which only `lines` reads.
    """

    def __init__(self, path: Path, key: str | None = "clip") -> None:
        self.path, self.key = Path(path), key

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one record in one write. It survives the death of this process as soon as this returns.

        Raises KeyError without the key, TypeError or ValueError for what JSON cannot say, UserError
        where the disk is full; the file then holds what it held before.
        """
        if self.key is not None and self.key not in record:
            raise KeyError(self.key)
        line = _line(record)
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # No fsync: after a power cut the clip is done again, nothing else is lost.
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                _write_line(descriptor, line.encode("ascii"))
            finally:
                os.close(descriptor)

    def rewrite(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Put these records in the place of all there are, whole or not at all."""
        atomic_write(self.path, "".join(_line(r) for r in records))

    def changed(self) -> int:
        """When something was last written, in ns; 0 where there is no file."""
        try:
            return self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def read(self) -> dict[str, dict[str, Any]]:
        """The last record of every key, in the order in which the keys first appeared."""
        if self.key is None:
            raise TypeError("a journal without a key has lines only")
        return {str(record[self.key]): record for record in self.lines()}

    def lines(self) -> list[dict[str, Any]]:
        """All whole records in order; damaged lines are left out."""
        if not self.path.exists():
            return []
        *whole, _torn = read_bytes(self.path, _AGAIN, _LARGEST).split(b"\n")
        return [record for record in _parsed(whole) if self._is_usable(record)]

    def last_lines(self) -> list[dict[str, Any]]:
        """The whole records at the end of a file however long: some hundred."""
        if not self.path.exists():
            return []
        with reading(self.path, _AGAIN), self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _BLOCK))
            *whole, _torn = file.read().split(b"\n")
        return [record for record in _parsed(whole) if self._is_usable(record)]

    def _is_usable(self, record: Any) -> bool:
        return isinstance(record, dict) and (self.key is None or self.key in record)


def _parsed(lines: list[bytes]) -> list[Any]:
    """All at once where no line is damaged: records then share the strings of their keys."""
    lines = [_without_sum(line) for line in lines if _is_intact(line)]
    with suppress(ValueError, RecursionError):
        records: list[Any] = json.loads(b"[" + b",".join(lines) + b"]")
        if len(records) == len(lines):
            return records
    return [record for line in lines if (record := _parsed_line(line)) is not None]


def _parsed_line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):  # also bytes that are no UTF-8
        return None


_SUM = re.compile(rb',"sum":"([0-9a-f]{8})"\}$')
_SUM_LENGTH = len(',"sum":"01234567"}')


def _is_intact(line: bytes) -> bool:
    """Whether a line has the checksum it ends with. One of an older thbench has none, and counts."""
    found = _SUM.search(line, max(0, len(line) - _SUM_LENGTH))
    return found is None or int(found[1], 16) == zlib.crc32(line[: found.start()] + b"}")


def _without_sum(line: bytes) -> bytes:
    found = _SUM.search(line, max(0, len(line) - _SUM_LENGTH))
    return line if found is None else line[: found.start()] + b"}"


def _line(record: Mapping[str, Any]) -> str:
    """One line of JSON; its last key is the CRC-32 of the line without it: a flipped bit is never a record."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
    if text == "{}":
        return "{}\n"
    return f'{text[:-1]},"sum":"{zlib.crc32(text.encode("ascii")):08x}"}}\n'


def _write_line(descriptor: int, line: bytes) -> None:
    end = _end_of_whole_lines(descriptor)
    if end != os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, end)
    try:
        written = os.write(descriptor, line)
        while written < len(line):  # a full disk takes a part first and refuses the rest
            written += os.write(descriptor, line[written:])
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def _end_of_whole_lines(descriptor: int) -> int:
    """Where the last newline ends, looking from the end of the file."""
    position = os.fstat(descriptor).st_size
    while position > 0:
        start = max(0, position - _BLOCK)
        os.lseek(descriptor, start, os.SEEK_SET)
        found = _read_exactly(descriptor, position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _read_exactly(descriptor: int, count: int) -> bytes:
    blocks = b""
    while len(blocks) < count and (block := os.read(descriptor, count - len(blocks))):
        blocks += block
    return blocks
