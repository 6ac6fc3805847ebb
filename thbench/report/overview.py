"""Tables and plots of the overview: who is best, how surely, on how many clips."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from thbench.charts.plots import IntervalMark, interval_chart
from thbench.report.run_data import ReportData, ReportRow, ReportTable
from thbench.results.document import ScoreRecord
from thbench.tables.build import GIVEN
from thbench.tables.markdown import ARROWS, score_text
from thbench.tables.notes import notes_of


@dataclass(frozen=True)
class TableCell:
    """One number as it is shown. `mark` is "best", "tied" (its interval reaches the best) or empty.

    own  a submission's own number, which nobody else has computed
    """

    text: str
    sort: float | None
    mark: str = ""
    interval: str = ""
    coverage: str = ""
    tip: str = ""
    own: bool = False


@dataclass(frozen=True)
class TableLine:
    index: int
    entrant: ReportRow
    cells: Mapping[str, TableCell]


@dataclass(frozen=True)
class Group:
    """One table and its plots. `columns` are as its entrants describe them."""

    heading: str
    columns: Mapping[str, ScoreRecord]
    systems: Sequence[TableLine]
    controls: Sequence[TableLine]
    plots: Mapping[str, str]
    headline: Sequence[str]
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def more(self) -> list[str]:
        """Columns that are shown on request."""
        return [column for column in self.columns if column not in self.headline]

    @property
    def notes(self) -> list[str]:
        """What metrics say of the values of the rows."""
        lines = [*self.systems, *self.controls]
        shown = [
            (line.entrant.name, {c: {"notes": s.notes} for c, s in line.entrant.scores.items()})
            for line in lines
        ]
        return list(notes_of(shown))

    @property
    def has_own(self) -> bool:
        """Whether a number is a submission's own."""
        return any(cell.own for line in self.systems for cell in line.cells.values())


def table_groups(material: ReportData) -> list[Group]:
    """The tables with their plots; the ground truth leads the controls."""
    return [_group(material, table) for table in material.tables]


def _group(material: ReportData, table: ReportTable) -> Group:
    here = [(i, material.entrants[i]) for i in table.members]
    columns = {
        c: described
        for c in material.columns
        if (described := next((e.scores[c] for _, e in here if c in e.scores), None))
    }
    marks = {c: _marks([(i, e.scores[c]) for i, e in here if _competes(e, c)]) for c in columns}
    lines = [
        TableLine(i, e, {c: _cell(e, c, marks[c].get(i, "")) for c in columns if c in e.scores})
        for i, e in here
    ]
    controls = [line for line in lines if line.entrant.is_control]
    controls.sort(key=lambda line: not line.entrant.is_truth)
    systems = [line for line in lines if not line.entrant.is_control]
    truth, drawn_in = next((e for _, e in here if e.is_truth), None), material.colours
    plots = {c: _plot(c, [*systems, *controls], truth, drawn_in) for c in columns}
    heading = _heading(material, table)
    return Group(heading, columns, systems, controls, plots, material.headline, table.marks)


def _heading(material: ReportData, table: ReportTable) -> str:
    """Resolution and what systems are given; the references, where other tables have other ones."""
    text = f"{table.resolution} × {table.resolution} px{GIVEN[table.given]}"
    alike = [
        t for t in material.tables if (t.resolution, t.given) == (table.resolution, table.given)
    ]
    references = [material.entrants[t.members[0]].result.dataset.references_digest for t in alike]
    if len(set(references)) > 1:
        text += f", references {references[alike.index(table)][:12]}"
    return text


def _competes(entrant: ReportRow, column: str) -> bool:
    """Systems compete for the best number, on complete coverage; with numbers that somebody recomputed."""
    score = entrant.scores.get(column)
    return (
        not entrant.is_control
        and score is not None
        and score.value is not None
        and score.n == score.of
        and column not in entrant.beside.get("self_reported", ())
    )


def _marks(scores: Sequence[tuple[int, ScoreRecord]]) -> dict[int, str]:
    """The best, and those whose interval reaches the best value.

    No mark when fewer than two systems have a value or all values are equal.
    """
    worth = {i: w for i, s in scores if (w := _badness(s)) is not None}
    if len(set(worth.values())) < 2:
        return {}
    best = min(worth.values())
    return {
        i: "best" if worth[i] == best else "tied"
        for i, s in scores
        if i in worth and (worth[i] == best or _reaches(s, best))
    }


def _badness(score: ScoreRecord) -> float | None:
    """Smaller is better: the value, its negative, or its distance from the ground truth's."""
    if score.value is None or score.better == "nearer-reference":
        return score.distance_from_reference
    return score.value if score.better == "lower" else -score.value


def _reaches(score: ScoreRecord, best: float) -> bool:
    """Whether the better end of the interval is as good as the best value."""
    interval = score.interval
    if interval is None or interval.low is None or interval.high is None or score.value is None:
        return False
    if score.better == "nearer-reference":
        distance = score.distance_from_reference
        room = max(score.value - interval.low, interval.high - score.value)
        return distance is not None and distance - room <= best
    return interval.low <= best if score.better == "lower" else -interval.high <= best


def _cell(entrant: ReportRow, column: str, mark: str) -> TableCell:
    score = entrant.scores[column]
    if score.value is None:
        return TableCell("–", None, tip=score.reason or "no value")
    interval, tip = score.interval, [f"{score.value!r} {score.unit}".strip()]
    ends = ""
    if interval and interval.low is not None and interval.high is not None:
        if interval.low < interval.high:
            ends = f"{score_text(interval.low)} … {score_text(interval.high)}"
        tip.append(f"{interval.level:.0%} interval, {interval.method}, {interval.n_actors} actors")
    if interval and interval.note:
        tip.append(interval.note)
    if score.distance_from_reference is not None and score.better == "nearer-reference":
        where = "" if score.reference_over_span is None else " over the same span"
        tip.append(f"{score_text(score.distance_from_reference)} from the ground truth{where}")
    tip += [f"{f.count} clip(s): {f.reason}" for f in score.failures]
    tip += [f"{n} {unit} of this row entered it" for unit, n in score.counts.items()]
    own = column in entrant.beside.get("self_reported", ())
    if own:
        tip.append("self-reported: not recomputed by the leaderboard")
    coverage = f"{score.n}/{score.of} clips" if score.n < score.of else ""
    return TableCell(
        score_text(score.value), score.value, mark, ends, coverage, "\n".join(tip), own
    )


def _plot(
    column: str, lines: Sequence[TableLine], truth: ReportRow | None, drawn_in: Mapping[str, str]
) -> str:
    """Values with intervals, the ground truth as a dashed line."""
    rows = [
        _interval(line.entrant, line.entrant.scores[column], drawn_in[line.entrant.name])
        for line in lines
        if column in line.entrant.scores
    ]
    score = next(s.entrant.scores[column] for s in lines if column in s.entrant.scores)
    of_truth = truth.scores.get(column) if truth else None
    return interval_chart(
        rows,
        title=f"{column} {ARROWS[score.better]}",
        x_label=", ".join(w for w in (score.unit, _WORDS[score.better]) if w),
        width=400,
        level=of_truth.value if of_truth else None,
    )


_WORDS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "nearer-reference": "nearer to the dashed line is better",
}


def _interval(entrant: ReportRow, score: ScoreRecord, colour: str) -> IntervalMark:
    ends = score.interval
    return IntervalMark(
        entrant.name,
        score.value,
        ends.low if ends else None,
        ends.high if ends else None,
        colour,
        "" if score.value is not None else score.reason or "no value",
    )


def identity_text(score: ScoreRecord) -> str:
    return json_text(score.identity)


def json_text(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True, ensure_ascii=False)
