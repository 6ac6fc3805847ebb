"""The recordings on disk: which are there, and whether they are the published ones."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from thbench.api import ClipFailure, Media, UserError, reading, shown
from thbench_crema_d.catalogue import REMUXED, File, Kind
from thbench_crema_d.pointers import is_pointer

__all__ = ["Condition", "Finding", "absent", "condition_of", "is_whole", "verify", "without_sound"]

Condition: TypeAlias = Literal["good", "missing", "pointer", "truncated", "old", "damaged"]

_MEANING: dict[Condition, str] = {
    "missing": "missing",
    "pointer": "a Git LFS pointer, not the recording (cloned without git-lfs)",
    "truncated": "truncated",
    "old": "older than 2020-12-16, when this file was muxed anew because it had no sound",
    "damaged": "another file than the published one",
}
_READERS = 4


@dataclass(frozen=True)
class Finding:
    """One file and its condition."""

    file: File
    condition: Condition

    def __str__(self) -> str:
        return f"{self.file.path}: {_MEANING[self.condition]}"


def absent(root: Path, files: Iterable[File]) -> list[File]:
    """Files that are not there or have another size than the published ones (pointers have). By stat only."""
    return [file for file in files if _size(root / file.path) != file.size]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def verify(root: Path, files: Sequence[File], no_sound: Callable[[Path], bool]) -> list[Finding]:
    """Read all files, and what is wrong with those that are not the published ones, in their order.

    `no_sound` says of an FLV whether it has no sound track.
    """

    def find(file: File) -> Finding:
        return Finding(file, condition_of(root / file.path, file, no_sound))

    with ThreadPoolExecutor(_READERS) as pool:
        found = shown("verify", pool.map(find, files), len(files), "file")
        return [finding for finding in found if finding.condition != "good"]


def condition_of(path: Path, file: File, no_sound: Callable[[Path], bool]) -> Condition:
    """Reads the whole file."""
    try:
        with reading(path), path.open("rb") as content:
            head = content.read(64)
            content.seek(0)
            found = hashlib.file_digest(content, "sha256").hexdigest()
            size = content.tell()
    except UserError:
        return "missing"
    if found == file.sha256:
        return "good"
    if is_pointer(head):
        return "pointer"
    if file.kind == "flv" and file.clip in REMUXED and no_sound(path):
        return "old"
    return "truncated" if size < file.size and not is_whole(path, file.kind) else "damaged"


def is_whole(path: Path, kind: Kind) -> bool:
    """Whether a WAV or FLV ends where its own lengths say: then a wrong file is another one, not cut off."""
    with reading(path), path.open("rb") as content:
        size = path.stat().st_size
        if kind == "wav":  # RIFF, length of what follows
            riff, length = struct.unpack("<4sI", content.read(8).ljust(8, b"\0"))
            return bool(riff == b"RIFF" and 8 + length <= size)
        content.seek(_FLV_HEADER)
        while (
            len(tag := content.read(11)) == 11
        ):  # type, 3 bytes of length, time; length again behind
            content.seek(int.from_bytes(tag[1:4], "big") + 4, 1)
        return not tag and content.tell() == size


_FLV_HEADER = 13


def without_sound(media: Media, path: Path) -> bool:
    """Whether a video file can be read and has no sound track."""
    try:
        return media.probe(path).audio_codec is None
    except ClipFailure:
        return False
