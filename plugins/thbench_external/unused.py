"""Videos in a folder that answer no clip, and the pattern by which they would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from thbench.api import UserError
from thbench_clips.listing import files_under, first_names
from thbench_external.find import SUFFIXES, spellings

__all__ = ["unused_files"]

_LOOKED_AT = 100_000  # files of a folder
_COMPARED = 200  # of them, for the pattern


def unused_files(root: Path, pattern: str, clip_ids: Sequence[str]) -> Sequence[str]:
    """A line on the files under `root` that `find_video` gives for none of the clips; none where all are used."""
    if not root.is_dir():
        return []
    answers = {pattern.replace("{clip}", s) for clip in clip_ids for s in spellings(clip)}
    try:
        files = [f for f in islice(files_under(root), _LOOKED_AT) if not _names(f) & answers]
    except UserError as error:
        return [error.message]
    videos = [f for f in files if _is_video(f)]
    lines = []
    if videos:
        remedy = _remedy(videos[:_COMPARED], pattern, clip_ids)
        lines = [f"{root}: {len(videos)} video(s) belong to no clip: {first_names(videos)}{remedy}"]
    if len(files) > len(videos):
        others = [f for f in files if not _is_video(f)]
        lines.append(f"{root}: {len(others)} file(s) are no videos: {first_names(others)}")
    return lines


def _is_video(file: str) -> bool:
    return PurePosixPath(file).suffix.lower() in SUFFIXES


def _names(file: str) -> set[str]:
    """What a pattern may call a file: its path, and that without a video's suffix."""
    return {file, str(PurePosixPath(file).with_suffix(""))} if _is_video(file) else {file}


def _remedy(videos: Sequence[str], pattern: str, clip_ids: Collection[str]) -> str:
    """The pattern that most of them follow, if another one than was given."""
    found = Counter(p for video in videos for p in islice(_patterns(video, clip_ids), 1))
    found.pop(pattern, None)
    if not found:
        return ""
    likely, _ = found.most_common(1)[0]
    return f": --set systems.NAME.pattern='{likely}' finds those that are named so"


def _patterns(video: str, clip_ids: Collection[str]) -> Iterator[str]:
    """What a file's name makes of the clip ids in it, the longest id first."""
    name = str(PurePosixPath(video).with_suffix(""))
    for clip in sorted(clip_ids, key=len, reverse=True):
        for spelling in spellings(clip):
            if spelling in name:
                yield name.replace(spelling, "{clip}", 1)
