"""Clips of the same names may be other recordings: their rows never share a table, and verify says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from boards import TEXT, Board, board_of, finished_run, shared_run
from thbench.leaderboard.add import add
from thbench.leaderboard.build import board
from thbench.leaderboard.checks import OTHER_REFERENCES
from thbench.leaderboard.page import page
from thbench.leaderboard.store import common_ground, read_rows
from thbench.leaderboard.verify import record
from thbench.results.document import SubmissionRecord

OTHER = "ab" * 32


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_run(tmp_path_factory)


@pytest.fixture
def toys(run: Path, tmp_path: Path) -> Board:
    return board_of(run, tmp_path)


def elsewhere(data: dict[str, Any]) -> None:
    data["dataset"]["references_digest"] = OTHER


def places(root: Path) -> dict[str, dict[str, str | None]]:
    """References of a table -> system -> its place."""
    tables = board(root)["measured"]
    return {t["references_digest"]: {r["system"]: r["place"] for r in t["rows"]} for t in tables}


def test_rows_over_other_references_are_ranked_in_a_table_of_their_own(toys: Board) -> None:
    (own,) = places(toys.root)
    toys.change(elsewhere)
    found = places(toys.root)
    assert found[OTHER] == {"echo": "1"}
    assert "echo" not in found[own]
    assert (found[own]["loud"], found[own]["twin"], found[own]["ground-truth"]) == ("1", "2", None)
    text = page(board(toys.root))
    assert f"references {own[:12]}." in text
    assert f"references {OTHER[:12]}." in text


def test_every_system_over_references_of_its_own_has_a_table_of_its_own(toys: Board) -> None:
    """Seen: three rows over clips of one name and unlike recordings were ranked 1 to 3."""
    for name, letter in (("echo", "a"), ("loud", "b"), ("twin", "c")):
        digest = letter * 64
        toys.change(lambda d, to=digest: d["dataset"].update(references_digest=to), name)
    found = places(toys.root)
    assert [found[letter * 64] for letter in "abc"] == [{"echo": "1"}, {"loud": "1"}, {"twin": "1"}]


def test_verify_says_that_a_row_stands_apart_and_trusts_it_less(toys: Board) -> None:
    assert toys.verify().tier == "rows-verified"
    toys.change(elsewhere)
    finding = toys.verify()
    assert (finding.problems, finding.tier) == ((), "self-reported")
    assert f"{OTHER_REFERENCES}: it stands in a table of its own" in finding.remarks
    record(finding, toys.root)
    (row,) = [r for t in board(toys.root)["measured"] for r in t["rows"] if r["system"] == "echo"]
    assert row["verified"] == "self-reported"


def test_pinned_controls_have_one_set_of_references(toys: Board) -> None:
    toys.change(elsewhere, "still-identity@32")
    (problem,) = toys.verify("still-identity@32").problems
    assert problem.startswith(OTHER_REFERENCES)
    assert problem.endswith("pin all of one run")
    assert "ground-truth" in problem


@pytest.mark.parametrize("name", ["echo", "loud", "ground-truth@32", "reference-halves@32"])
def test_build_sets_apart_what_verify_says_stands_apart(toys: Board, name: str) -> None:
    toys.change(elsewhere, name)
    rows = read_rows(toys.root)
    grounds = {common_ground(r.result) for r in rows}
    shown = {t["references_digest"] for t in board(toys.root)["measured"]}
    assert len(grounds) == len(shown) == 2
    finding = toys.verify(name)
    assert any(OTHER_REFERENCES in said for said in (*finding.problems, *finding.remarks))


@pytest.mark.slow
def test_a_run_over_other_recordings_of_the_same_names(toys: Board, tmp_path: Path) -> None:
    """Honestly measured: the suite's digest is the same, as places are no part of it."""
    (tmp_path / "shift.txt").write_text("9")
    text = TEXT.replace("n_actors: 8}", f"n_actors: 8, root: {tmp_path / 'shift.txt'}}}")
    other = finished_run(tmp_path / "other", text)
    add(other, toys.root, "2", SubmissionRecord(submitter="another"), names=["loud"])
    old, new = (json.loads(toys.path("loud", r).read_text()) for r in "12")
    assert old["suite"]["digest"] == new["suite"]["digest"]
    assert old["split"]["digest"] == new["split"]["digest"]
    mine, theirs = (d["dataset"]["references_digest"] for d in (old, new))
    found = places(toys.root)
    assert found.keys() == {mine, theirs}
    assert found[theirs] == {"loud": "1"}
    assert found[mine]["loud"] == "1"
