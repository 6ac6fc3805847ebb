"""Training curves of systems whose checkpoint lies in a training folder, read generically from CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from thbench.charts.plots import PALETTE, Series, line_chart
from thbench.errors import UserError
from thbench.files.foreign import csv_rows, read_text
from thbench.report.run_data import ReportData, ReportRow

POINTS = 120
"""A curve is drawn through at most so many points, each the mean of the lines around it."""
AXES = ("step", "epoch")
LOSSES = ("train", "validation")
"""The logs that are looked at first."""


@dataclass(frozen=True)
class Training:
    """Charts of one system's logs, one per column, every log file a line."""

    system: str
    folder: Path
    charts: Sequence[str]
    pictures: Sequence[Path]


def trainings(material: ReportData) -> list[Training]:
    """Systems whose options name a file or folder with *.csv logs that have a `step` column next to it."""
    found = []
    for entrant in material.entrants:
        for folder in dict.fromkeys(_folders(entrant)):
            files = sorted(folder.glob("*.csv"), key=lambda p: (p.stem not in LOSSES, p.stem))
            logs = {p.stem: rows for p in files if (rows := _read(p))}
            if logs:
                pictures = sorted(folder.rglob("*.png"))[-12:]
                found.append(Training(entrant.name, folder, list(_charts(logs)), pictures))
    return found


def _folders(entrant: ReportRow) -> Iterator[Path]:
    for value in entrant.result.system.options_given.values():
        if isinstance(value, str) and 0 < len(value) < 4096 and "\0" not in value:
            path = Path(value).expanduser()
            try:
                if path.exists():
                    yield path if path.is_dir() else path.parent
            except OSError:
                continue


def _read(path: Path) -> list[dict[str, str]]:
    """The whole lines of a log; a last line that a kill cut off is left out."""
    try:
        text = read_text(path)
        head, *lines = csv_rows(text[: text.rfind("\n") + 1], path) or [[]]
    except UserError:
        return []
    rows = [dict(zip(head, line, strict=False)) for line in lines]
    return rows if rows and AXES[0] in rows[0] else []


def _charts(logs: dict[str, list[dict[str, str]]]) -> Iterator[str]:
    columns = dict.fromkeys(c for rows in logs.values() for c in rows[0] if c and c not in AXES)
    colours = dict(zip(logs, cycle(PALETTE), strict=False))
    for column in columns:
        series = [
            s for name, rows in logs.items() if (s := _series(name, rows, column, colours[name])).x
        ]
        if series:
            title = column if len(series) > 1 else f"{column}, {series[0].label}"
            yield line_chart(series, title=title, x_label=AXES[0], width=380, height=240)


def _series(name: str, rows: Sequence[dict[str, str]], column: str, colour: str) -> Series:
    points = [p for row in rows if (p := _point(row, column)) is not None]
    step = max(1, -(-len(points) // POINTS))
    parts = [points[i : i + step] for i in range(0, len(points), step)]
    x = [sum(p[0] for p in g) / len(g) for g in parts]
    y: list[float | None] = [sum(p[1] for p in g) / len(g) for g in parts]
    return Series(name, x, y, colour=colour)


def _point(row: dict[str, str], column: str) -> tuple[float, float] | None:
    try:
        return float(row[AXES[0]]), float(row[column])
    except (KeyError, TypeError, ValueError):
        return None
