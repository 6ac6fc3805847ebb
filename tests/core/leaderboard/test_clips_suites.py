"""Rows over a `clips` suite: whoever verifies them has the recordings elsewhere, and says where."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from boards import Board, board_of, finished_run
from media import sound
from thbench.api import SAMPLES_PER_FRAME
from thbench.leaderboard.store import read_rows
from thbench.video import write_h264

N, SIZE, NAMES = 6, 32, ("ann_1", "ann_2", "bob_1", "cid_1")
SUITE = """
schema: 1
name: toys
dataset: {{name: clips, root: {root}, actor: '{{actor}}_{{clip}}'}}
split: all
systems:
  echo: {{generator: folder, resolution: {size}, root: {root}/../outputs}}
metrics: [psnr, ssim]
primary: psnr
controls: [ground-truth, still-identity]
"""


def clip(path: Path, seed: int, noise: int = 0) -> None:
    """A square that moves over a colour, with noise of so many grey levels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    frames = np.tile(rng.integers(60, 190, (1, 1, 1, 3)), (N, SIZE, SIZE, 1))
    for t in range(N):
        frames[t, t : t + SIZE // 2, t : t + SIZE // 2] += 20
    if noise:
        frames[1:] += np.random.default_rng(seed + 99).integers(-noise, noise, frames[1:].shape)
    write_h264(path, frames.astype(np.uint8), sound(N * SAMPLES_PER_FRAME, seed))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a person who scored outputs/ over recordings/ and then moved both away."""
    folder = tmp_path_factory.mktemp("clips")
    for i, name in enumerate(NAMES):
        clip(folder / "recordings" / f"{name}.mp4", i)
        clip(folder / "outputs" / f"{name}.mp4", i, noise=8)
        clip(folder / "strange" / f"{name}.mp4", i + 40)
    finished_run(folder, SUITE.format(root=folder / "recordings", size=SIZE))
    (folder / "recordings").rename(folder / "moved")
    return folder


@pytest.fixture
def row(made: Path, tmp_path: Path) -> Board:
    return board_of(made / "run", tmp_path)


def test_it_is_verified_where_the_recordings_are(row: Board, made: Path) -> None:
    finding = row.verify(recordings=made / "moved")
    assert (finding.problems, finding.tier) == ((), "rows-verified")
    controls = [r.path.parent.name for r in read_rows(row.root) if r.is_control]
    assert len(controls) == 2
    for name in controls:
        assert row.verify(name, recordings=made / "moved").problems == ()


def test_its_videos_are_scored_again(row: Board, made: Path) -> None:
    videos = made / "run" / "systems" / "echo" / "videos"
    finding = row.verify(recordings=made / "moved", videos=videos)
    assert (finding.problems, finding.tier) == ((), "videos-verified")
    assert finding.verification is not None
    assert finding.verification.videos == (len(NAMES), len(NAMES))


def test_without_a_place_the_flag_is_named(row: Board, made: Path) -> None:
    (problem,) = row.verify().problems
    assert problem.startswith(f"suite toys: folder of videos {made / 'recordings'}")
    assert "--root DIR says where the recordings of its dataset lie" in problem


def test_other_recordings_of_the_same_names_are_found_out(row: Board, made: Path) -> None:
    videos = made / "run" / "systems" / "echo" / "videos"
    problems = row.verify(recordings=made / "strange", videos=videos).problems
    assert any("scored again" in p for p in problems)
    assert any("the recordings here are other references" in p for p in problems)


def test_recordings_of_other_names_are_another_split(
    row: Board, made: Path, tmp_path: Path
) -> None:
    shutil.copytree(made / "moved", tmp_path / "fewer")
    (tmp_path / "fewer" / "bob_1.mp4").unlink()
    problems = row.verify(recordings=tmp_path / "fewer").problems
    assert any("measured on another split" in p for p in problems)


@pytest.mark.slow
def test_a_manifest_lists_them_and_scoring_still_asks_for_the_root(
    row: Board, made: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "list.csv"
    lines = [f"{n}.mp4,{n},{n[:3]}" for n in NAMES]
    manifest.write_text("\n".join(["file,clip,actor", *lines, ""]))
    assert row.verify(manifest=manifest).tier == "rows-verified"
    videos = made / "run" / "systems" / "echo" / "videos"
    (problem,) = row.verify(manifest=manifest, videos=videos).problems
    assert problem.startswith("to score videos again: ")
    assert "--root FOLDER" in problem
    assert "--set" not in problem
    again = row.verify(recordings=made / "moved", manifest=manifest, videos=videos)
    assert again.tier == "videos-verified"


def test_a_suite_is_outdated_only_where_it_has_changed(row: Board, thbench) -> None:
    """That says nothing of where recordings are: none is needed."""
    done = thbench("leaderboard", "outdated", "--in", str(row.root), "--suites", str(row.suites))
    assert (done.code, done.out) == (0, "all rows are current\n")


def test_a_dataset_without_such_a_place(thbench) -> None:
    root = Path(__file__).resolve().parents[3] / "leaderboard"
    row = root / "results" / "demo" / "gan" / "1.json"
    done = thbench("leaderboard", "verify", str(row), "--in", str(root), "--root", "somewhere")
    assert done.code == 1
    assert "--root somewhere: unknown option of dataset 'puppet' 'root'" in done.out


@pytest.mark.slow
def test_the_way_of_a_folder_of_outputs(
    thbench, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`score --videos` with the shipped suite, `add`, `verify --root`, `verify --root --videos`."""
    monkeypatch.chdir(tmp_path)
    moved, outputs = str(made / "moved"), str(made / "outputs")
    words = ["--resolution", str(SIZE), "--out", "run"]
    done = thbench("score", "--videos", f"mine={outputs}", "--references", moved, *words)
    assert done.code == 0, done.err
    done = thbench("leaderboard", "add", "run", "--to", "board", "--pin", "--submitter", "me")
    assert done.code == 0, done.err
    verify = ["leaderboard", "verify", "--in", "board"]
    done = thbench(*verify)
    assert done.code == 1
    assert "--root DIR" in done.out
    done = thbench(*verify, "--root", moved)
    assert done.code == 0, done.out
    assert done.out.endswith("all in order\n")
    file = "board/results/videos/mine/1.json"
    done = thbench(
        *verify, file, "--root", moved, "--videos", "run/systems/mine/videos", "--record"
    )
    assert done.code == 0, done.out
    assert json.loads(Path("board/results/videos/mine/1.verified").read_text())["videos"] == [4, 4]
