"""Who may be ranked: one rule for a run, a submission and a leaderboard."""

from __future__ import annotations

from collections.abc import Collection

from thbench.controls import CONTROLS
from thbench.results.document import ClipsRecord, Result, SystemRecord

MOST_MISFRAMED = 0.1
"""Largest share of a system's clips that may be framed unlike their reference."""


def misframed(clips: ClipsRecord) -> int:
    """How many clips are not framed as their reference."""
    return sum(reason.count for reason in clips.misframed)


def remarks(clips: ClipsRecord) -> list[str]:
    """What must stand next to the numbers of a row: which squares were scored, and what does not fit."""
    found = []
    for how, n in clips.placements.items():
        if how != "as it is":
            what = (
                "cut to their reference's square" if how == "as its reference" else f"cut by {how}"
            )
            found.append(f"{n} of {clips.generated} videos {what}")
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
    if system.oracle:
        reasons.append(f"sees the target's {', '.join(system.oracle)}")
    if (n := misframed(clips)) > MOST_MISFRAMED * clips.n:
        reasons.append(f"{n} of {clips.n} clips are framed unlike their reference")
    declared = system.trained_on
    seen = declared.actors if declared is not None and declared.dataset == dataset else ()
    if leaked := sorted(set(actors) & set(seen)):
        reasons.append(f"trained on test actors {', '.join(leaked)}")
    return reasons


def in_table_order(result: Result) -> tuple[int, int, str]:
    """Sort key of results read from files: by resolution, controls in their usual order."""
    system = result.system
    place = CONTROLS.index(system.name) if system.kind == "control" else len(CONTROLS)
    return system.resolution, place, system.name
