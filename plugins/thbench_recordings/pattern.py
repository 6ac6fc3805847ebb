"""Patterns of paths with `{field}` in them."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["expression", "filled", "names_in"]

_PART = re.compile(r"(\{[a-z_]+\}|\*)")


def names_in(pattern: str) -> set[str]:
    """Fields of a pattern."""
    return {part[1:-1] for part in _PART.split(pattern) if part.startswith("{")}


def filled(pattern: str, fields: Mapping[str, str]) -> str:
    """The pattern with its fields. Raises KeyError for one that is not given."""
    return _PART.sub(lambda m: m[0] if m[0] == "*" else fields[m[0][1:-1]], pattern)


def expression(pattern: str, tables: Mapping[str, Mapping[str, str] | str]) -> re.Pattern[str]:
    """What paths that end in the pattern match; a field that stands twice is the same in both places."""
    seen: set[str] = set()
    parts = [_part(part, tables, seen) for part in _PART.split(pattern)]
    return re.compile("(?:.*/)?" + "".join(parts))


def _part(part: str, tables: Mapping[str, Mapping[str, str] | str], seen: set[str]) -> str:
    if part == "*":
        return "[^/]*"
    if not part.startswith("{"):
        return re.escape(part)
    name = part[1:-1]
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    table = tables.get(name, "[^/]+?")
    choice = table if isinstance(table, str) else "|".join(map(re.escape, table))
    return f"(?P<{name}>{choice})"
