"""Templates of the generator `command`: the `{names}` that its options may use, and how they are filled."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

__all__ = [
    "FOLDERS",
    "PER_CALL",
    "PER_CLIP",
    "STARTS",
    "check_names",
    "fill",
    "names_in",
    "stays_inside",
]

PER_CLIP = (
    *("clip", "identity", "audio", "video", "out", "frames", "seconds"),
    *("seed", "seed32", "oracle", "number"),
)
"""What belongs to one clip."""
PER_CALL = (
    *("requests", "list", "lines", "in", "out_folder", "folder", "home", "config"),
    *("size", "fps", "root", "python", "pictures", "sounds"),
)
"""What belongs to one call."""
FOLDERS = ("out_folder", "folder", "root", "home")
"""Folders in which videos may be collected."""
STARTS = (*FOLDERS, "in")
"""Folders in which a program may be started."""
_NAME = re.compile(r"\{([a-z_0-9]+)\}")


def names_in(template: str) -> list[str]:
    """The `{names}` of a template, in order."""
    return _NAME.findall(template)


def fill(template: str, values: Mapping[str, object]) -> str:
    """The template with every `{name}` replaced; other braces stay, so that JSON needs no escaping."""
    return _NAME.sub(lambda match: str(values[match[1]]), template)


def check_names(template: str, allowed: Sequence[str]) -> None:
    """Raises ValueError for a `{name}` that is not among `allowed`, with the nearest right one."""
    for name in names_in(template):
        if name not in allowed:
            near = get_close_matches(name, allowed, n=1)
            hint = f"did you mean {{{near[0]}}}?" if near else "known: " + ", ".join(allowed)
            raise ValueError(f"no {{{name}}} here: {hint}")


def stays_inside(text: str, what: str) -> None:
    """Raises ValueError for a path that is empty, absolute or leads out of its folder."""
    path = Path(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{what} {text!r} leaves its folder")
