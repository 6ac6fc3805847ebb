"""Which file holds a clip's video."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from urllib.parse import quote, unquote_to_bytes

from thbench.api import ClipFailure
from thbench_clips.names import spelled
from thbench_clips.pictures import picture_hint

__all__ = ["SUFFIXES", "find_video", "spellings"]

SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .flv .mpg .mpeg .mts .m2ts .ts .wmv .3gp .ogv .mxf .gif".split()  # noqa: SIM905
)


_LOOKED_AT = 5000  # files, for the hint


def find_video(root: Path, pattern: str, clip_id: str) -> Path:
    """The one file for a clip under `root`.

    The first spelling of the id that has a file counts: the id itself; its %XX turned back into
    bytes, as a source file may have been named; `__` as a folder, as the data set may be laid out; the
    name under which thbench stores videos. Each with accents joined to their letters or apart (NFC,
    NFD), and suffixes in small or capital letters.

    Raises:
        ClipFailure: no file, or several that differ in their suffix only.
    """
    for spelling in dict.fromkeys(spellings(clip_id)):
        found = _different(_paths(root, pattern.replace("{clip}", spelling)))
        if len(found) > 1:
            names = ", ".join(sorted(p.suffix for p in found))
            raise ClipFailure(
                f"several videos for clip {clip_id} ({names}): set pattern: '{pattern}.mp4', say"
            )
        if found:
            return found[0].resolve()
    hint = _hint(root, clip_id) or _nearest(root, clip_id)
    raise ClipFailure(f"no video for clip {clip_id} under {_printable(root)}{hint}")


def spellings(clip_id: str) -> Iterator[str]:
    """How a file of this clip may be named, see `find_video`."""
    folders = clip_id.replace("__", "/")
    for text in (clip_id, _decoded(clip_id), _decoded(folders), quote(clip_id, safe=" ()+,=@")):
        yield from spelled(text)


def _different(paths: Iterable[Path]) -> list[Path]:
    """Those that are files, each once: a file system may take `a.mp4` and `a.MP4` for the same."""
    files = {}
    for path in paths:
        try:
            state = path.stat()
        except (OSError, ValueError):  # absent, or a name longer than the file system takes
            continue
        if S_ISREG(state.st_mode):
            files.setdefault((state.st_dev, state.st_ino), path)
    return list(files.values())


def _hint(root: Path, clip_id: str) -> str:
    """What to type where there is a folder of pictures of that name."""
    for spelling in dict.fromkeys(spellings(clip_id)):
        if "\0" not in spelling and ".." not in PurePosixPath(spelling).parts:
            folder = root / spelling.lstrip("/")
            if hint := picture_hint(folder) if _is_folder(folder) else "":
                return f": {hint}"
    return ""


def _nearest(root: Path, clip_id: str) -> str:
    """The file that is named most alike, and the pattern that would find it if there is one."""
    try:
        names = sorted(e.name for e in islice(os.scandir(root), _LOOKED_AT) if not e.is_dir())
    except OSError:
        return ""
    names = [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES]
    if holding := [name for name in names if clip_id in name]:
        name = min(holding, key=len)
        pattern = PurePosixPath(name).stem.replace(clip_id, "{clip}", 1)
        return f": found {_printable(Path(name))}, set pattern: '{pattern}'"
    near = get_close_matches(clip_id, [PurePosixPath(n).stem for n in names], 1, 0.5)
    return f": the nearest name is {_printable(Path(near[0]))}" if near else ""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


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
        for suffix in sorted(SUFFIXES):
            yield root / f"{name}{suffix}"
            yield root / f"{name}{suffix.upper()}"


def _printable(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
