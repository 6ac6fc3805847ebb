"""Whose clip a file is, from its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from thbench.api import UserError
from thbench_clips.names import printable_text

__all__ = ["actors_of", "check_pattern"]

_PARTS = {"{actor}": "(?P<actor>[^/]+?)", "{clip}": "(?:.+)", "*": "(?:[^/]*)"}
_SHOWN = 3


def check_pattern(pattern: str) -> None:
    """Raises ValueError where it does not name the actor exactly once."""
    if pattern.count("{actor}") != 1:
        raise ValueError(f"actor {pattern!r} names {{actor}} not once, as {{actor}}_{{clip}} does")


def actors_of(files: Sequence[str], pattern: str) -> Mapping[str, str]:
    """Actor of every file, by path relative to the root without its suffix.

    `{actor}_{clip}` takes what stands before the first `_`, `{clip}_{actor}` what stands behind the
    last, `{actor}/{clip}` the first folder; `*` is anything but `/`.

    Raises UserError naming files that the pattern does not fit.
    """
    parts = re.split(r"(\{actor\}|\{clip\}|\*)", pattern)
    expression = re.compile("".join(_PARTS.get(part, re.escape(part)) for part in parts), re.DOTALL)
    found = {f: expression.fullmatch(str(PurePosixPath(f).with_suffix(""))) for f in files}
    wrong = [f for f, match in found.items() if not match]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        names = ", ".join(printable_text(f) for f in wrong[:_SHOWN])
        raise UserError(
            f"the actor pattern {pattern} does not fit {names}{more}",
            "give another --set dataset.actor=PATTERN, or a manifest with the column actor",
        )
    return {f: printable_text(match["actor"]) for f, match in found.items() if match}
