"""Curves of a training folder as SVG: a pure function of `training.json` and the CSV logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.charts.plots import Series, line_chart
from thbench.files.atomic import atomic_write
from thbench.files.foreign import json_or
from thbench.training.logs import read_log

POINTS = 60
"""A curve is drawn through at most so many points, each the mean of the lines around it."""

Rows = Sequence[Mapping[str, str]]


def write_plots(run: Path, out: Path) -> list[Path]:
    """Write `NAME.svg` for every figure the generator declared. Raises UserError without logs."""
    described = _described(run)
    train, validation = read_log(run / "train.csv"), read_log(run / "validation.csv")
    if not train:
        raise UserError(f"{run} holds no log yet", "wait for the first lines of train.csv")
    written = []
    for figure in described["figures"]:
        path = out / f"{figure['name']}.svg"
        atomic_write(path, _drawn(figure, train, validation) + "\n")
        written.append(path)
    return written


def validation_table(run: Path, epochs: Sequence[float] | None) -> str:
    """Validation values as Markdown: one line per value, one column per epoch (the validation nearest to
    it); without `epochs` the first, the middle and the last one. Raises UserError without validations.
    """
    figures, rows = _described(run)["figures"], read_log(run / "validation.csv")
    if not rows:
        raise UserError(
            f"{run} holds no validation yet", "wait for the first line of validation.csv"
        )
    if epochs is None:
        chosen = [rows[i] for i in sorted({0, len(rows) // 2, len(rows) - 1})]
    else:
        chosen = [min(rows, key=lambda r: abs(float(r["epoch"]) - e)) for e in epochs]
    lines = [["validation", *(f"epoch {float(r['epoch']):.4g}" for r in chosen)]]
    lines.append(["---", *("---:" for _ in chosen)])
    for figure in figures:
        for column in figure["validation"]:
            lines.append([column, *(f"{float(r[column]):.4g}" for r in chosen)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _described(run: Path) -> dict[str, Any]:
    described = json_or(run / "training.json", None)
    if not isinstance(described, dict):
        raise UserError(f"{run} is no training folder", "give what `thbench train --out` was given")
    return described


def _drawn(figure: Mapping[str, Any], train: Rows, validation: Rows) -> str:
    series = [
        curve(label, rows, column)
        for rows, columns in ((train, figure["train"]), (validation, figure["validation"]))
        for column, label in columns.items()
    ]
    return line_chart(
        [s for s in series if s.x],
        title=str(figure["title"]),
        x_label="epoch",
        y_label=str(figure["y_label"]),
        width=520,
        height=320,
        background="white",
    )


def curve(label: str, rows: Rows, column: str) -> Series:
    """One column over epochs, thinned by means of neighbouring lines."""
    points = [(float(r["epoch"]), float(r[column])) for r in rows if r.get(column)]
    step = max(1, -(-len(points) // POINTS))
    groups = [points[i : i + step] for i in range(0, len(points), step)]
    x = [sum(p[0] for p in g) / len(g) for g in groups]
    y: list[float | None] = [sum(p[1] for p in g) / len(g) for g in groups]
    return Series(label, x, y)
