"""Who may be ranked: one rule for a run, a submission and a leaderboard."""

from __future__ import annotations

from collections.abc import Collection

from thbench.api import Given, TrainedOn
from thbench.controls import CONTROLS
from thbench.files.canonical import same_id, same_name
from thbench.results.document import ClipsRecord, Result, SystemRecord, TrainedOnRecord

COPIES_ALLOWED = 0.02
"""Share of a system's videos that may resemble the ground truth by chance; docs/security.md."""


def seen_in_training(
    declared: TrainedOn | TrainedOnRecord, dataset: str, actors: Collection[str]
) -> set[str]:
    """The test actors among those that a generator was trained on, however they were written."""
    if same_name(declared.dataset) != same_name(dataset):
        return set()
    seen = {same_id(actor) for actor in declared.actors}
    return {actor for actor in actors if same_id(actor) in seen}


def wrong_training(
    declared: TrainedOn | TrainedOnRecord,
    dataset: str,
    actors: Collection[str],
    known: Collection[str],
) -> str | None:
    """Why a declaration cannot be checked: an unknown dataset, or an actor that the dataset does not have.

    dataset, actors  of the suite's dataset, all of them
    known            names of installed datasets; anything else is declared as `other:NAME`
    """
    name, own = same_name(declared.dataset), same_name(dataset)
    if name == own:
        have = {same_id(actor) for actor in actors}
        if unknown := sorted(a for a in declared.actors if same_id(a) not in have):
            return f"says it was trained on {dataset} actor {unknown[0]!r}, which {dataset} does not have"
        return None
    if name == "none" or name in {same_name(k) for k in known}:
        return None
    if declared.dataset.startswith(OTHER) and own not in name:
        return None
    return f"says it was trained on {declared.dataset!r}, which is no installed dataset; others are declared as {OTHER}NAME"


OTHER = "other:"
"""Before the name of a dataset that thbench does not know."""

MOST_MISFRAMED = 0.1
"""Largest share of a system's clips that may be framed unlike their reference."""


def misframed(clips: ClipsRecord) -> int:
    """How many clips are not framed as their reference."""
    return sum(reason.count for reason in clips.misframed)


def remarks(clips: ClipsRecord) -> list[str]:
    """What must stand next to the numbers of a row: which squares were scored, and what does not fit."""
    found = []
    if clips.trimmed:
        found.append(
            f"{clips.trimmed} of {clips.generated} videos are shorter than their clips, and compared "
            "with the same span"
        )
    found += [f"{n} of {clips.generated} videos: {how}" for how, n in clips.changes.items()]
    for how, n in clips.placements.items():
        if how != "as it is":
            whose = "their reference's square" if how == "as its reference" else "their own face"
            found.append(f"{n} of {clips.generated} video(s) cut to {whose}")
    if clips.misframed:
        first = clips.misframed[0]
        found.append(
            f"{misframed(clips)} of {clips.n} clips framed unlike their reference (framing.csv), "
            f"e.g. {first.clips[0]}: {first.reason}"
        )
    return found


def why_unranked(
    dataset: str, actors: Collection[str], system: SystemRecord, clips: ClipsRecord
) -> list[str]:
    """Every reason that keeps a system out of the ranking; `actors` are the test actors of `dataset`."""
    reasons = []
    if clips.failed:
        reasons.append(f"{clips.failed} of {clips.n} clips failed")
    copies = clips.copies or ()
    if len(copies) > COPIES_ALLOWED * clips.n:
        reasons.append(_copied(len(copies), clips.n, system.given))
    if system.oracle:
        reasons.append(f"sees the target's {', '.join(system.oracle)}")
    if (n := misframed(clips)) > MOST_MISFRAMED * clips.n:
        reasons.append(f"{n} of {clips.n} clips are framed unlike their reference")
    declared = system.trained_on
    if declared is not None and (leaked := sorted(seen_in_training(declared, dataset, actors))):
        reasons.append(f"trained on test actors {', '.join(leaked)}")
    return reasons


def _copied(copies: int, n: int, given: Given) -> str:
    """Why a system with copies of the ground truth is not ranked."""
    if given == "recording":
        return f"{copies} of {n} videos are copies of the ground truth: no part moves otherwise"
    return (
        f"{copies} of {n} videos are copies of the ground truth, or edits of it: they move as it does "
        "(of a program that edits the recording itself say so: `given: recording`, `score --given recording`)"
    )


def in_table_order(result: Result) -> tuple[int, int, str]:
    """Sort key of results read from files: by resolution, controls in their usual order."""
    system = result.system
    place = CONTROLS.index(system.name) if system.kind == "control" else len(CONTROLS)
    return system.resolution, place, system.name
