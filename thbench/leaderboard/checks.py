"""What can be verified of a row from its files: nothing is taken from the document that can be recomputed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from thbench import controls
from thbench.leaderboard.copies import copied_rows
from thbench.leaderboard.ground import Ground
from thbench.leaderboard.recompute_rows import is_halves, recomputed
from thbench.leaderboard.store import CommittedRow, features_file
from thbench.plugins.discovery import registry
from thbench.results.ranking import why_unranked, wrong_training
from thbench.results.scores import is_same

TOLERANCE = 0.01
"""Share of a pinned control's value by which the same control of another machine may differ."""
OTHER_REFERENCES = "its references are not those of the pinned controls to the byte"
NEARLY_ZERO = 1e-6
"""A difference below this is rounding, whatever it is a share of."""


def problems(row: CommittedRow, ground: Ground) -> list[str]:
    """Everything that is wrong with a row; an empty list makes it rows-verified."""
    found = [*_suite(row, ground), *_split(row, ground)]
    if row.digests[1] != row.result.clips.table_sha256:
        found.append("the clips table is not the one that was scored: another sha256")
    found += recomputed(row)
    found += _training(row, ground)
    found += _spans(row)
    found += _ranking(row, ground)
    found += _meaning(row, ground)
    found += _controls(row, ground)
    found += copied_rows(row, ground.pins.get(controls.GROUND_TRUTH))
    if features_file(row.path).exists() and (row.features is None or row.features.url):
        found.append("a feature archive lies next to it that its document does not name")
    return found


def remarks(row: CommittedRow, ground: Ground) -> list[str]:
    """What a reader should know, though nothing is wrong."""
    found = []
    if not ground.pins:
        found.append("no control row of this suite and resolution is pinned: columns not compared")
    if row.result.submission is None or not row.result.submission.submitter:
        found.append("names no submitter")
    if ground.elsewhere(row):
        found.append(f"{OTHER_REFERENCES}: it stands in a table of its own")
    if not row.is_control and row.result.clips.copies is None:
        found.append("its videos were not compared with the ground truth for copies")
    if other := sorted(_of_other_identity(row, ground)):
        found.append(f"other identities than the pinned ground truth: {', '.join(other)}")
    return found


def _of_other_identity(row: CommittedRow, ground: Ground) -> Iterator[str]:
    """Columns that nothing pinned can be compared with; they put the row into a table of its own."""
    truth = ground.pins.get(controls.GROUND_TRUTH)
    for column, score in row.result.scores.items():
        pinned = truth.result.scores.get(column) if truth else None
        if pinned is not None and pinned.identity_digest != score.identity_digest:
            yield column


def _suite(row: CommittedRow, ground: Ground) -> Iterator[str]:
    suite, claimed = ground.suite, row.result.suite
    if claimed.digest != suite.digest:
        yield f"measured on another suite '{claimed.name}': digest {claimed.digest[:12]}, not {suite.digest[:12]}"
    if (claimed.seed, claimed.identity_frame) != (suite.seed, str(suite.identity_frame)):
        yield "seed or identity frame are not the suite's"
    if claimed.primary != suite.primary:
        yield f"primary score {claimed.primary} is not the suite's"
    dataset = row.result.dataset
    if dataset.plugin.name != suite.dataset.plugin.name:
        yield f"dataset {dataset.plugin.name} is not the suite's"
    if dataset.version != ground.dataset.version:
        yield f"version {dataset.version} of the dataset, {ground.dataset.version} is installed"
    if dataset.synthetic != bool(getattr(ground.dataset, "synthetic", False)):
        yield "says the wrong thing on whether its people are synthetic"
    if dataset.actors_unknown != bool(getattr(ground.dataset, "actors_unknown", False)):
        yield "says the wrong thing on whether its actors are known"


def _split(row: CommittedRow, ground: Ground) -> Iterator[str]:
    split, claimed = ground.split, row.result.split
    if (claimed.name, claimed.digest) != (split.name, split.digest):
        yield f"measured on another split: digest {claimed.digest[:12]}, not {split.digest[:12]}"
    if (claimed.n_clips, claimed.n_actors) != (len(split.clips), len(split.actors)):
        yield "the numbers of clips and actors are not the split's"
    actors = {c.id: c.actor for c in split.clips}
    if missing := sorted(actors.keys() - row.clips.actors.keys()):
        yield f"{len(missing)} clip(s) of the split are missing from the table: {missing[0]}, ..."
    if strange := sorted(row.clips.actors.keys() - actors.keys()):
        yield f"{len(strange)} clip(s) of the table are not in the split: {strange[0]}, ..."
    if any(actor != actors.get(clip, actor) for clip, actor in row.clips.actors.items()):
        yield "a clip of the table is said by another actor than in the split"
    truth = ground.pins.get(controls.GROUND_TRUTH)
    if truth and not is_halves(row) and _without_reference(row) != _without_reference(truth):
        yield "other clips than of the pinned ground truth are said to have no usable reference"


def _without_reference(row: CommittedRow) -> set[str]:
    return {clip for reason in row.result.clips.without_reference for clip in reason.clips}


def _training(row: CommittedRow, ground: Ground) -> Iterator[str]:
    """Whether what it says it was trained on can be checked at all."""
    declared = row.result.system.trained_on
    if declared is None or row.is_control:
        return
    actors = {clip.actor for clip in ground.dataset.clips()}
    known = registry().names("dataset")
    if wrong := wrong_training(declared, ground.split.dataset, actors, known):
        yield wrong


def _spans(row: CommittedRow) -> Iterator[str]:
    """A shorter video is scored on the easier part of its clip: how much easier, nobody knows."""
    if n := row.result.clips.trimmed:
        yield f"{n} video(s) are shorter than the suite's clips: deliver every frame"


def _ranking(row: CommittedRow, ground: Ground) -> Iterator[str]:
    result = row.result
    if row.is_control:
        if result.ranked:
            yield "a control is never ranked"
        if others := ground.elsewhere(row):
            yield f"{OTHER_REFERENCES} ({', '.join(others)}): pin all of one run"
        return
    reasons = why_unranked(ground.split.dataset, ground.split.actors, result.system, result.clips)
    if result.ranked and reasons:
        yield f"claims to be ranked: {'; '.join(reasons)}"
    elif sorted(result.unranked_because) != sorted(reasons) or result.ranked == bool(reasons):
        yield "why it is or is not ranked does not follow from the document"


def _meaning(row: CommittedRow, ground: Ground) -> Iterator[str]:
    """What columns mean, against the pinned ground truth: direction, unit, range, rule."""
    truth = ground.pins.get(controls.GROUND_TRUTH)
    if truth is None or row.path == truth.path or is_halves(row):
        return
    pinned = truth.result.scores
    if pinned.keys() != row.result.scores.keys():
        odd = sorted(pinned.keys() ^ row.result.scores.keys())
        yield f"its columns are not the suite's: {', '.join(odd[:5])}"
    fields = {"metric", "score", "unit", "better", "set_level", "range", "over"}
    for column in sorted(pinned.keys() & row.result.scores.keys()):
        ours, theirs = pinned[column], row.result.scores[column]
        if ours.value is None or theirs.value is None:  # the rule of a value belongs to a value
            ours, theirs = (s.model_copy(update={"over": None}) for s in (ours, theirs))
        if ours.model_dump(include=fields) != theirs.model_dump(include=fields):
            yield f"{column}: means something else than in the pinned ground truth"


def _controls(row: CommittedRow, ground: Ground) -> Iterator[str]:
    """The control rows of the same run against the pinned ones, where their columns are the same."""
    submission = row.result.submission
    if row.is_control or submission is None:
        return
    for name, pin in sorted(ground.pins.items()):
        claimed = submission.controls.get(name)
        if claimed is None:
            yield f"lacks the control {name} of its run"
            continue
        for column, pinned in sorted(pin.result.scores.items()):
            ours = row.result.scores.get(column)
            if ours is None or ours.identity_digest != pinned.identity_digest:
                continue
            if not within(claimed.get(column), pinned.value):
                yield f"control {name}, {column}: {claimed.get(column)!r}, pinned {pinned.value!r}"
    yield from _distances(row, submission.controls.get(controls.GROUND_TRUTH, {}))


def _distances(row: CommittedRow, truth: Mapping[str, float | None]) -> Iterator[str]:
    for column, score in sorted(row.result.scores.items()):
        reference, claimed = truth.get(column), score.distance_from_reference
        if claimed is None:
            continue
        known = score.value is not None and reference is not None
        if not known or not is_same(abs((score.value or 0.0) - (reference or 0.0)), claimed):
            yield f"{column}: its distance from the ground truth does not follow"


def within(value: float | None, pinned: float | None, tolerance: float = TOLERANCE) -> bool:
    """Whether a value is the pinned one within a share of it."""
    if value is None or pinned is None:
        return value is None and pinned is None
    return abs(value - pinned) <= tolerance * abs(pinned) + NEARLY_ZERO
