"""Folders of pictures where videos are wanted: what to type."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from pathlib import Path

__all__ = ["PICTURES", "picture_hint"]

PICTURES = frozenset([".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"])
_LOOKED_AT = 2000  # folders: it is a hint, no search


def picture_hint(root: Path) -> str:
    """The command that makes a video of the first folder of pictures at or under `root`, else empty."""
    for _, (folder, subfolders, files) in zip(range(_LOOKED_AT), os.walk(root), strict=False):
        subfolders.sort()
        kinds = Counter(s for s in (Path(f).suffix.lower() for f in files) if s in PICTURES)
        if kinds:
            suffix, count = kinds.most_common(1)[0]
            return _command(Path(folder), suffix, count)
    return ""


def _command(folder: Path, suffix: str, count: int) -> str:
    pictures, video = shlex.quote(f"{folder}/*{suffix}"), shlex.quote(f"{folder}.mkv")
    return (
        f"{folder} holds {count} pictures, make a video of them: ffmpeg -framerate 25 "
        f"-pattern_type glob -i {pictures} -i SPEECH.wav -c:v ffv1 -pix_fmt bgr0 {video}"
    )
