"""MP4 files of one size: the rest is filled with a `free` box, which players skip (ISO/IEC 14496-12, 8.1.2)."""

from __future__ import annotations

from pathlib import Path

from thbench.files.atomic import atomic_write
from thbench.files.foreign import read_bytes

BOX = 8
"""Bytes of the head of a box: its length and its name."""
_LARGEST = 1 << 31


def room_for(sizes: list[int], step: int = 4096) -> int:
    """The size that files of all these sizes can be padded to: a multiple of `step`."""
    return -(-(max(sizes) + BOX) // step) * step


def write_padded_mp4(path: Path, source: Path, size: int, fill: bytes) -> None:
    """Write the MP4 of `source` to `path` with a `free` box at its end, `size` bytes in all.

    fill  at least size - BOX bytes that the box is filled with; bytes that do not compress keep the
          size of the picture from being seen in what a server sends

    Raises ValueError where the file does not fit or `fill` is too short, UserError where it cannot be
    read or written.
    """
    data = read_bytes(source, "make the study again", _LARGEST)
    box = size - len(data)
    if box < BOX or len(fill) < box - BOX:
        raise ValueError(f"{len(data)} bytes do not fit into {size} with {len(fill)} to fill")
    head = box.to_bytes(4, "big") + b"free"
    atomic_write(path, data + head + fill[: box - BOX], durable=False)
