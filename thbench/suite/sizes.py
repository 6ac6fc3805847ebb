"""How large the videos of a folder are, and at which resolution they are scored for it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from thbench.api import ClipFailure, UserError
from thbench.files.yamlfile import Document
from thbench.video import MediaReader

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels, as displayed."""

_PROBED, _TRIED = 5, 50  # videos of a folder, files that may be none
_FACE = 256  # pixels: what most published generators make of a cropped face
_SMALLEST, _LARGEST = 16, 2048


def common_size(folder: Path) -> tuple[Size, Path] | None:
    """The most frequent size among a folder's first videos, and one of that size; None without any."""
    found: dict[Size, Path] = {}
    count: Counter[Size] = Counter()
    for path, size in islice(_probed(folder), _PROBED):
        found.setdefault(size, path)
        count[size] += 1
    if not count:
        return None
    size = count.most_common(1)[0][0]
    return size, found[size]


def check_square(document: Document, folders: Mapping[str, Path]) -> None:
    """References that are not square need a crop: said before anything is decoded.

    Raises UserError naming a reference, its size and the flags to choose from.
    """
    options = document.at(("dataset",))
    if options.get("crop", "none") != "none" or "root" not in options:
        return
    if not all(folder.is_dir() for folder in folders.values()):
        return  # which is said first
    if (found := common_size(Path(options["root"]))) is None:
        return
    (width, height), path = found
    if width != height:
        raise UserError(
            f"--references {options['root']}: {path.name} is {width} x {height} px, not square",
            "add --crop face (one steady square around the head) or --crop centre; the videos of "
            f"{', '.join(folders)} go through the same crop",
        )


def default_resolutions(document: Document, folders: Mapping[str, Path]) -> list[str]:
    """Give every system without a chosen resolution that of its videos; what was chosen, in words."""
    options, notes = document.at(("dataset",)), []
    crop = str(options.get("crop", "none"))
    whole = common_size(Path(options["root"])) if crop == "face" and "root" in options else None
    references = whole[0] if whole else None
    chosen = {key for key in document.flags if key[-1:] == ("resolution",)}
    for name, folder in folders.items():
        found = common_size(folder)
        if ("systems", name, "resolution") in chosen or found is None:
            continue
        side, why = _resolution(found[0], references, crop)
        document.data["systems"][name]["resolution"] = side
        notes.append(f"{name}: scored at {side} px, {why} (--resolution N chooses another)")
    sides = {s["resolution"] for s in document.data["systems"].values()}
    if len(sides) > 1:
        notes.append(
            f"unlike sizes stand in tables of their own; --resolution {min(sides)} makes it one"
        )
    return notes


def _resolution(video: Size, reference: Size | None, crop: str) -> tuple[int, str]:
    """Side of the square that is scored, and why that one."""
    width, height = video
    short, cropped = min(video), f"{width} x {height} px cropped by --crop {crop}"
    whole_frames = width != height or (
        crop == "face" and reference is not None and _alike(video, reference)
    )
    if not whole_frames:
        return _allowed(short), "the size of its videos"
    if crop == "face":
        return _allowed(min(short, _FACE)), cropped
    return _allowed(short), f"the short side of {cropped}" if crop != "none" else "their short side"


def _alike(video: Size, reference: Size) -> bool:
    """Of one aspect, to the two pixels that encoders round by."""
    return abs(video[0] * reference[1] - video[1] * reference[0]) <= 2 * max(reference)


def _allowed(side: int) -> int:
    return max(_SMALLEST, min(_LARGEST, side - side % 2))


def _probed(folder: Path) -> Iterator[tuple[Path, Size]]:
    """The folder's videos in the order of their names; what is no video is passed over."""
    reader = MediaReader()
    for path in islice(_files(folder), _TRIED):
        try:
            info = reader.probe(path)
        except ClipFailure:
            continue
        yield path, (info.width, info.height)


def _files(folder: Path) -> Iterator[Path]:
    for here, subfolders, names in os.walk(folder, followlinks=True):
        subfolders[:] = sorted(n for n in subfolders if not n.startswith("."))
        yield from (Path(here) / n for n in sorted(names) if not n.startswith("."))
