"""Which scores a table shows by default: the suite's headline scores; the others on request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def headline(
    columns: Mapping[str, Mapping[str, Any]], primary: str | None, named: Collection[str] = ()
) -> list[str]:
    """Names of the headline columns, in the order of `columns`; all of them where none is named.

    `named`, the suite's own list (`headline:`), if it has one. Without one, of every metric the score that has
    its name and those of which lower or higher is better; a metric that has neither gives its first.
    The primary score is always among them.
    """
    chosen = set(named) & set(columns) or _telling(columns)
    return [name for name in columns if name in chosen or name == primary]


def _telling(columns: Mapping[str, Mapping[str, Any]]) -> set[str]:
    metrics: dict[tuple[str, str], list[str]] = {}
    for name, column in columns.items():
        metrics.setdefault((column["metric"], name.partition("@")[2]), []).append(name)
    found: set[str] = set()
    for names in metrics.values():
        directed = {n for n in names if _is_telling(columns[n])}
        found |= directed or {names[0]}
    return found


def _is_telling(column: Mapping[str, Any]) -> bool:
    return column["better"] in ("lower", "higher") or column["score"] == column["metric"]


def hidden(whole: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    """How many columns are not shown, and how they are; empty where all are."""
    names = [name for name in whole if name not in shown]
    if not names:
        return ""
    few = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{len(names)} more scores with --all: {few}"


def only(table: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """The table with these columns alone; rows keep what they say of the others."""
    return {**table, "columns": {n: table["columns"][n] for n in names if n in table["columns"]}}
