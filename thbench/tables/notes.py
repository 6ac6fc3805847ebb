"""What metrics say of their own values (`notes` of a score), each once with the systems that it is said of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["notes_of"]


def notes_of(rows: Iterable[tuple[str, Mapping[str, Mapping[str, Any]]]]) -> Iterator[str]:
    """`ofm: 80% of ofm ... (system a, system b)`, in the order of columns and rows.

    rows  the name of a system, and its scores by column as plain data with `notes`
    """
    found: dict[str, dict[str, list[str]]] = {}
    for system, scores in rows:
        for column, score in scores.items():
            for note in score.get("notes") or ():
                found.setdefault(column, {}).setdefault(note, []).append(system)
    for column, said in found.items():
        for note, systems in said.items():
            yield f"{column}: {note} ({', '.join(systems)})"
