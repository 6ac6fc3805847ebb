"""Why there is no number where a table shows a dash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def dashes(table: dict[str, Any]) -> Iterator[str]:
    """A line per reason, `columns (rows): reason`, in the order of the table; equal reasons share one."""
    found: dict[str, dict[str, list[str]]] = {}
    for name in table["columns"]:
        for row in table["rows"]:
            score = row["scores"].get(name)
            if score is not None and score["value"] is None:
                reason = score["reason"] or "no value"
                found.setdefault(reason, {}).setdefault(name, []).append(str(row["system"]))
    for reason, columns in found.items():
        by_rows: dict[tuple[str, ...], list[str]] = {}
        for name, rows in columns.items():
            by_rows.setdefault(tuple(rows), []).append(name)
        for rows_, names in by_rows.items():
            yield f"{', '.join(names)}{_who(table, names, rows_)}: {reason}"


def _who(table: dict[str, Any], names: Sequence[str], rows: Sequence[str]) -> str:
    """The rows in brackets; none where it is every row that these columns are measured for."""
    everyone = {r["system"] for r in table["rows"] for name in names if name in r["scores"]}
    return "" if everyone == set(rows) and len(rows) > 1 else f" ({', '.join(rows)})"
