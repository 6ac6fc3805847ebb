"""Committed files -> the leaderboard's data. A pure function of files: no clock, network or torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from thbench.controls import GROUND_TRUTH
from thbench.errors import UserError, in_one_line
from thbench.leaderboard.store import CommittedRow, common_ground, read_rows
from thbench.published.rows import Published, load_published
from thbench.published.scaled import on_scale_of
from thbench.results.document import Result, SystemRecord
from thbench.results.ranking import in_table_order, why_unranked
from thbench.tables.build import by_given, table_of

Identity = frozenset[tuple[str, str]]
"""Which columns a row has, and what they are."""


def board(root: Path) -> dict[str, Any]:
    """Everything the pages show: measured tables, the synthetic ones apart, and published rows.

    Raises UserError for a file that cannot be what it claims to be.
    """
    found = read_rows(root)
    tables = tables_of(found)
    truths = [r.result for r in found if r.is_control and r.result.system.name == GROUND_TRUTH]
    published = {p.stem: load_published(p) for p in sorted((root / "published").glob("*.yaml"))}
    return {
        "schema": 1,
        "measured": [t for t in tables if not t["synthetic"]],
        "synthetic": [t for t in tables if t["synthetic"]],
        "published": {name: _published(p, truths) for name, p in published.items()},
    }


def tables_of(rows: Sequence[CommittedRow]) -> list[dict[str, Any]]:
    """The tables of rows. Raises UserError naming the rows of one that cannot be made."""
    return [_shown(members) for members in rows_by_table(rows)]


def _shown(rows: Sequence[CommittedRow]) -> dict[str, Any]:
    try:
        return _table(rows)
    except UserError:
        raise
    except Exception as error:  # of documents that everybody may write: never a traceback
        names = ", ".join(sorted({r.path.name if len(rows) > 9 else str(r.path) for r in rows}))
        raise UserError(
            f"{names}: no table can be made: {in_one_line(error)}", "remove one"
        ) from error


def board_text(data: dict[str, Any]) -> str:
    """The one spelling of data.json."""
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def rows_by_table(rows: Sequence[CommittedRow]) -> list[list[CommittedRow]]:
    """Rows that may stand in one table: one common ground, what is given, one identity of every column.

    A row with fewer columns joins the fullest table whose columns include its own.
    """
    found: list[tuple[tuple[Any, ...], Identity, list[CommittedRow]]] = []
    for row in sorted(rows, key=_by_columns):
        where, identity = common_ground(row.result), _identity(row)
        fitting = [g[2] for g in found if g[0] == where and identity <= g[1]]
        if fitting:
            max(fitting, key=len).append(row)
        else:
            found.append((where, identity, [row]))
    ordered = sorted(found, key=lambda g: (g[0], sorted(g[1])))
    return [table for _, _, rows in ordered for table in by_given(rows, _system)]


def _system(row: CommittedRow) -> SystemRecord:
    return row.result.system


def _by_columns(row: CommittedRow) -> tuple[int, list[tuple[str, str]], str]:
    """The widest rows first."""
    identity = _identity(row)
    return -len(identity), sorted(identity), row.path.as_posix()


def _identity(row: CommittedRow) -> Identity:
    return frozenset((name, s.identity_digest) for name, s in row.result.scores.items())


def _table(rows: Sequence[CommittedRow]) -> dict[str, Any]:
    first = rows[0].result
    ordered = sorted(rows, key=lambda r: in_table_order(r.result))
    named = {id(row): _name(row, rows) for row in rows}
    results = [_judged(row, named[id(row)]) for row in ordered]
    resolution = first.system.resolution
    clips = {(resolution, named[id(row)]): row.clips for row in rows}
    table = table_of(resolution, results, clips)
    origin = {named[id(row)]: row for row in rows}
    for shown in table["rows"]:
        shown.update(_beside(origin[shown["system"]]))
    return {
        **table,
        "suite": first.suite.name,
        "suite_digest": first.suite.digest,
        "split": first.split.name,
        "split_digest": first.split.digest,
        "dataset": first.dataset.plugin.name,
        "references_digest": first.dataset.references_digest,
        "synthetic": first.dataset.synthetic,
        "n_clips": first.split.n_clips,
        "n_actors": first.split.n_actors,
        "primary": first.suite.primary,
    }


def _name(row: CommittedRow, rows: Iterable[CommittedRow]) -> str:
    """The system's name, with its revision where the table holds several."""
    name = row.result.system.name
    same = [r for r in rows if r.result.system.name == name]
    return f"{name} ({row.revision})" if len(same) > 1 else name


def _judged(row: CommittedRow, name: str) -> Result:
    """The result under the name it is shown with, its ranking decided here and not by the document."""
    result = row.result
    reasons = why_unranked(
        result.dataset.plugin.name, set(row.clips.actors.values()), result.system, result.clips
    )
    system = result.system.model_copy(update={"name": name})
    ranked = not reasons and not row.is_control
    return result.model_copy(
        update={"system": system, "ranked": ranked, "unranked_because": tuple(reasons)}
    )


def _beside(row: CommittedRow) -> dict[str, Any]:
    """What the files say of a row beyond its scores."""
    submission, verification = row.result.submission, row.verification
    root = row.path.parents[3]
    return {
        "revision": row.revision,
        "tier": row.tier,
        "verified": _tier(row),
        "verified_clips": verification.videos[0] if verification else 0,
        "self_reported": _self_reported(row),
        "submission": submission.model_dump(mode="json", exclude={"controls"})
        if submission
        else None,
        "non_commercial": list(row.result.system.non_commercial),
        "file": row.path.relative_to(root).as_posix(),
    }


def _self_reported(row: CommittedRow) -> list[str]:
    """Columns that were not recomputed: neither rows, nor features, nor all videos give them."""
    found = row.verification
    if row.is_control or (found and found.sets):
        return []
    own = {n: s for n, s in row.result.scores.items() if s.over is None}
    return sorted(n for n, s in own.items() if not (found and found.features and s.set_level))


def _tier(row: CommittedRow) -> str:
    """The tier in words, with how many videos were scored again and where set metrics are from."""
    found, said = row.verification, str(row.tier)
    if found is None:
        return said
    if found.tier == "videos-verified":
        said = f"{said} ({found.videos[0]} of {found.videos[1]})"
    return f"{said}, sets from features" if found.features and not found.sets else said


def _published(found: Published, truths: Sequence[Result]) -> dict[str, Any]:
    """As printed, and on the scale of every pinned ground truth of the same real faces."""
    data: dict[str, Any] = found.model_dump(mode="json", by_alias=True)
    ours = [t for t in truths if t.dataset.plugin.name == found.dataset and not t.dataset.synthetic]
    return {**data, "on_scale_of": [on_scale_of(truth, found) for truth in ours]}
