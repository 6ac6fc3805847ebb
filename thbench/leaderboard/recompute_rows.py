"""Every number of a row that its clips table, or its own parts, give again."""

from __future__ import annotations

from collections.abc import Iterator

from thbench import controls
from thbench.api import UserError
from thbench.files.canonical import digest
from thbench.leaderboard.store import CommittedRow
from thbench.results.document import IntervalRecord, Reason, ScoreRecord
from thbench.results.scores import LEVEL, clip_values, is_same, row_interval, statistic
from thbench.statistics.intervals import Interval, jackknife_interval


def recomputed(row: CommittedRow) -> Iterator[str]:
    """What does not follow: counts of clips, values, intervals."""
    yield from _clips(row)
    for column, score in row.result.scores.items():
        yield from (f"{column}: {problem}" for problem in _score(row, score))


def _clips(row: CommittedRow) -> Iterator[str]:
    """The counts of clips against the table."""
    record, n = row.result.clips, len(row.clips.actors)
    if is_halves(row):
        return
    apart, failed = _listed(record.without_reference), _listed(record.failures)
    if not all(r.count == len(r.clips) for r in (*record.failures, *record.without_reference)):
        yield "a reason does not count its clips"
    if record.n != n - len(apart) or record.failed != len(failed):
        yield f"{record.n} clips asked for and {record.failed} failed do not follow from the table"
    if record.generated != record.n - record.failed:
        yield "clips asked for, generated and failed do not add up"
    if unlisted := sorted(row.clips.failures.keys() - failed - apart):
        yield f"clip {unlisted[0]} failed and is not counted"


def is_halves(row: CommittedRow) -> bool:
    """The control that has no videos of its own."""
    return row.is_control and row.result.system.name == controls.HALVES


def scored_clips(row: CommittedRow, score: ScoreRecord) -> set[str]:
    """Clips of the table that have a video and no reason why this score lacks them."""
    record = row.result.clips
    absent = _listed(record.failures) | _listed(record.without_reference) | _listed(score.failures)
    return set(row.clips.actors) - absent


def _listed(reasons: tuple[Reason, ...]) -> set[str]:
    return {clip for reason in reasons for clip in reason.clips}


def _score(row: CommittedRow, score: ScoreRecord) -> Iterator[str]:
    if (
        score.identity_digest != digest(score.identity)
        or score.identity.get("name") != score.metric
    ):
        yield "its identity is not what its digest says"
    if score.identity.get("resolution") != row.result.system.resolution:
        yield "its identity is of another resolution than the system"
    low, high = score.range
    if score.value is not None and not (
        (low is None or low <= score.value) and (high is None or score.value <= high)
    ):
        yield f"{score.value!r} is outside its range"
    if score.of != row.result.clips.n or score.n > score.of:
        yield f"covers {score.n} of {score.of} clips, {row.result.clips.n} were asked for"
    if score.value is None or is_halves(row):
        return
    yield from _of_set(score) if score.set_level else _of_rows(row, score)


def _of_rows(row: CommittedRow, score: ScoreRecord) -> Iterator[str]:
    """The value and its interval, recomputed from the clips table."""
    if score.over is None:
        return
    try:
        cells = row.clips.numbers(score.over.column)
    except UserError as error:
        yield error.message
        return
    clips = [c for c in row.clips.actors if c in cells]
    record = row.result.clips
    absent = _listed(record.failures) | _listed(record.without_reference) | _listed(score.failures)
    if (
        score.n != len(clips)
        or set(clips) & absent
        or len(clips) + len(absent) != len(row.clips.actors)
    ):
        yield f"{score.n} clips scored, {len(clips)} in the table, {len(absent)} with a reason"
        return
    values = clip_values(score.over, [cells[c] for c in clips])
    if not clips or not is_same(statistic(score.over, values), score.value or 0.0):
        found = statistic(score.over, values) if clips else None
        yield f"{score.value!r} does not follow from the table, which gives {found!r}"
        return
    found_interval = row_interval(
        score.over, values, [row.clips.actors[c] for c in clips], _bounds(score)
    )
    yield from _limits(score.interval, found_interval)


def _of_set(score: ScoreRecord) -> Iterator[str]:
    """The interval of a set metric, from its values without each actor."""
    if score.interval is None:
        return
    if not score.interval.without:
        if (score.interval.low, score.interval.high) != (None, None):
            yield "its interval follows from nothing"
        return
    left_out = [score.interval.without[a] for a in sorted(score.interval.without)]
    found = jackknife_interval(
        score.value or 0.0, left_out, n_clips=score.n, level=LEVEL, bounds=_bounds(score)
    )
    yield from _limits(score.interval, found)


def _bounds(score: ScoreRecord) -> tuple[float, float]:
    low, high = score.range
    return (float("-inf") if low is None else low, float("inf") if high is None else high)


def _limits(claimed: IntervalRecord | None, found: Interval) -> Iterator[str]:
    if claimed is None:
        yield "has no interval"
        return
    if claimed.level != found.level or claimed.n_actors != found.n_actors:
        yield "its interval is of another level or number of actors"
    for ours, theirs in ((found.low, claimed.low), (found.high, claimed.high)):
        if (ours is None) != (theirs is None) or (
            ours is not None and theirs is not None and not is_same(ours, theirs, 1e-6)
        ):
            yield f"interval {claimed.low}..{claimed.high} does not follow, {found.low}..{found.high} does"
            return
