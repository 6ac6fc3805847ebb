"""What a change of the leaderboard by anybody may touch: rows of systems, and the pages made from them.

Pinned controls, verification records and published rows decide what others are compared with and how
far they are trusted; a change that hands in a row must leave them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from thbench.api import UserError
from thbench.files.atomic import is_temporary, printable
from thbench.files.foreign import sha256_of
from thbench.leaderboard.store import COMPANIONS, VERIFIED

LARGEST = 4 * 10**9


def guarded_changes(proposed: Path, base: Path) -> Iterator[str]:
    """Every guarded file that a proposed leaderboard adds, changes or removes, against that of the base.

    Raises UserError where there is no leaderboard at `base`.
    """
    if not (base / "results").is_dir():
        raise UserError(f"{printable(base)} is no leaderboard", "give the base branch's folder")
    before, after = dict(_guarded(base)), dict(_guarded(proposed))
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"{name}: removed"
        elif name not in before:
            yield f"{name}: added"
        elif before[name] != after[name]:
            yield f"{name}: changed"


def _guarded(root: Path) -> Iterator[tuple[str, str]]:
    """Relative path and digest of the guarded files."""
    for folder in ("results", "published"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_dir() and not path.is_symlink():
                continue
            name = path.relative_to(root).as_posix()
            if not is_temporary(path) and (folder == "published" or _is_guarded(path)):
                yield name, _digest(path)
    schemas = root / "schemas.json"
    if schemas.exists():
        yield schemas.name, _digest(schemas)


def _is_guarded(path: Path) -> bool:
    pin = "@" in path.parent.name and path.name.endswith((".json", *COMPANIONS))
    return pin or path.name.endswith(VERIFIED)


def _digest(path: Path) -> str:
    """Of the content; a link is never followed, and nothing that is no file is opened."""
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if not path.is_file() or path.stat().st_size > LARGEST:
        return "no file"
    return sha256_of(path)
