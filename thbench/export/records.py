"""Scores and clips of a run as flat records: the rows of CSV, Parquet and JSON exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thbench.export.selection import Selection
from thbench.results.row import Row


def score_records(chosen: Selection) -> list[dict[str, Any]]:
    """One record per system and score, exact values; None where there is no value, with the reason."""
    return [record for table in chosen.tables for record in _of_table(table)]


def _of_table(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in table["rows"]:
        for name, column in table["columns"].items():
            score = row["scores"].get(name)
            if score is not None:
                interval = score["interval"] or {}
                yield {
                    "resolution": table["resolution"],
                    "given": table["given"],
                    "place": row["place"],
                    "system": row["system"],
                    "kind": row["kind"],
                    "score": name,
                    "value": score["value"],
                    "low": interval.get("low"),
                    "high": interval.get("high"),
                    "n": score["n"],
                    "of": score["of"],
                    "counts": "; ".join(f"{n} {u}" for u, n in score["counts"].items()) or None,
                    "distance_from_reference": score["distance_from_reference"],
                    "unit": column["unit"],
                    "better": column["better"],
                    "identity": column["identity_digest"],
                    "reason": score["reason"],
                }


def clip_records(chosen: Selection) -> list[dict[str, Any]]:
    """One record per system and clip: every number of clips.csv, and why something is missing."""
    return [record for row in chosen.shown for record in _of_clips(row)]


def _of_clips(row: Row) -> Iterator[dict[str, Any]]:
    system, reasons = row.result.system, row.clips.reasons()
    numbers = {name: row.clips.numbers(name) for name in row.clips.number_columns}
    for clip, actor in row.clips.actors.items():
        yield {
            "resolution": system.resolution,
            "system": system.name,
            "kind": system.kind,
            "clip": clip,
            "actor": actor,
            **{name: values.get(clip) for name, values in numbers.items()},
            "reason": reasons.get(clip),
        }


def identities(chosen: Selection) -> dict[str, dict[str, Any]]:
    """What each column is: RESOLUTION/COLUMN -> unit, direction, identity and its digest."""
    keep = ("unit", "better", "identity_digest", "identity")
    return {
        f"{table['resolution']}/{name}": {key: column[key] for key in keep}
        for table in chosen.tables
        for name, column in table["columns"].items()
    }
