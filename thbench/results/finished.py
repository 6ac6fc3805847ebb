"""A finished run read back from its folder: the one reader of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thbench import controls
from thbench.api import UserError
from thbench.files.atomic import printable
from thbench.results.clips import ClipsTable
from thbench.results.document import Result, read_result
from thbench.results.ranking import in_table_order
from thbench.results.row import Row, read_row

Tables = dict[tuple[int, str], ClipsTable]


def finished_rows(path: Path) -> list[Row]:
    """Rows of a run folder in the order of its tables, or the one of RUN/systems/NAME or a document.

    Raises UserError where there is none, and for a damaged one.
    """
    rows = [read_row(document) for document in _documents(path)]
    return sorted(rows, key=lambda row: in_table_order(row.result))


def _documents(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    if (path / "result.json").is_file():
        return [path / "result.json"]
    files = [*path.glob("systems/*/result.json"), *path.glob("controls/*/*/result.json")]
    if not files:
        raise UserError(
            f"{printable(path)} holds no result",
            f"a finished run or a result.json; `thbench run SUITE --out {printable(path)}` makes one",
        )
    return files


def run_folder_of(path: Path) -> Path | None:
    """The run that a folder of a system or a result.json of one belongs to; None for a committed row."""
    folder = path if path.is_dir() else path.parent
    if path.is_file() and path.name != "result.json":
        return None
    if not (folder / "result.json").is_file():
        return folder
    return folder.parents[2] if folder.parents[1].name == "controls" else folder.parents[1]


def ground_truths(path: Path) -> list[Result]:
    """The ground truth of a run at each resolution; needs no clips tables. Raises UserError."""
    results = [read_result(document) for document in _documents(path)]
    found = [r for r in results if r.system.name == controls.GROUND_TRUTH]
    if not found:
        raise UserError(f"{printable(path)} has no ground truth", "run it with its control rows")
    return sorted(found, key=in_table_order)


def tables_of(rows: Sequence[Row]) -> tuple[list[Result], Tables]:
    """Results, and the clips table of each by resolution and name: what the tables are made of."""
    results = [row.result for row in rows]
    return results, {(row.result.system.resolution, row.name): row.clips for row in rows}
