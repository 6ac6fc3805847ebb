"""Rows of systems that edit the recording have tables of their own, with the same pinned controls."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from boards import Board, board_of, shared_run
from thbench.environment import Settings
from thbench.leaderboard.build import board
from thbench.leaderboard.page import page
from thbench.leaderboard.rescore import decoded_as
from thbench.report.site import write_site


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_run(tmp_path_factory)


@pytest.fixture
def toys(run: Path, tmp_path: Path) -> Board:
    found = board_of(run, tmp_path)
    found.change(lambda data: data["system"].update(given="recording"))
    return found


def test_they_are_ranked_among_themselves(toys: Board) -> None:
    one, other = board(toys.root)["measured"]
    places = [{r["system"]: r["place"] for r in t["rows"]} for t in (one, other)]
    assert (one["given"], other["given"]) == ("image", "recording")
    assert "echo" not in places[0] and (places[0]["loud"], places[0]["twin"]) == ("1", "2")
    assert {s for s, place in places[1].items() if place} == {"echo"}
    assert "ground-truth" in places[0] and "ground-truth" in places[1]
    assert "systems that edit the recording itself\n" in page(board(toys.root))


def test_the_site_shows_a_control_once_and_both_tables(toys: Board, tmp_path: Path) -> None:
    pages = write_site(toys.root, tmp_path / "site")
    text = next(p for p in pages if p.name != "index.html").read_text()
    assert text.count("<h2>") >= 2
    assert "px, systems that edit the recording itself</h2>" in text


def test_videos_are_scored_again_as_the_row_decoded_them() -> None:
    for identity, wanted in (({}, "exact"), ({"decode": "ffmpeg-default"}, "ffmpeg-default")):
        score = SimpleNamespace(identity=identity)
        row = SimpleNamespace(result=SimpleNamespace(scores={"psnr": score}))
        assert decoded_as(row, Settings()).decode == wanted  # type: ignore[arg-type]
