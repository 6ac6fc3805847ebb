"""Result files -> tables. A pure function of files: no clock, no network, no torch.

Rows of different resolutions, or of systems that are given other things, never share a table. Within
one, systems with complete coverage are sorted by the suite's primary score; the others follow,
unranked, with the reason. With the clips tables given, systems that cannot be told apart share places.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from thbench.controls import GROUND_TRUTH
from thbench.errors import UserError
from thbench.results.clips import ClipsTable
from thbench.results.document import IntervalRecord, Result, ScoreRecord, SystemRecord
from thbench.results.ranking import remarks
from thbench.results.row import Row
from thbench.statistics.paired import Rank, ranks_with_ties
from thbench.tables.difference import ties

GIVEN = {"image": "", "recording": ", systems that edit the recording itself"}
"""What the heading of a table says of what its systems are given, after its resolution."""
Clips = Mapping[tuple[int, str], ClipsTable]
"""Clips tables by resolution and name of the row."""


def tables(results: Sequence[Result], clips: Clips | None = None) -> list[dict[str, Any]]:
    """One table per resolution and `given`: columns with their identities, rows in their order.

    The controls stand in each table of their resolution.

    `rank` is the place in that order; `place` says which places the system may hold, "1–2" where it
    is tied (only with `clips`), and `tied_with` with whom.
    """
    found = []
    for resolution in sorted({r.system.resolution for r in results}):
        rows = [r for r in results if r.system.resolution == resolution]
        found += [table_of(resolution, members, clips) for members in by_given(rows, _system)]
    return found


T = TypeVar("T")


def by_given(rows: Sequence[T], system: Callable[[T], SystemRecord]) -> list[list[T]]:
    """Rows of one table each: systems that are given the same, and the controls in every one."""
    given = sorted({system(r).given for r in rows if system(r).kind == "system"}) or ["image"]
    return [
        [r for r in rows if system(r).kind == "control" or system(r).given == what]
        for what in given
    ]


def _system(result: Result) -> SystemRecord:
    return result.system


def table_of(
    resolution: int, results: Sequence[Result], clips: Clips | None = None
) -> dict[str, Any]:
    """One table of rows of one resolution. Raises UserError for rows over unlike references."""
    _check_references(resolution, results)
    columns: dict[str, dict[str, Any]] = {}
    for result in results:
        for name, score in result.scores.items():
            columns.setdefault(name, _column(score))
    primary = results[0].suite.primary
    columns = dict(sorted(columns.items(), key=lambda item: item[0] != primary))
    systems = [r for r in results if r.system.kind == "system"]
    others = [r for r in results if r.system.kind == "control"]
    ranked = sorted(
        (r for r in systems if _place(r) is not None), key=lambda r: (_place(r), r.system.name)
    )
    unranked = sorted((r for r in systems if _place(r) is None), key=lambda r: r.system.name)
    places = _places(ranked, results, clips or {})
    rows = [_row(r, i + 1, places[r.system.name]) for i, r in enumerate(ranked)]
    rows += [_row(r, None, None) for r in [*unranked, *others]]
    given = systems[0].system.given if systems else "image"
    return {"resolution": resolution, "given": given, "columns": columns, "rows": rows}


def _check_references(resolution: int, results: Sequence[Result]) -> None:
    """Rows that were left from a run over other recordings, say, whose clips have the same names."""
    named: dict[str, str] = {}
    for result in sorted(results, key=lambda r: r.system.kind, reverse=True):  # systems first
        named.setdefault(result.dataset.references_digest, result.system.name)
    if len(named) > 1:
        first, second, *_ = named.values()
        raise UserError(
            f"{first} and {second} were scored over unlike references at {resolution} px",
            "score both again by one command, or remove the folder of one from the run",
        )


def _column(score: ScoreRecord) -> dict[str, Any]:
    keep = {"metric", "score", "unit", "better", "set_level", "identity", "identity_digest"}
    return score.model_dump(mode="json", include=keep)


def _place(result: Result) -> float | None:
    """Sort key of a ranked system by the primary score, None where it is not ranked."""
    if not result.ranked or result.suite.primary is None:
        return None
    score = result.scores.get(result.suite.primary)
    if score is None or score.value is None or score.n < score.of:
        return None
    if score.better == "nearer-reference":
        return score.distance_from_reference
    return score.value if score.better == "lower" else -score.value


def _places(ranked: Sequence[Result], results: Sequence[Result], clips: Clips) -> dict[str, Rank]:
    """The places of the ranked systems, by the primary score; ties only where clips tables are known."""
    entries = {
        r.system.name: Row(r, table)
        for r in results
        if (table := clips.get((r.system.resolution, r.system.name))) is not None
    }
    names = [r.system.name for r in ranked]
    if not ranked or not entries.keys() >= set(names):
        return {name: Rank(i + 1, i + 1, ()) for i, name in enumerate(names)}
    primary = ranked[0].suite.primary
    assert primary is not None  # nothing is ranked without one
    return ranks_with_ties(names, ties(primary, entries, entries.get(GROUND_TRUTH)))


def _row(result: Result, rank: int | None, place: Rank | None) -> dict[str, Any]:
    return {
        "system": result.system.name,
        "kind": result.system.kind,
        "rank": rank,
        "place": None if place is None else str(place),
        "tied_with": [] if place is None else list(place.tied_with),
        "unranked_because": _why_unranked(result, rank),
        "remarks": remarks(result.clips),
        "clips": result.clips.generated,
        "of": result.clips.n,
        "trained_on": _trained_on(result),
        "scores": {name: _score(s, result) for name, s in result.scores.items()},
    }


def _score(score: ScoreRecord, result: Result) -> dict[str, Any]:
    keep = {"value", "n", "of", "distance_from_reference", "notes", "counts"}
    return {
        **score.model_dump(mode="json", include=keep),
        "reason": _reason(score, result),
        "interval": _interval(score.interval),
    }


def _reason(score: ScoreRecord, result: Result) -> str | None:
    """Why there is no number; where no clip has one, with what most clips say of it."""
    failures = score.failures or result.clips.failures
    if score.value is not None or score.n or not failures:
        return score.reason
    most = max(failures, key=lambda f: f.count)
    if most.reason == score.reason:
        return score.reason
    return f"{score.reason or 'no value'}: {most.reason} ({most.count} of {result.clips.n} clips)"


def _interval(interval: IntervalRecord | None) -> dict[str, Any] | None:
    return None if interval is None else interval.model_dump(mode="json", exclude={"without"})


def _why_unranked(result: Result, rank: int | None) -> list[str]:
    if rank is not None or result.system.kind == "control":
        return []
    reasons = list(result.unranked_because)
    primary = result.suite.primary
    if primary is None:
        return [*reasons, "the suite names no primary score"]
    score = result.scores.get(primary)
    if score is None or score.value is None:
        why = f": {score.reason}" if score and score.reason else ""
        reasons.append(f"no {primary}{why}")
    elif score.n < score.of:
        reasons.append(f"{primary} covers {score.n} of {score.of} clips")
    elif score.better == "nearer-reference" and score.distance_from_reference is None:
        reasons.append(f"no ground truth of {primary} to compare with")
    return reasons


def _trained_on(result: Result) -> str:
    declared = result.system.trained_on
    if result.system.kind == "control":
        return ""
    if declared is None:
        return "unknown"
    n = len(declared.actors)
    return f"{declared.dataset}: {n} actors" if n else "nothing"


def leaderboard_json(results: Sequence[Result], clips: Clips | None = None) -> str:
    """leaderboard.json of a run."""
    suite, split = results[0].suite, results[0].split
    data = {
        "schema": 1,
        "suite": suite.model_dump(mode="json"),
        "split": split.model_dump(mode="json"),
        "tables": tables(results, clips),
    }
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
