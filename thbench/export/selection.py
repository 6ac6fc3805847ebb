"""What of a run is exported: systems, controls and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.controls import GROUND_TRUTH
from thbench.files.foreign import json_or
from thbench.results.document import Result
from thbench.results.finished import finished_rows, tables_of
from thbench.results.row import Row
from thbench.run.folder import METRICS
from thbench.tables.build import tables
from thbench.tables.headline import headline, only

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Selection:
    """The chosen part of a run.

    rows    by name, kind and resolution: every row of the run, also those that are not shown
    tables  per resolution, as `thbench.tables.build.tables`, with the chosen columns and rows alone
    """

    run: Path
    rows: Mapping[Key, Row]
    tables: Sequence[dict[str, Any]]

    @property
    def first(self) -> Result:
        return next(iter(self.rows.values())).result

    @property
    def shown(self) -> list[Row]:
        """The chosen rows in the order of their tables."""
        found = [self.row(t["resolution"], r) for t in self.tables for r in t["rows"]]
        return list({row.key: row for row in found}.values())  # a control stands in several tables

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(name for t in self.tables for name in t["columns"]))

    def row(self, resolution: int, shown: Mapping[str, Any]) -> Row:
        return self.rows[shown["system"], shown["kind"], resolution]

    def truth(self, resolution: int) -> Row | None:
        return self.rows.get((GROUND_TRUTH, "control", resolution))


def select(
    run: Path,
    systems: Sequence[str] = (),
    columns: Sequence[str] = (),
    all_columns: bool = False,
    controls: bool = False,
) -> Selection:
    """Choose from a finished run.

    systems      these systems and controls, in table order; default: all systems and the ground truth
    columns      these scores, in this order; default: the headline scores, with `all_columns` every score
    controls     without `systems`: all control rows

    Raises UserError for a folder without results and for an unknown system or column.
    """
    if not run.is_dir():
        raise UserError(f"{run} is no run folder", "give the folder of a finished run")
    found = finished_rows(run)
    results, clips = tables_of(found)
    made = [_in_order(run, table) for table in tables(results, clips)]
    known = list(dict.fromkeys(name for table in made for name in table["columns"]))
    _check("column", columns, known)
    _check("system", systems, list(dict.fromkeys(row.name for row in found)))
    chosen = []
    for table in made:
        names = list(columns) or _default(results[0], table, all_columns)
        rows = [r for r in table["rows"] if _is_chosen(r, systems, controls)]
        if rows:
            chosen.append({**only(table, names), "rows": rows})
    return Selection(run, {row.key: row for row in found}, chosen)


def _in_order(run: Path, table: dict[str, Any]) -> dict[str, Any]:
    """The primary score first, then the columns in the order of the suite, which metrics.json keeps."""
    order = list(json_or(run / METRICS, {}))
    first, *others = table["columns"]
    others.sort(key=lambda name: order.index(name) if name in order else len(order))
    return only(table, [first, *others])


def _default(first: Result, table: Mapping[str, Any], all_columns: bool) -> list[str]:
    return (
        list(table["columns"])
        if all_columns
        else headline(table["columns"], first.suite.primary, first.suite.headline)
    )


def _is_chosen(row: Mapping[str, Any], systems: Sequence[str], controls: bool) -> bool:
    if systems:
        return row["system"] in systems
    return row["kind"] == "system" or controls or row["system"] == GROUND_TRUTH


def _check(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f"did you mean '{near[0]}'?" if near else f"has: {', '.join(known)}"
            raise UserError(f"the run has no {what} '{name}'", remedy)
