"""Which scores a table shows by default: the suite's headline scores; the others on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thbench.results.document import SuiteRecord


def headline(suite: SuiteRecord, columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of the headline columns, in the order of `columns`; all of them where none is named.

    The suite's own list (`headline:`) if it has one. Without one, of every metric the score that has
    its name and those of which lower or higher is better; a metric that has neither gives its first.
    The primary score is always among them.
    """
    chosen = set(suite.headline) & set(columns) or _telling(columns)
    chosen |= {suite.primary} & set(columns) if suite.primary else set()
    return [name for name in columns if name in chosen]


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


def only(table: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """The table with these columns alone; rows keep what they say of the others."""
    return {**table, "columns": {n: table["columns"][n] for n in names if n in table["columns"]}}
