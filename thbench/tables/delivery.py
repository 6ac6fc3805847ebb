"""Columns in which delivery alone moves a score further than two neighbours of the table are apart.

Read from a stored sensitivity file, and only where it was measured on the same suite, clips, size and
column. A pure function of a table and that file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from thbench.results.document import Result
from thbench.results.sensitivity import Gap, Move, Sensitivity
from thbench.tables.build import Clips, tables
from thbench.tables.markdown import MARK, score_text


@dataclass(frozen=True)
class DeliveryMark:
    """A column whose largest usual delivery effect is larger than the gaps of some neighbours.

    gaps  those that it exceeds, of `of` pairs of neighbours, the smallest first
    """

    column: str
    move: Move
    gaps: Sequence[Gap]
    of: int

    @property
    def text(self) -> str:
        """`psnr: h264-crf28 alone moves mine by -1.2, more than the 0.4 between a and b (1 of 3 pairs)`."""
        least, move = self.gaps[0], self.move.move or 0.0
        return (
            f"{self.column}: {self.move.delivery} alone moves {self.move.source} by "
            f"{'+' if move > 0 else ''}{score_text(move)}, more than the {score_text(least.gap)} between "
            f"{least.better} and {least.worse} ({len(self.gaps)} of {self.of} neighbouring pairs)"
        )


def gaps_of(table: Mapping[str, Any]) -> dict[str, tuple[Gap, ...]]:
    """Column -> pairs of systems that are neighbours in it, the best first, and how far they are apart.

    In columns of nearness to the ground truth the distance from it counts. Systems without a value or
    with incomplete coverage stand beside nobody.
    """
    return {column: tuple(_neighbours(table, column)) for column in table["columns"]}


def _neighbours(table: Mapping[str, Any], column: str) -> Iterator[Gap]:
    better = table["columns"][column]["better"]
    held = []
    for row in table["rows"]:
        score = row["scores"].get(column)
        if row["kind"] != "system" or score is None or score["n"] < score["of"]:
            continue
        near = better == "nearer-reference"
        value = score["distance_from_reference"] if near else score["value"]
        if value is not None:
            held.append((-value if better == "higher" else value, row["system"]))
    held.sort()
    for (a, first), (b, second) in pairwise(held):
        yield Gap(better=first, worse=second, gap=b - a)


def delivery_marks(
    found: Sensitivity | None, table: Mapping[str, Any], results: Sequence[Result]
) -> dict[str, DeliveryMark]:
    """Marks by column; none where the file was measured on something else.

    Only deliveries that are `usual` count, and only what they do to a system: on the references
    themselves every likeness is perfect before, and falls as it does for no system.
    """
    if found is None or not _is_about(found, table, results):
        return {}
    marks = {}
    for column, gaps in gaps_of(table).items():
        known = found.columns.get(column)
        if known is None or known.identity_digest != table["columns"][column]["identity_digest"]:
            continue
        move = _largest(found, column)
        if move is None:
            continue
        exceeded = sorted((g for g in gaps if g.gap < abs(move.move or 0.0)), key=lambda g: g.gap)
        if exceeded:
            marks[column] = DeliveryMark(column, move, exceeded, len(gaps))
    return marks


def _is_about(found: Sensitivity, table: Mapping[str, Any], results: Sequence[Result]) -> bool:
    here = [r for r in results if r.system.resolution == table["resolution"]]
    return found.resolution == table["resolution"] and all(
        (found.suite_digest, found.split_digest, found.references_digest)
        == (r.suite.digest, r.split.digest, r.dataset.references_digest)
        for r in here
    )


def _largest(found: Sensitivity, column: str) -> Move | None:
    """What the usual deliveries of a system do at most."""
    moves = [
        m
        for m in found.moves
        if m.column == column
        and m.move is not None
        and found.deliveries[m.delivery].usual
        and found.sources[m.source].kind == "system"
    ]
    return max(moves, key=lambda m: abs(m.move or 0.0), default=None)


def delivery_notes(
    found: Sensitivity | None, table: Mapping[str, Any], results: Sequence[Result]
) -> dict[str, str]:
    """Marks by column, in words."""
    return {column: mark.text for column, mark in delivery_marks(found, table, results).items()}


def delivery_lines(
    found: Sensitivity | None, results: Sequence[Result], clips: Clips | None
) -> list[str]:
    """Every mark of the tables of some results, a line each, for the screen."""
    if found is None:
        return []
    notes = [delivery_notes(found, table, results) for table in tables(results, clips)]
    return [f"{MARK} {text}" for of_table in notes for text in of_table.values()]
