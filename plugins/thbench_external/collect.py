"""Finding the video of a call: patterns in declared folders, what is new there, and removing it again."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from thbench.api import UserError
from thbench_external.find import SUFFIXES
from thbench_external.templates import fill

__all__ = [
    "Place",
    "Seen",
    "matching",
    "named",
    "new_files",
    "new_videos",
    "place_of",
    "remove_new",
    "snapshot",
]

Seen: TypeAlias = Mapping[Path, tuple[int, int, int]]
"""What lay in a folder before a call: time of change in ns, size and inode of files, zeros of folders."""

_MOST = 200_000  # files and folders below one declared folder
_LOOKED_AT = 20_000  # of a folder that was not declared, for the message
_NAMED = 3


@dataclass(frozen=True)
class Place:
    """A folder, and the pattern of files in it as a person wrote it and as an expression."""

    folder: Path
    pattern: str
    expression: re.Pattern[str]
    template: str


def place_of(template: str, values: Mapping[str, object]) -> Place:
    """Of `{root}/results/**/{clip}*.mp4`: only names of this one clip match.

    The folder is the deepest one that has no wildcard, so that no more is looked at than is declared.
    """
    head, _, rest = template.partition("/")
    *folders, name = rest.split("/")
    folder = Path(fill(head, values)).resolve()
    while folders and not set("*?{") & set(folders[0]):
        folder /= folders.pop(0)
    pattern = "/".join([*folders, name])
    return Place(folder, pattern, re.compile(_expression(pattern, values)), template)


def _expression(pattern: str, values: Mapping[str, object]) -> str:
    """`**/` any folders, `*` and `?` within one name; what fills a `{name}` has no wildcard in it."""
    found = ""
    for part in re.split(r"(\*\*/|\*|\?|\{[a-z_0-9]+\})", pattern):
        known = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}
        text = fill(part, values) if part.startswith("{") else part
        found += known.get(part, re.escape(text))
    return found


def snapshot(places: Iterable[Place]) -> Seen:
    """Everything below the folders of these places. Raises UserError where that is too much."""
    found = {}
    for place in places:
        for folder in (place.folder, *place.folder.parents):
            if folder.is_dir():
                found[folder] = (0, 0, 0)
        found |= dict(_below(place.folder, _MOST, place))
    return found


def _below(
    folder: Path, most: int, place: Place | None = None
) -> Iterator[tuple[Path, tuple[int, int, int]]]:
    """Files and folders; links are taken for files and never followed."""
    n = 0
    for here, folders, files in os.walk(folder):
        n += len(folders) + len(files)
        if n > most:
            if place is None:
                return
            raise UserError(
                f"{place.template}: over {most} files below {folder}",
                "name a folder below it, the one that the program writes to",
            )
        for name in folders:
            yield Path(here, name), (0, 0, 0)
        for name in files:
            with suppress(OSError):  # removed meanwhile
                found = Path(here, name).lstat()
                yield Path(here, name), (found.st_mtime_ns, found.st_size, found.st_ino)


def matching(place: Place, before: Seen) -> list[Path]:
    """Files of a place that were made or changed since, the newest last."""
    found = [
        (mark, path)
        for path, mark in _below(place.folder, _MOST, place)
        if mark != (0, 0, 0)
        and before.get(path) != mark
        and place.expression.fullmatch(path.relative_to(place.folder).as_posix())
    ]
    return [path for _, path in sorted(found, key=lambda item: (item[0][0], str(item[1])))]


def new_files(places: Sequence[Place], before: Seen) -> list[Path]:
    """Everything that was made or changed below the folders of these places."""
    found = {p: m for place in places for p, m in _below(place.folder, _MOST, place)}
    return sorted(p for p, mark in found.items() if mark != (0, 0, 0) and before.get(p) != mark)


def remove_new(places: Sequence[Place], before: Seen) -> None:
    """Remove what matches and was not there before, and the folders that it leaves empty."""
    for place in places:
        for path in matching(place, before):
            if path not in before:
                with suppress(OSError):
                    path.unlink()
                _remove_empty(path.parent, before)


def _remove_empty(folder: Path, before: Seen) -> None:
    while folder not in before and folder != folder.parent:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def new_videos(folders: Iterable[Path], since_ns: int) -> list[Path]:
    """Videos in folders that nobody declared: what a pattern that found nothing may have missed."""
    found = []
    for folder in folders:
        for path, (changed, _, _) in islice(_below(folder, _LOOKED_AT), _LOOKED_AT):
            if path.suffix.lower() in SUFFIXES and changed >= since_ns and _is_plain(path):
                found.append(path)
    return sorted(found)


def _is_plain(path: Path) -> bool:
    with suppress(OSError):
        return stat.S_ISREG(path.lstat().st_mode)
    return False


def named(paths: Sequence[Path], folders: Mapping[str, Path]) -> str:
    """A few of them, each below the folder's name in templates: `{root}/results/a.mp4`."""
    shown = [_short(path, folders) for path in paths[:_NAMED]]
    more = len(paths) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _short(path: Path, folders: Mapping[str, Path]) -> str:
    for name, folder in folders.items():
        if path.is_relative_to(folder):
            return f"{{{name}}}/{path.relative_to(folder).as_posix()}"
    return path.name
