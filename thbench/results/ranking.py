"""Who may be ranked: one rule for a run, a submission and a leaderboard."""

from __future__ import annotations

from collections.abc import Collection

from thbench.controls import CONTROLS
from thbench.results.document import ClipsRecord, Result, SystemRecord


def why_unranked(
    dataset: str, actors: Collection[str], system: SystemRecord, clips: ClipsRecord
) -> list[str]:
    """Every reason that keeps a system out of the ranking; `actors` are the test actors of `dataset`."""
    reasons = []
    if clips.failed:
        reasons.append(f"{clips.failed} of {clips.n} clips failed")
    if system.oracle:
        reasons.append(f"sees the target's {', '.join(system.oracle)}")
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
