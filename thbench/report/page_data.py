"""Rows per clip, breakdowns by label and pairs of systems, as data for the page."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from thbench.api import Clip
from thbench.files.canonical import file_name
from thbench.report.data_files import short, shorts
from thbench.report.run_data import ReportData, ReportRow
from thbench.statistics.intervals import mean_interval
from thbench.statistics.paired import paired_difference

MOST_GROUPS = 24
"""A label with more values than this is shown in groups where it is a number, and not at all otherwise."""
REPLICATES = 999
"""Bootstrap samples of breakdowns: many small groups, read by eye."""


def core(material: ReportData, playing: Collection[str] = ()) -> dict[str, Any]:
    """What every view needs: entrants, columns, clips with their labels and players; no rows."""
    return {
        "playing": [i for i, c in enumerate(material.clips) if c.id in playing],
        "entrants": [
            {
                "name": e.name,
                "kind": e.result.system.kind,
                "truth": e.is_truth,
                "size": e.resolution,
                "colour": material.colours[e.name],
                "scores": {c: short(s.value) for c, s in e.scores.items()},
            }
            for e in material.entrants
        ],
        "first": _telling(material),
        "columns": [_column(material, name) for name in material.row_columns],
        "clips": _clips(material.clips),
    }


def _telling(material: ReportData) -> str | None:
    """The column to begin with: the first whose numbers differ between a system and the ground truth."""
    for name in material.row_columns:
        for entrant in material.entrants:
            truth = material.truth(entrant.resolution)
            beside = truth.values.get(name) if truth else None
            values = entrant.values.get(name)
            telling = values is not None and list(values) != list(beside or ())
            if name in material.columns and not entrant.is_control and telling:
                return name
    return next(iter(material.row_columns), None)


def _column(material: ReportData, name: str) -> dict[str, Any]:
    score = material.columns.get(name)
    near = next((c for c in material.columns if name in material.rows_of(c)), None)
    return {
        "name": name,
        "better": score.better if score else None,
        "unit": score.unit if score else "",
        "card": name if score else near,
    }


def _clips(clips: Sequence[Clip]) -> dict[str, Any]:
    """Columnar and coded: 820 clips must stay small."""
    names = list(dict.fromkeys(label for clip in clips for label in clip.labels))
    files = {i: f for i, c in enumerate(clips) if (f := file_name(c.id)) != c.id}
    return {
        "ids": [c.id for c in clips],
        "files": files,
        "labels": {
            "actor": _coded([c.actor for c in clips]),
            **{n: _coded([c.labels.get(n, "") for c in clips]) for n in names if n != "actor"},
        },
    }


def _coded(values: Sequence[str]) -> dict[str, Any]:
    known = sorted(set(values), key=_natural)
    place = {v: i for i, v in enumerate(known)}
    return {"values": known, "codes": [place[v] for v in values]}


def _natural(text: str) -> tuple[bool, float, str]:
    """Numbers by size, then words."""
    value = _as_number(text)
    return (value is None, value or 0.0, text)


def _as_number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def rows(material: ReportData, entrant: ReportRow) -> dict[str, Any]:
    """One entrant's numbers per clip, and the reasons for those that are missing."""
    place = {c.id: i for i, c in enumerate(material.clips)}
    return {
        "values": {name: shorts(v) for name, v in entrant.values.items()},
        "reasons": {place[clip]: why for clip, why in entrant.reasons.items() if clip in place},
    }


# -- breakdowns -----------------------------------------------------------------------------------


def clip_groups(clips: Sequence[Clip]) -> dict[str, dict[str, list[int]]]:
    """Label -> value -> indices of clips. Numbers of many values (ages) fall into decades."""
    names = list(dict.fromkeys(label for clip in clips for label in clip.labels))
    found = {}
    for name in names:
        values = [clip.labels.get(name, "") for clip in clips]
        if len(set(values)) > min(MOST_GROUPS, len(clips) / 2):
            values = _decades(values)
        if 1 < len(set(values)) <= min(MOST_GROUPS, len(clips) - 1):
            found[name] = _grouped(values)
    actors = _grouped([clip.actor for clip in clips])
    return {**found, "actor": actors} if len(actors) > 1 else found


def _decades(values: Sequence[str]) -> list[str]:
    numbers = [_as_number(v) for v in values]
    return [
        v if n is None else f"{10 * math.floor(n / 10)}–{10 * math.floor(n / 10) + 9}"
        for v, n in zip(values, numbers, strict=True)
    ]


def _grouped(values: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, value in enumerate(values):
        found.setdefault(value, []).append(i)
    return dict(sorted(found.items(), key=lambda item: _natural(item[0].partition("–")[0])))


def breakdowns(material: ReportData) -> dict[str, Any]:
    """label -> values, clips per value, and per entrant and column [mean, low, high, n] per value."""
    return {
        name: {
            "values": list(members),
            "clips": [len(m) for m in members.values()],
            "cells": {
                str(i): {
                    column: [
                        _mean(material.clips, values, m, _range_of(e, column))
                        for m in members.values()
                    ]
                    for column, values in e.values.items()
                }
                for i, e in enumerate(material.entrants)
                if e.values
            },
        }
        for name, members in clip_groups(material.clips).items()
    }


def _mean(
    clips: Sequence[Clip],
    values: Sequence[float | None],
    members: Sequence[int],
    bounds: tuple[float, float],
) -> list[float | int | None]:
    held = [(v, clips[i].actor) for i in members if (v := values[i]) is not None]
    if not held:
        return [None, None, None, 0]
    found = mean_interval(
        [v for v, _ in held], [a for _, a in held], replicates=REPLICATES, bounds=bounds
    )
    return [short(found.estimate), short(found.low), short(found.high), len(held)]


def _range_of(entrant: ReportRow, column: str) -> tuple[float, float]:
    """What a value of the column can be; a row of clips that is no score says nothing about that."""
    score = entrant.scores.get(column)
    low, high = score.range if score else (None, None)
    return (-math.inf if low is None else low, math.inf if high is None else high)


# -- pairs ----------------------------------------------------------------------------------------


def pairs(material: ReportData) -> list[dict[str, Any]]:
    """Mean difference, its interval and the permutation test, for every pair of systems and column."""
    return [
        {"a": i, "b": j, "columns": dict(_compared(material, a, b))}
        for size in material.resolutions
        for (i, a), (j, b) in combinations(_compared_entrants(material, size), 2)
    ]


def _compared_entrants(material: ReportData, size: int) -> list[tuple[int, ReportRow]]:
    """Systems and the ground truth: nothing is learnt from tests among controls."""
    return [(i, e) for i, e in material.at(size) if e.values and (not e.is_control or e.is_truth)]


def _compared(
    material: ReportData, a: ReportRow, b: ReportRow
) -> Iterator[tuple[str, dict[str, Any]]]:
    actors = {c.id: c.actor for c in material.clips}
    for column in material.row_columns:
        one, two = (_by_clip(material, e.values.get(column, ())) for e in (a, b))
        if not one.keys() & two.keys():
            continue
        found = paired_difference(one, two, actors, bounds=_range_of(a, column))
        yield (
            column,
            {
                "difference": short(found.difference.estimate),
                "low": short(found.difference.low),
                "high": short(found.difference.high),
                "p": short(found.test.p_value, 3) if found.test else None,
                "smallest_p": short(found.test.smallest, 3) if found.test else None,
                "n": found.difference.n_clips,
                "actors": found.difference.n_actors,
                "note": found.difference.note,
            },
        )


def _by_clip(material: ReportData, values: Sequence[float | None]) -> Mapping[str, float]:
    return {c.id: v for c, v in zip(material.clips, values, strict=False) if v is not None}
