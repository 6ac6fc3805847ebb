"""The leaderboard's site, from committed result files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from chromium import Page, scheme, violations
from guards import some
from made import made_run
from paths import ROOT
from thbench.api import UserError
from thbench.cli.main import cli
from thbench.leaderboard.store import place
from thbench.report.definitions import definitions
from thbench.report.site import write_site
from thbench.results.document import read_result
from thbench.results.row import clips_file

SCRIPT = "<img src=x onerror=alert(1)>"


@pytest.fixture
def board(tmp_path: Path) -> Path:
    run = made_run(tmp_path / "run", systems=["alpha", "beta"])
    for file in sorted(run.rglob("result.json")):
        target = place(tmp_path / "leaderboard", read_result(file), "r1")
        target.parent.mkdir(parents=True)
        target.write_text(file.read_text().replace('"grey levels"', json.dumps(SCRIPT)))
        shutil.copy(file.with_name("clips.csv"), clips_file(target))
    return tmp_path / "leaderboard"


def test_rows_lead_to_reports_and_names_are_escaped(board: Path, tmp_path: Path) -> None:
    (board / "reports.json").write_text(json.dumps({"made/alpha": "https://example.org/alpha/"}))
    cli(["report", "--site", str(board), "-o", str(tmp_path / "site")], standalone_mode=False)
    page = (tmp_path / "site" / "made.html").read_text()
    assert 'href="https://example.org/alpha/"' in page
    assert SCRIPT not in page
    assert "self-reported" in page
    assert "&lt;img src=x" in page
    assert 'href="made.html"' in (tmp_path / "site" / "index.html").read_text()


def test_a_report_address_is_a_web_or_a_relative_one(board: Path, tmp_path: Path) -> None:
    (board / "reports.json").write_text(json.dumps({"made/alpha": "javascript:alert(1)"}))
    with pytest.raises(UserError, match="web address"):
        write_site(board, tmp_path / "site")


def test_the_site_is_a_function_of_the_files(board: Path, tmp_path: Path) -> None:
    first, second = (
        {p.name: p.read_bytes() for p in write_site(board, tmp_path / name)} for name in "ab"
    )
    assert first == second


@pytest.mark.slow
def test_our_own_leaderboard_makes_a_site(tmp_path: Path) -> None:
    own = Path(__file__).resolve().parents[3] / "leaderboard"
    assert "Published on" in write_site(own, tmp_path)[0].read_text()


@pytest.mark.slow
def test_axe_finds_nothing_on_our_leaderboard(browser: Page, tmp_path: Path) -> None:
    """Every page of the site, narrow and wide, light and dark."""
    write_site(ROOT / "leaderboard", tmp_path)
    found = {}
    for file in some(tmp_path.glob("*.html")):
        for width, name in [(390, "light"), (390, "dark"), (1400, "light"), (1400, "dark")]:
            browser.size(width, 900)
            scheme(browser, name)
            browser.open(file.as_uri())
            found[file.name, width, name] = violations(browser)
    assert {place: rules for place, rules in found.items() if rules} == {}


def test_metrics_that_are_installed_are_defined(tmp_path: Path) -> None:
    """By their identity: what a result of another version means is not guessed."""
    own = Path(__file__).resolve().parents[3] / "leaderboard"
    result = read_result(next((own / "results" / "demo" / "gan").glob("*.json")))
    ofm = result.scores["ofm"]
    assert "Farneback" in definitions({"ofm": ofm})["ofm"]["formula"]
    other = ofm.model_copy(update={"identity": {**ofm.identity, "version": "0"}})
    unknown = ofm.model_copy(update={"identity": {"name": "nobody's"}})
    assert definitions({"ofm": other, "x": unknown}) == {}
    write_site(own, tmp_path)
    assert "Farneback" in (tmp_path / "demo.html").read_text()


def test_self_reported_numbers_are_marked(board: Path, tmp_path: Path) -> None:
    """A score that declares no rule over clips cannot be computed again from a table of clips."""
    write_site(board, tmp_path / "site")
    page = (tmp_path / "site" / "made.html").read_text()
    assert page.count("</a> †") == 4  # two systems, two columns; controls are made here
    assert "†: self-reported" in page


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no results"):
        write_site(tmp_path, tmp_path / "site")
