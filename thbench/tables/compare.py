"""`thbench compare`: two systems of finished runs, column by column, on the same clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from thbench import controls
from thbench.api import UserError
from thbench.results.finished import finished_rows, run_folder_of
from thbench.results.row import Row, clips_file, read_row
from thbench.statistics.paired import actors_notes
from thbench.statistics.permutation import holm
from thbench.tables.difference import Difference, difference
from thbench.tables.markdown import ARROWS, score_text


@dataclass(frozen=True)
class Rivals:
    """Two rows to be compared; `truth` are the references scored in the same run, if they were."""

    a: Row
    b: Row
    truth: Row | None


def rivals(a: Path, b: Path) -> list[Rivals]:
    """What two paths mean: rows of that name in both runs, or simply the two rows.

    A path is a run folder, a folder of a system in a run, or a result document. Raises UserError
    where nothing can be compared, and for runs of other suites or splits.
    """
    ours, theirs = _rows(a), _rows(b)
    if len(ours) == 1 and len(theirs) == 1:
        pairs = [(ours[0], theirs[0])]
    else:
        named = {_key(e): e for e in theirs}
        pairs = [(e, named[_key(e)]) for e in ours if _key(e) in named]
    if not pairs:
        raise UserError(
            f"{a} and {b} have no system of one name and resolution",
            "name two systems: RUN/systems/NAME",
        )
    truth = _truths(a)
    return [Rivals(x, y, truth.get(x.result.system.resolution)) for x, y in pairs if _fits(x, y)]


def _rows(path: Path) -> list[Row]:
    """The systems of a run, or the one row of a folder or document, whatever it is."""
    rows = finished_rows(path)
    if len(rows) == 1:
        return rows
    systems = [row for row in rows if row.result.system.kind == "system"]
    if not systems:
        raise UserError(f"{path} holds no system's result", "a finished run, or RUN/systems/NAME")
    return systems


def _key(row: Row) -> tuple[str, int]:
    return row.name, row.result.system.resolution


def _fits(a: Row, b: Row) -> bool:
    """Raises UserError for rows that were not measured on the same clips and size."""
    for what, x, y in (
        ("split", a.result.split.digest, b.result.split.digest),
        ("dataset", a.result.dataset.plugin.name, b.result.dataset.plugin.name),
        ("resolution", str(a.result.system.resolution), str(b.result.system.resolution)),
        ("references", a.result.dataset.references_digest, b.result.dataset.references_digest),
    ):
        if x != y:
            raise UserError(
                f"{a.name} and {b.name} are of another {what}: {x[:12]} and {y[:12]}",
                "only rows on the same clips can be compared",
            )
    return True


def _truths(path: Path) -> dict[int, Row]:
    """The ground truth rows of the run or the leaderboard that a path lies in, by resolution."""
    run = run_folder_of(path)
    if run is not None:
        files = sorted(run.glob(f"controls/*/{controls.GROUND_TRUTH}/result.json"))
    else:
        committed = sorted(path.parent.parent.glob(f"{controls.GROUND_TRUTH}@*/*.json"))
        files = [file for file in committed if clips_file(file).is_file()]
    found = [read_row(file) for file in files]
    return {row.result.system.resolution: row for row in found}


def lines(pair: Rivals) -> Iterator[str]:
    """The comparison in words, one line per column."""
    a, b = pair.a, pair.b
    shared = a.clips.actors.keys() & b.clips.actors.keys()
    yield f"{a.name} minus {b.name}, {a.result.system.resolution} px, {len(shared)} clips"
    if a.result.system.given != b.result.system.given:
        yield "  of these only one edits the recording itself: no table ranks them together"
    actors = {a.clips.actors[clip] for clip in shared}
    for note in actors_notes(len(actors), a.result.dataset.actors_unknown):
        yield f"  {note}"
    differences = {c: difference(c, a, b, pair.truth) for c in a.result.scores}
    tests = {c: d.test.p_value for c, d in differences.items() if d.test}
    adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
    for column, found in differences.items():
        x, y = a.result.scores[column], b.result.scores.get(column)
        if x.value is None or y is None or y.value is None:
            yield f"  {column}: {found.note}"
            continue
        head = f"  {column} {ARROWS[x.better]}: {score_text(x.value)} and {score_text(y.value)}"
        yield head + _said(found, a.name, b.name, x.better)
    if len(tests) > 1:
        least = min(adjusted.items(), key=lambda item: item[1])
        yield (
            f"  {len(tests)} tests at once: after Holm's correction the smallest p is "
            f"{score_text(least[1])} ({least[0]})"
        )


def _said(found: Difference, a: str, b: str, better: str) -> str:
    if found.interval is None:
        return f"; not compared: {found.note}"
    interval, what = found.interval, "" if found.by == "value" else " in distance from ground truth"
    text = f"; difference{what} {score_text(interval.estimate)}"
    if interval.low is None or interval.high is None:
        return f"{text}, no interval: {interval.note}; tied"
    text += f" [{score_text(interval.low)}, {score_text(interval.high)}]"
    if found.test:
        text += f", p = {score_text(found.test.p_value)}"
    if found.tied:
        return f"{text}: tied"
    a_wins = (interval.estimate > 0) == (better == "higher")
    return f"{text}: {a if a_wins else b} is better"


def as_json(pair: Rivals) -> dict[str, object]:
    """The comparison as plain data, exact values."""
    found = [difference(c, pair.a, pair.b, pair.truth) for c in pair.a.result.scores]
    return {
        "a": pair.a.name,
        "b": pair.b.name,
        "resolution": pair.a.result.system.resolution,
        "columns": {d.column: _plain(d) for d in found},
    }


def _plain(found: Difference) -> dict[str, object]:
    interval, test = found.interval, found.test
    return {
        "by": found.by,
        "difference": interval.estimate if interval else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "p_value": test.p_value if test else None,
        "smallest_p": test.smallest if test else None,
        "n_actors": interval.n_actors if interval else None,
        "tied": found.tied,
        "note": found.note or (interval.note if interval else ""),
    }
