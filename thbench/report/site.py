"""The leaderboard's site: the report's look, from committed result files only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import thbench
from thbench.api import UserError
from thbench.canonical import file_name
from thbench.leaderboard import ARROWS
from thbench.published import load_published
from thbench.report import overview
from thbench.report.cards import cards
from thbench.report.material import Material, placed
from thbench.report.page import pages, write_page
from thbench.results import Result, read_result

ASSETS = ("style.css", "core.js")


@dataclass(frozen=True)
class Board:
    """The results of one suite and split that may stand beside one another."""

    name: str
    page: str
    material: Material


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
    for board in boards:
        write_page(out, _page(board, links), ASSETS, board.page)
        written.append(out / board.page)
    index = (
        pages()
        .get_template("index.html.j2")
        .render(assets=ASSETS, boards=boards, published=published, version=thbench.__version__)
    )
    write_page(out, index, ASSETS)
    return [out / "index.html", *written]


def _boards(leaderboard: Path) -> Iterator[Board]:
    """Results by suite and by the digest of suite and split: different digests share no table."""
    found: dict[tuple[str, str, str], list[Result]] = {}
    for path in sorted(leaderboard.glob("results/*/*/*.json")):
        result = read_result(path)
        key = (result.suite.name, result.suite.digest, result.split.digest)
        found.setdefault(key, []).append(result)
    names = [key[0] for key in found]
    for (name, suite, split), results in sorted(found.items()):
        several = f"-{suite[:6]}-{split[:6]}" if names.count(name) > 1 else ""
        page = f"{file_name(name)}{several}.html"
        yield Board(name + several, page, Material(placed(_newest(results))))


def _newest(results: Sequence[Result]) -> list[Result]:
    """One row per system and resolution; files come in order of their names, the last one stands."""
    return list({(r.system.name, r.system.kind, r.system.resolution): r for r in results}.values())


def _page(board: Board, links: Mapping[str, str]) -> str:
    material = board.material
    suite = material.entrants[0].result.suite.name
    own = {e.name: link for e in material.entrants if (link := links.get(f"{suite}/{e.name}"))}
    return (
        pages()
        .get_template("board.html.j2")
        .render(
            assets=ASSETS,
            board=board,
            material=material,
            result=material.entrants[0].result,
            groups=overview.groups(material),
            cards=cards(material, None),
            links=own,
            arrows=ARROWS,
            identity_text=overview.identity_text,
            version=thbench.__version__,
        )
    )


def _links(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{file} is no JSON: {error}", '{"SUITE/SYSTEM": "address"}') from None
    if not isinstance(found, dict):
        raise UserError(f"{file} is no mapping", '{"SUITE/SYSTEM": "address"}')
    for name, address in found.items():
        if not isinstance(address, str) or urlsplit(address).scheme not in ("", "http", "https"):
            raise UserError(f"{file}: {name}: not a web address", "http, https or a relative path")
    return found
