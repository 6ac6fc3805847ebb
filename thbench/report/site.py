"""The leaderboard's site: the report's look, from committed result files only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import thbench
from thbench.api import UserError
from thbench.files.canonical import file_name
from thbench.files.foreign import read_json
from thbench.leaderboard.build import board
from thbench.published.rows import load_published
from thbench.report import overview
from thbench.report.cards import cards
from thbench.report.definitions import definitions
from thbench.report.page import pages, write_page
from thbench.report.run_data import ReportData, ReportRow, placed, report_table
from thbench.results.document import Result, read_result
from thbench.tables.markdown import ARROWS

ASSETS = ("style.css", "core.js")


@dataclass(frozen=True)
class Board:
    """The results of one suite and split that may stand next to one another."""

    name: str
    page: str
    material: ReportData


def write_site(leaderboard: Path, out: Path) -> list[Path]:
    """One page per suite and split, and an index. `leaderboard` holds results/ and perhaps published/.

    A file reports.json there, {"SUITE/SYSTEM": address}, makes rows lead to their reports. Raises
    UserError for a folder without results and for addresses that are no web or relative address.
    """
    boards = list(_boards(leaderboard))
    published = {p.stem: load_published(p) for p in sorted(leaderboard.glob("published/*.yaml"))}
    if not boards and not published:
        raise UserError(f"{leaderboard} holds no results", "results/SUITE/SYSTEM/REVISION.json")
    links = _links(leaderboard / "reports.json")
    written = []
    for one in boards:
        write_page(out, _page(one, links), ASSETS, one.page)
        written.append(out / one.page)
    index = (
        pages()
        .get_template("index.html.j2")
        .render(assets=ASSETS, boards=boards, published=published, version=thbench.__version__)
    )
    write_page(out, index, ASSETS)
    return [out / "index.html", *written]


def _boards(leaderboard: Path) -> Iterator[Board]:
    """One per suite, split and set of column identities, as the leaderboard's own tables are."""
    found = board(leaderboard)
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for table in [*found["measured"], *found["synthetic"]]:
        groups.setdefault(
            (table["suite"], table["suite_digest"], table["split_digest"]), []
        ).append(table)
    names = [suite for suite, _, _ in groups]
    for (suite, suite_digest, split_digest), tables in groups.items():
        several = f"-{suite_digest[:6]}-{split_digest[:6]}" if names.count(suite) > 1 else ""
        entrants: dict[str, ReportRow] = {}
        for table in tables:
            shown = placed(table, _results(leaderboard, table))
            entrants |= {_file(table, e.beside): e for e in shown}
        listed = [report_table(table, list(entrants), _file) for table in tables]
        material = ReportData(list(entrants.values()), listed)
        described = replace(material, cards=definitions(material.columns))
        yield Board(suite + several, f"{file_name(suite)}{several}.html", described)


def _file(_: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """What tells committed rows apart: where the document lies."""
    return str(row["file"])


def _results(leaderboard: Path, table: Mapping[str, Any]) -> list[Result]:
    """The documents behind a table, under the names it shows."""
    found = []
    for row in table["rows"]:
        result = read_result(leaderboard / row["file"])
        system = result.system.model_copy(update={"name": row["system"]})
        found.append(result.model_copy(update={"system": system}))
    return found


def _page(shown: Board, links: Mapping[str, str]) -> str:
    material = shown.material
    suite = material.entrants[0].result.suite.name
    own = {e.name: link for e in material.entrants if (link := _link(links, suite, e.name))}
    return (
        pages()
        .get_template("board.html.j2")
        .render(
            assets=ASSETS,
            board=shown,
            material=material,
            result=material.entrants[0].result,
            groups=overview.table_groups(material),
            cards=cards(material, None),
            links=own,
            arrows=ARROWS,
            identity_text=overview.identity_text,
            version=thbench.__version__,
        )
    )


def _link(links: Mapping[str, str], suite: str, name: str) -> str | None:
    """That of `name`, or of the system without its revision."""
    return links.get(f"{suite}/{name}") or links.get(f"{suite}/{name.partition(' (')[0]}")


def _links(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    found = read_json(file, '{"SUITE/SYSTEM": "address"}')
    if not isinstance(found, dict):
        raise UserError(f"{file} is no mapping", '{"SUITE/SYSTEM": "address"}')
    for name, address in found.items():
        if not isinstance(address, str) or urlsplit(address).scheme not in ("", "http", "https"):
            raise UserError(f"{file}: {name}: not a web address", "http, https or a relative path")
    return found
