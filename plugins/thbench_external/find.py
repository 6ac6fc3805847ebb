"""Which file holds a clip's video."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote_to_bytes

from thbench.api import ClipFailure

__all__ = ["SUFFIXES", "find_video"]

SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .flv .mpg .mpeg .mts .m2ts .ts .wmv .3gp .ogv .mxf".split()  # noqa: SIM905
)


def find_video(root: Path, pattern: str, clip_id: str) -> Path:
    """The one file for a clip under `root`.

    The first spelling of the id that has a file counts: the id itself; its %XX turned back into
    bytes, as a source file may have been named; `__` as a folder, as the data set may be laid out; the
    name under which thbench stores videos.

    Raises:
        ClipFailure: no file, or several that differ in their suffix only.
    """
    for spelling in dict.fromkeys(_spellings(clip_id)):
        found = [p for p in _paths(root, pattern.replace("{clip}", spelling)) if _is_file(p)]
        if len(found) > 1:
            names = ", ".join(sorted(p.suffix for p in found))
            raise ClipFailure(
                f"several videos for clip {clip_id} ({names}): set pattern: '{pattern}.mp4', say"
            )
        if found:
            return found[0].resolve()
    raise ClipFailure(f"no video for clip {clip_id} under {_printable(root)}")


def _spellings(clip_id: str) -> Iterator[str]:
    yield clip_id
    yield _decoded(clip_id)
    yield _decoded(clip_id.replace("__", "/"))
    yield quote(clip_id, safe=" ()+,=@")


def _decoded(text: str) -> str:
    return os.fsdecode(unquote_to_bytes(os.fsencode(text)))


def _paths(root: Path, name: str) -> Iterator[Path]:
    """Candidates under the root; none for a name that leaves it or that no file can have."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        return
    if path.suffix.lower() in SUFFIXES:
        yield root / path
    else:
        yield from (root / f"{name}{suffix}" for suffix in sorted(SUFFIXES))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than the file system takes
        return False


def _printable(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
