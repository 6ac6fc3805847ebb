"""Published rows on the scale of a measured ground truth: in every cell a number, or why there is none.

thbench/published/normalise.py has the rule, x * GT_here / GT_there, and where it means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from thbench.published.normalise import (
    Normalised,
    Quantity,
    Refused,
    distance_from_reference,
    normalise,
)
from thbench.published.rows import Published, PublishedRow
from thbench.results.document import Result
from thbench.tables.markdown import ARROWS, escape_cell, score_text

RULE = """\
x · GT here / GT there, the rule of *Comparing Vision Generative Models on Talking-Head Synthesis*, with the limits that
rounding in print leaves. Where that means nothing, the cell says why. |x − GT| is the distance from the source's own
ground truth at the same resolution. These numbers have no rank."""


def on_scale_of(truth: Result, published: Published) -> dict[str, Any]:
    """Every published row of a system next to `truth`, the measured ground truth, as plain data."""
    rows = [row for row in published.rows if row.role == "system"]
    return {
        "suite": truth.suite.name,
        "resolution": truth.system.resolution,
        "metrics": {
            name: {"title": m.title, "better": m.better}
            for name, m in published.metrics.items()
            if any(name in row.values for row in rows)
        },
        "rows": [
            {
                "system": row.system,
                "settings": dict(row.settings),
                "source": row.source,
                "resolution": row.resolution,
                "cells": {metric: _cell(published, row, metric, truth) for metric in row.values},
            }
            for row in rows
        ],
    }


def _cell(published: Published, row: PublishedRow, metric: str, truth: Result) -> dict[str, Any]:
    """One number with its limits, inputs and flags, or the reason for there being none; and |x - GT|."""
    x, there = published.quantity(row, metric), published.ground_truth(row, metric)
    found: Normalised | Refused = Refused(f"{row.source} has scaled it already")
    if not row.normalised:
        found = normalise(x, there, measured(truth, metric), published.metrics[metric].scale)
    beside = there is not None and there.resolution == x.resolution and there.unit == x.unit
    distance = distance_from_reference(x.value, there.value) if beside and there else None
    if isinstance(found, Refused):
        return {"refused": found.reason, "distance": distance}
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "distance": distance,
        "flags": list(found.flags),
        "inputs": dict(zip(("x", "there", "here"), map(asdict, found.inputs), strict=True)),
    }


def measured(truth: Result, metric: str) -> Quantity | None:
    """What this suite measured of the ground truth in the column of that name."""
    score = truth.scores.get(metric)
    if score is None or score.value is None:
        return None
    return Quantity(
        score.value,
        score.unit,
        f"suite {truth.suite.name}",
        truth.system.resolution,
        score.identity_digest[:12],
    )


def scaled(data: Mapping[str, Any]) -> list[str]:
    """`on_scale_of` as Markdown: a table per source, with footnotes."""
    size = data["resolution"]
    lines = [f"**On the scale of {escape_cell(data['suite'])}, {size} × {size} px**: {RULE}", ""]
    notes: list[str] = []
    for source in dict.fromkeys(row["source"] for row in data["rows"]):
        rows = [row for row in data["rows"] if row["source"] == source]
        lines += [*_table(source, rows, data["metrics"], notes), ""]
    return [*lines, *(f"{i}. {escape_cell(note)}" for i, note in enumerate(notes, 1)), ""]


def _table(
    source: str,
    rows: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, Mapping[str, str]],
    notes: list[str],
) -> Iterator[str]:
    columns = [m for m in metrics if any(m in row["cells"] for row in rows)]
    heads = [f"{escape_cell(metrics[m]['title'])} {ARROWS[metrics[m]['better']]}" for m in columns]
    yield "| " + " | ".join([f"{escape_cell(source)}: system", "px", *heads]) + " |"
    yield "|" + " --- |" * (len(heads) + 2)
    for row in rows:
        settings = "".join(f", {k} {v}" for k, v in row["settings"].items())
        cells = [escape_cell(row["system"] + settings), str(row["resolution"] or "?")]
        cells += [_said(row["cells"].get(m), notes) for m in columns]
        yield "| " + " | ".join(cells) + " |"


def _said(cell: Mapping[str, Any] | None, notes: list[str]) -> str:
    if cell is None:
        return ""
    near = "" if cell["distance"] is None else f"; |x − GT| = {score_text(cell['distance'])}"
    near = near.replace("|", "\\|")
    if "refused" in cell:
        return f"– {escape_cell(cell['refused'])}{near}"
    notes += [flag for flag in cell["flags"] if flag not in notes]
    marks = "".join(f" ({notes.index(flag) + 1})" for flag in cell["flags"])
    return f"{score_text(cell['value'])} [{score_text(cell['low'])}, {score_text(cell['high'])}]{marks}{near}"
