"""What tables and pages assume of a row: checked whenever one is read, by `build` and `verify` alike."""

from __future__ import annotations

from collections.abc import Iterator

from thbench.controls import CONTROLS
from thbench.results.clips import ClipsTable
from thbench.results.document import Result

LARGEST_NUMBER = 1e15
"""Of any metric: larger ones are nonsense, and would fill a page with digits."""
LARGEST_SIZE = 16_384
_LONGEST_NAME = 200


def unfit(result: Result, clips: ClipsTable) -> Iterator[str]:
    """Everything that keeps a row out of a table; none of it is a question of honesty."""
    yield from _system(result)
    yield from _counts(result)
    for column, score in result.scores.items():
        if len(column) > _LONGEST_NAME:
            yield f"the name of column {column[:40]!r}... has over {_LONGEST_NAME} characters"
        interval = score.interval
        numbers = [score.value, score.distance_from_reference, score.reference_over_span]
        numbers += score.range
        if interval is not None:
            numbers += [interval.low, interval.high, *interval.without.values()]
        if any(n is not None and abs(n) > LARGEST_NUMBER for n in numbers):
            yield f"{column}: a number is beyond {LARGEST_NUMBER:g}"
        if (
            score.over is not None
            and score.value is not None
            and score.over.column not in clips.cells
        ):
            yield f"{column}: follows from column {score.over.column!r}, which its table lacks"
    primary = result.suite.primary
    if result.ranked and (primary is None or primary not in result.scores):
        yield "is ranked without the suite's primary score"


def _system(result: Result) -> Iterator[str]:
    system = result.system
    if system.kind == "control" and system.name not in CONTROLS:
        yield f"there is no control {system.name!r}"
    if system.kind == "system" and system.name.casefold() in CONTROLS:
        yield f"{system.name!r} is the name of a control"
    if not 1 <= system.resolution <= LARGEST_SIZE:
        yield f"{system.resolution} is no resolution"


def _counts(result: Result) -> Iterator[str]:
    clips = result.clips
    counts = [clips.n, clips.generated, clips.failed, clips.trimmed]
    counts += [n for s in result.scores.values() for n in (s.n, s.of)]
    counts += [result.split.n_clips, result.split.n_actors]
    if min(counts) < 0 or max(counts) > 10**9:
        yield "a count is negative or beyond all reason"
