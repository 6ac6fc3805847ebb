"""Rows of a source and of its deliveries -> moves with intervals."""

from __future__ import annotations

from collections.abc import Iterator

from thbench.results.document import ScoreRecord
from thbench.results.row import Row
from thbench.results.sensitivity import Move
from thbench.tables.difference import movement


def moves_of(source: str, delivery: str, after: Row, before: Row) -> Iterator[Move]:
    """Every column of a delivery against the lossless one of the same source."""
    for column, score in after.result.scores.items():
        then = before.result.scores.get(column)
        found = movement(column, after, before)
        value = then.value if then else None
        move, low, high, note = None, None, None, found.note
        if found.interval is not None:
            move = found.interval.estimate
            low, high, note = found.interval.low, found.interval.high, found.interval.note
        elif _is_whole_set(score) and value is not None and score.value is not None:
            move = score.value - value
        yield Move(
            source=source,
            delivery=delivery,
            column=column,
            before=value,
            after=score.value,
            move=move,
            low=low,
            high=high,
            n=_shared(column, after, before),
            of=score.of,
            note=note,
        )


def _is_whole_set(score: ScoreRecord) -> bool:
    return score.set_level and score.n == score.of


def _shared(column: str, after: Row, before: Row) -> int:
    """Clips that entered both values."""
    score = after.result.scores[column]
    then = before.result.scores.get(column)
    if score.over is None or then is None:
        return min(score.n, then.n if then else 0)
    name = score.over.column
    cells = [row.clips.cells.get(name, {}) for row in (after, before)]
    return len(cells[0].keys() & cells[1].keys())


def differing(ours: Row, theirs: Row) -> list[str]:
    """Columns of equal identity in which two rows of the same videos have unlike values."""
    return [
        column
        for column, score in ours.result.scores.items()
        if (other := theirs.result.scores.get(column)) is not None
        and other.identity_digest == score.identity_digest
        and other.value != score.value
    ]
