"""Clip ids from file names: printable text, safe in every file system, unique."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from unicodedata import normalize

__all__ = ["clip_ids", "on_disk", "printable_text", "safe_id", "spelled"]

_FOLDER = "__"
_UNSAFE = frozenset('%<>:"\\|?*')


def safe_id(name: str) -> str:
    """`name` with `/` as `__`, and what is unprintable or unsafe in a file name as %XX of its bytes.

    Bytes that are no UTF-8, which Python holds as surrogates, become %XX of themselves. Spaces stay
    but for the first and last character, where some systems drop them; so does a leading full stop.
    Letters with accents are written in one way (NFC): macOS stores file names in another.
    """
    name = normalize("NFC", name)
    return _FOLDER.join(_escaped(part) for part in name.split("/"))


def clip_ids(files: Sequence[str]) -> Mapping[str, str]:
    """Clip id of every file, by path relative to the root with `/`.

    The id is the path without its suffix. Where that is ambiguous (`a/b.mp4` next to `a__b.mp4`,
    `c.mp4` next to `c.avi`) those files keep their suffix and write `/` as %2F, which no two share.
    """
    short = {f: safe_id(str(PurePosixPath(f).with_suffix(""))) for f in files}
    uses = Counter(i.casefold() for i in short.values())  # some file systems ignore case
    return {f: i if uses[i.casefold()] == 1 else _unambiguous(f) for f, i in short.items()}


def spelled(text: str) -> Sequence[str]:
    """The text as it is, and with accents joined to their letters (NFC) and apart from them (NFD)."""
    return list(dict.fromkeys([text, normalize("NFC", text), normalize("NFD", text)]))


def on_disk(root: Path, file: str) -> Path:
    """`file` under `root` in the spelling of its accents that the folder has, else as it is given."""
    candidates = [root / name for name in spelled(file)]
    return next((path for path in candidates if os.path.lexists(path)), candidates[0])


def printable_text(text: str) -> str:
    """The text with %XX for bytes that are no UTF-8 and for control characters."""
    return "".join(c if c.isprintable() else _percent(c) for c in text)


def _unambiguous(file: str) -> str:
    return "%2F".join(_escaped(part) for part in file.split("/"))


def _escaped(part: str) -> str:
    last = len(part) - 1
    return "".join(
        _percent(c) if _is_unsafe(c) or (c in " ." and i in (0, last)) else c
        for i, c in enumerate(part)
    )


def _is_unsafe(character: str) -> bool:
    return character in _UNSAFE or not character.isprintable()


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(character))
