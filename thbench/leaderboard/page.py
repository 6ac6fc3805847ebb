"""The leaderboard's data as a page of Markdown; every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thbench.published.page import QUOTED, quoted
from thbench.published.scaled import scaled
from thbench.tables.build import GIVEN
from thbench.tables.headline import headline
from thbench.tables.markdown import escape_cell, markdown_table

TITLE = """\
# Leaderboard

Written from the files of this folder by `thbench leaderboard build`; a test keeps it current. How to add a row and
what the tiers mean: [docs/leaderboard.md](../docs/leaderboard.md).

Each table has one suite, split, resolution, set of references (the recordings that videos are compared with), and
identity of every column, of systems that are given one picture or of those that edit the recording
itself, and is sorted by the suite's primary score alone. Only systems with complete coverage are ranked. [low, high] is the 95 % interval over actors; systems that the
primary score cannot tell apart share places. Values marked † are self-reported: they belong to a whole set of videos,
and have not been recomputed. "Sets from features": they follow from the features of every frame that the
submitter handed in."""

MEASURED = """\
## Real faces

"""
SYNTHETIC = """\
## Synthetic faces

Drawn people with synthesised speech: they show that the harness works and what its numbers do. **They say nothing
about real faces**, and are never to be set next to the tables above."""


def page(data: Mapping[str, Any]) -> str:
    """README.md of the leaderboard."""
    lines = [TITLE, "", MEASURED.rstrip(), ""]
    lines += _measured(data["measured"]) or ["No measured rows yet.", ""]
    lines += ["## Published", "", QUOTED, ""]
    for name, published in data["published"].items():
        lines += [f"### {escape_cell(name)}", "", *quoted(published)]
        lines += [line for data in published["on_scale_of"] for line in scaled(data)]
    if data["synthetic"]:
        lines += [SYNTHETIC, "", *_measured(data["synthetic"])]
    return "\n".join(lines).rstrip() + "\n"


def _measured(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    for table in tables:
        size = table["resolution"]
        lines += [
            f"### {escape_cell(table['suite'])}, {size} × {size} px{GIVEN[table['given']]}",
            "",
            f"{table['n_clips']} clips of {table['n_actors']} actors, split "
            f"`{escape_cell(table['split'])}`, dataset `{escape_cell(table['dataset'])}`, primary score "
            f"`{escape_cell(table['primary'] or 'none')}`, suite digest {table['suite_digest'][:12]}, references "
            f"{table['references_digest'][:12]}.",
            "",
            *markdown_table(
                dict(table), ("verified",), headline(table["columns"], table["primary"])
            ),
            *_entrants(table["rows"]),
            "",
        ]
    return lines


def _entrants(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Who handed in what, and where its document lies."""
    for row in rows:
        if row["kind"] == "control":
            continue
        submission = row["submission"] or {}
        said = {
            "by": submission.get("submitter"),
            "licence": submission.get("licence"),
            "reproduce": submission.get("reproduce"),
            "weights without commercial use": ", ".join(row["non_commercial"]),
        }
        words = "; ".join(f"{k}: {escape_cell(str(v))}" for k, v in said.items() if v)
        yield (
            f"- [{escape_cell(row['system'])}]({row['file']}), revision {escape_cell(row['revision'])}"
            + (f"; {words}" if words else "")
        )
