"""The pages are a pure function of the files: same bytes, honest order, nothing mixed that differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from boards import Board, board_of, shared_run
from thbench.cli.main import main
from thbench.errors import UserError
from thbench.leaderboard.add import add
from thbench.leaderboard.build import board, board_text
from thbench.leaderboard.page import page
from thbench.leaderboard.store import verified_file
from thbench.leaderboard.verify import record
from thbench.results.document import SubmissionRecord
from thbench.results.row import clips_file

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_run(tmp_path_factory)


@pytest.fixture
def toys(run: Path, tmp_path: Path) -> Board:
    return board_of(run, tmp_path)


def test_the_repositorys_pages_are_current() -> None:
    root = ROOT / "leaderboard"
    data = board(root)
    how = "run: thbench leaderboard build"
    assert (root / "README.md").read_text(encoding="utf-8") == page(data), how
    assert (root / "data.json").read_text(encoding="utf-8") == board_text(data), how


@pytest.mark.slow
def test_the_repositorys_rows_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sys.argv", ["thbench", "leaderboard", "verify", "--in", str(ROOT / "leaderboard")]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0


def test_building_twice_changes_no_byte(toys: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["thbench", "leaderboard", "build", "--in", str(toys.root)]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    first = {n: (toys.root / n).stat().st_mtime_ns for n in ("README.md", "data.json")}
    monkeypatch.setattr("sys.argv", [*words, "--check"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert first == {n: (toys.root / n).stat().st_mtime_ns for n in first}
    moved = toys.root.with_name("elsewhere")
    shutil.copytree(toys.root, moved)
    assert board_text(board(moved)) == (toys.root / "data.json").read_text()


def test_only_complete_systems_are_ranked_and_ties_are_shown(toys: Board) -> None:
    rows = board(toys.root)["measured"][0]["rows"]
    assert [(r["system"], r["place"]) for r in rows[:3]] == [
        ("loud", "1"),
        ("twin", "2"),
        ("echo", "3"),
    ]
    assert rows[3]["system"] == "ground-truth"
    assert all(r["place"] is None for r in rows[3:])


def test_equal_systems_share_their_places(toys: Board) -> None:
    for path in (toys.path("twin"), clips_file(toys.path("twin"))):
        path.unlink()
    data = json.loads(toys.path("echo").read_text())
    data["system"]["name"] = "twin"
    toys.path("twin").write_text(json.dumps(data))
    shutil.copy(clips_file(toys.path("echo")), clips_file(toys.path("twin")))
    rows = {r["system"]: r for r in board(toys.root)["measured"][0]["rows"]}
    assert rows["loud"]["place"] == "1"
    assert (rows["echo"]["place"], rows["twin"]["place"]) == ("2–3", "2–3")
    assert rows["echo"]["tied_with"] == ["twin"]
    assert "| 2–3 | echo |" in page(board(toys.root))


def test_another_identity_makes_another_table(toys: Board) -> None:
    def change(d: dict[str, Any]) -> None:
        d["scores"]["brightness"]["identity_digest"] = "0" * 64

    toys.change(change)
    tables = board(toys.root)["measured"]
    assert sorted(len(t["rows"]) for t in tables) == [1, 8]


def test_synthetic_rows_stand_apart(toys: Board) -> None:
    for path in sorted(toys.root.glob("results/toys/*/1.json")):
        toys.change(lambda d: d["dataset"].update(synthetic=True), path.parent.name)
    data = board(toys.root)
    assert data["measured"] == []
    assert len(data["synthetic"][0]["rows"]) == 9
    text = page(data)
    assert text.index("## Synthetic faces") < text.index("| 1 | loud |")
    assert "No measured rows yet." in text


@pytest.mark.slow
def test_set_metrics_stay_self_reported_until_all_videos_were_scored_again(
    toys: Board, run: Path
) -> None:
    record(toys.verify(), toys.root)
    assert "] † |" in page(board(toys.root))
    row = next(r for r in board(toys.root)["measured"][0]["rows"] if r["system"] == "echo")
    assert (row["verified"], row["self_reported"]) == ("rows-verified", ["spread"])
    record(toys.verify(videos=run / "systems/echo/videos", sample=3), toys.root)
    row = next(r for r in board(toys.root)["measured"][0]["rows"] if r["system"] == "echo")
    assert (row["verified"], row["self_reported"]) == ("videos-verified (3 of 24)", ["spread"])
    record(toys.verify(videos=run / "systems/echo/videos"), toys.root)
    row = next(r for r in board(toys.root)["measured"][0]["rows"] if r["system"] == "echo")
    assert (row["verified"], row["self_reported"]) == ("videos-verified (24 of 24)", [])
    record(toys.verify(), toys.root)  # less than is known already
    assert board(toys.root)["measured"][0]["rows"][2] == row


def test_videos_of_another_system_are_found_out(toys: Board, run: Path) -> None:
    finding = toys.verify(videos=run / "systems/loud/videos", sample=2)
    assert any("scored again" in p for p in finding.problems)
    finding = toys.verify(videos=run / "systems", sample=1)
    assert any("no video for clip" in p for p in finding.problems)


def test_a_run_of_ones_own_reproduces_a_row(toys: Board, run: Path) -> None:
    assert toys.verify(other=run).tier == "reproduced"
    finding = toys.verify(other=run / "systems" / "loud")
    assert any("has no echo" in p for p in finding.problems)


def test_a_duplicate_revision_is_refused(toys: Board, run: Path) -> None:
    same, other = SubmissionRecord(submitter="a person"), SubmissionRecord(submitter="another")
    record(toys.verify(), toys.root)
    add(run, toys.root, "1", same)  # the same bytes: nothing happens
    assert verified_file(toys.path()).exists()
    with pytest.raises(UserError, match="exists and is another result"):
        add(run, toys.root, "1", other)
    add(run, toys.root, "2", other, names=["echo"])
    assert {r["system"] for r in board(toys.root)["measured"][0]["rows"]} >= {
        "echo (1)",
        "echo (2)",
    }
    add(run, toys.root, "1", other, names=["echo"], replace=True)
    assert not verified_file(toys.path()).exists()


def test_a_system_that_the_run_lacks_is_named(toys: Board, run: Path) -> None:
    with pytest.raises(UserError, match="has no system 'ecco'"):
        add(run, toys.root, "1", SubmissionRecord(), names=["ecco"])
    with pytest.raises(UserError, match="holds no result"):
        add(run / "references", toys.root, "1", SubmissionRecord())


def test_rows_of_a_changed_suite_are_outdated(
    toys: Board, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def outdated(suites: Path) -> tuple[object, str]:
        words = [
            "thbench",
            "leaderboard",
            "outdated",
            "--in",
            str(toys.root),
            "--suites",
            str(suites),
        ]
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, capsys.readouterr().out

    assert outdated(toys.suites) == (0, "all rows are current\n")
    changed = tmp_path / "suites"
    changed.mkdir()
    text = (toys.suites / "toys.yaml").read_text()
    (changed / "toys.yaml").write_text(
        text.replace("[toy-brightness]", "[{metric: toy-brightness, scale: 2}]")
    )
    code, said = outdated(changed)
    assert code == 1
    assert "brightness: has another identity now" in said
    assert outdated(tmp_path)[0] == 1


def test_the_way_from_a_run_to_its_row(
    toys: Board,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`add`, `verify --record`, `build`, as the guide says."""
    root = tmp_path / "mine"
    common = ["--videos", "https://example.org/v.zip", "--videos-sha256", "0" * 64]
    for words in (
        ["add", str(run), "--to", str(root), "--pin", "--submitter", "me", *common],
        ["verify", "--in", str(root), "--suites", str(toys.suites), "--record"],
        ["build", "--in", str(root)],
    ):
        monkeypatch.setattr("sys.argv", ["thbench", "leaderboard", *words])
        try:
            main()
        except SystemExit as stop:
            assert stop.code == 0, capsys.readouterr()
    assert "| 1 | loud | rows-verified | 24/24 |" in (root / "README.md").read_text()
    assert (
        json.loads((root / "data.json").read_text())["measured"][0]["rows"][0]["submission"][
            "submitter"
        ]
        == "me"
    )


@pytest.mark.parametrize(
    "url", ["http://example.org/a.zip", "file:///etc/passwd", "https://a b", "ftp://x"]
)
def test_videos_are_fetched_by_https_only(
    url: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["thbench", "leaderboard", "add", str(run), "--to", str(tmp_path / "x")]
    monkeypatch.setattr("sys.argv", [*words, "--videos", url, "--videos-sha256", "0" * 64])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert not (tmp_path / "x").exists()
