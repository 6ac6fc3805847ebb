"""Set metrics of a row, computed again from its feature archive and from the pinned ground truth's.

The videos of the control `ground-truth` are the references, so its archive is the other side of every
set: what a submitter hands in is compared with features that the maintainers pinned. It shows that the
values follow from the features; that these are the videos' features, only the videos show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from thbench import controls
from thbench.api import LeaveOneOut, Metric, Observed, UserError
from thbench.environment import Settings
from thbench.files.canonical import digest
from thbench.leaderboard.archive import LARGEST, Archive, Arrays, open_archive
from thbench.leaderboard.checks import NEARLY_ZERO, within
from thbench.leaderboard.copies import NEAR_OF, copied_features
from thbench.leaderboard.fetch import kept_archive
from thbench.leaderboard.ground import Ground
from thbench.leaderboard.recompute_rows import scored_clips
from thbench.leaderboard.run_archive import observed_sets
from thbench.leaderboard.store import LARGEST_BESIDE, CommittedRow, features_file
from thbench.results import scores as intervals
from thbench.results.document import ScoreRecord
from thbench.results.scores import Without
from thbench.score.columns import column_identity
from thbench.score.reduce import (
    ObservedSets,
    ReducedScore,
    cells_of,
    left_out,
    reduce_once,
    values_of,
)
from thbench.suite import MetricPart

TOLERANCE = 0.001
"""Share by which a value may differ: the references were observed on another machine."""


class NotComputed(Exception):
    """Why set metrics could not be computed here, though nothing is wrong with the row."""


@dataclass(frozen=True)
class Side:
    """A row with its open archive."""

    row: CommittedRow
    archive: Archive


def sets_again(row: CommittedRow, ground: Ground, fetch: bool, settings: Settings) -> list[str]:
    """What does not follow when every set metric of a row is computed again, an empty list if all does.

    fetch  download archives that lie at an address

    Raises NotComputed, and UserError for archives that are none or not those that the results name.
    """
    truth = ground.pins.get(controls.GROUND_TRUTH)
    found: list[str] = []
    with ExitStack() as stack, threadpoolctl.threadpool_limits(1):
        sides = [stack.enter_context(_opened(row, fetch))]
        if truth is None:
            raise NotComputed("no ground truth is pinned")
        if controls.GROUND_TRUTH in ground.elsewhere(row):
            raise NotComputed("the pinned ground truth has other references")
        sides.append(stack.enter_context(_opened(truth, fetch)))
        for part, columns in _parts(row, ground):
            metric = _metric(part, columns, row, settings)
            sets = ObservedSets(*(_seen(side, part, metric, ground) for side in sides))
            found += _differences(metric, columns, sets)
            if not row.is_control:
                near = NEAR_OF[row.result.system.given]
                found += copied_features(sets.generated, sets.reference, near)
    return found


def _parts(row: CommittedRow, ground: Ground) -> list[tuple[MetricPart, dict[str, ScoreRecord]]]:
    """Every metric of the suite with scores of sets, and these."""
    parts = [(part, found) for part in ground.suite.metrics if (found := set_columns(part, row))]
    known = {column for _, columns in parts for column in columns}
    for column, score in row.result.scores.items():
        if score.set_level and column not in known:
            raise NotComputed(f"{column} is of no metric of the suite")
    return parts


@contextmanager
def _opened(row: CommittedRow, fetch: bool) -> Iterator[Side]:
    name, features = row.result.system.name, row.features
    if features is None:
        raise NotComputed(f"{name} has no feature archive")
    if features.url is None:
        path, largest = features_file(row.path), LARGEST_BESIDE
    elif (kept := kept_archive(features, fetch)) is not None:
        path, largest = kept, LARGEST
    else:
        raise NotComputed(f"the feature archive of {name} is elsewhere: --fetch-features")
    with open_archive(path, features.sha256, largest) as archive:
        yield Side(row, archive)


def unlike(row: CommittedRow, again: Path) -> list[str]:
    """Clips scored again (of the result file `again`) that show other features than the row's archive has.

    Says nothing where no archive is at hand. Raises UserError for one that is damaged.
    """
    try:
        with _opened(row, fetch=False) as side:
            return [
                f"clip {clip}: its video has other features than the archive ({metric})"
                for metric, clip, arrays in observed_sets(again)
                if not _alike(arrays, side.archive.clips(metric).get(clip, {}))
            ]
    except NotComputed:
        return []


def _alike(ours: Arrays, theirs: Arrays) -> bool:
    """Equal but for what another machine may do to them."""
    return ours.keys() == theirs.keys() and all(_near(a, theirs[name]) for name, a in ours.items())


def _near(a: NDArray[Any], b: NDArray[Any]) -> bool:
    if a.shape != b.shape:
        return False
    most = TOLERANCE * float(np.abs(a).max(initial=0.0)) + NEARLY_ZERO
    return bool(np.allclose(a, b, rtol=0.0, atol=most))


def set_columns(part: MetricPart, row: CommittedRow) -> dict[str, ScoreRecord]:
    """Column -> score of sets that this metric of the suite gave the row."""
    return {
        column: score
        for column, score in sorted(row.result.scores.items())
        if score.set_level
        and score.metric == part.plugin.name
        and column == part.column(score.score)
    }


def _metric(
    part: MetricPart, columns: Mapping[str, ScoreRecord], row: CommittedRow, settings: Settings
) -> Metric:
    """The installed metric, if it is the one of these columns and ready on this machine."""
    identity = digest(column_identity(part, row.result.system.resolution))
    for column, score in columns.items():
        if score.identity_digest != identity:
            raise NotComputed(f"{column} has another identity here")
    try:
        metric: Metric = part.build(settings)
    except UserError as error:
        raise NotComputed(str(error)) from None
    return metric


def _seen(side: Side, part: MetricPart, metric: Metric, ground: Ground) -> list[Observed]:
    """What a metric saw in every scored clip, in the split's order: arrays of the archive, rows of the table.

    Raises UserError where the archive holds other clips than were scored.
    """
    row, name = side.row, part.column(part.plugin.name)
    arrays = side.archive.clips(name)
    scored = scored_clips(row, next(iter(set_columns(part, row).values())))
    if odd := sorted(arrays.keys() ^ scored):
        what = "was not scored" if odd[0] in arrays else "is missing"
        raise UserError(
            f"feature archive of {row.result.system.name}: {name}: clip {odd[0]} {what}",
            "write it from the run that wrote the row",
        )
    rows = _rows(row, part, metric)
    return [
        Observed(c, {n: of[c.id] for n, of in rows.items() if c.id in of}, arrays[c.id])
        for c in ground.split.clips
        if c.id in scored
    ]


def _rows(row: CommittedRow, part: MetricPart, metric: Metric) -> dict[str, dict[str, float]]:
    """CommittedRow of the metric -> clip -> value, from the clips table."""
    own = f"{part.plugin.name}."
    found = {}
    for column in row.clips.cells:
        name = column.removesuffix(f"@{part.label}") if part.label else column
        if part.column(name) != column or name == f"{own}failure":
            continue
        if name in metric.scores or name.startswith(own):
            found[name.removeprefix(own)] = row.clips.numbers(column)
    return found


def _differences(
    metric: Metric, columns: Mapping[str, ScoreRecord], sets: ObservedSets
) -> Iterator[str]:
    """Values, and values without each actor, that do not come out again."""
    cells = reduced(metric, sets)
    without = _without(metric, sets)
    for column, score in columns.items():
        cell = cells[score.score]
        if score.n != cell.n:
            yield f"{column}: covers {score.n} clips, its feature archive {cell.n}"
        if not within(score.value, cell.value, TOLERANCE):
            why = f" ({cell.reason})" if cell.reason else ""
            yield f"{column}: its features give {cell.value!r}{why}, claimed {score.value!r}"
            continue
        if cell.value is None:
            continue
        meaning = metric.scores[score.score]
        again = intervals.of_set(score.score, meaning, cell.value, without, cell.n).without
        claimed = score.interval.without if score.interval else {}
        for actor in sorted(again.keys() | claimed.keys()):
            if not within(claimed.get(actor), again.get(actor), TOLERANCE):
                yield (
                    f"{column} without actor {actor}: its features give {again.get(actor)!r}, "
                    f"claimed {claimed.get(actor)!r}"
                )
                break


def reduced(metric: Metric, sets: ObservedSets) -> dict[str, ReducedScore]:
    """The cells of a row, from observations that are nowhere cached."""
    n = len(sets.generated)
    outcome = reduce_once(metric, sets) if n else "no clip was scored"
    if isinstance(outcome, str):
        return {name: ReducedScore(None, n, outcome) for name in metric.scores}
    return cells_of(metric, outcome, n)


def _without(metric: Metric, sets: ObservedSets) -> Without:
    if not sets.is_jackknifed:
        return {}
    if isinstance(metric, LeaveOneOut) and (quick := left_out(metric, sets)):
        return quick
    return {actor: values_of(reduced(metric, sets.without(actor))) for actor in sets.actors}
