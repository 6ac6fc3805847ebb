"""For the site: lists of names in docstrings ("name  meaning", one a line) become lists in Markdown."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

NAMED = re.compile(r"(?P<names>[A-Za-z_*][\w*]*(?:, [A-Za-z_*][\w*]*)*)  +(?P<meaning>\S.*)")
"""`name  meaning`: two spaces or more between them, as the docstrings write it."""


def as_markdown(text: str) -> str:
    """The docstring with every such line as an entry of a list; lines indented below belong to it."""
    lines: list[str] = []
    listed = False
    for line in text.split("\n"):
        found = NAMED.fullmatch(line)
        if found:
            if not listed and lines and lines[-1]:
                lines.append("")
            lines.append(f"- `{found['names']}`: {found['meaning']}")
        elif listed and line.startswith(" "):
            lines.append("    " + line.strip())
            continue
        else:
            if listed and line:
                lines.append("")
            lines.append(line)
        listed = bool(found)
    return "\n".join(lines)


class FieldLists(Extension):
    """Applied by mkdocstrings to everything that it shows."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)
