"""Files of the same names in another folder: a run folder that holds clips of the first reads them anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made import made_run
from media import sound
from thbench.api import SAMPLES_PER_FRAME
from thbench.video import write_h264

N, SIZE, NAMES = 6, 32, ("ann", "bob")
Score = Callable[..., dict[str, Any]]


def clip(path: Path, seed: int, noise: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    frames = np.tile(rng.integers(60, 190, (1, 1, 1, 3)), (N, SIZE, SIZE, 1))
    if noise:
        frames[1:] += rng.integers(-noise, noise, frames[1:].shape)
    write_h264(path, frames.astype(np.uint8), sound(N * SAMPLES_PER_FRAME, seed))


@pytest.fixture
def score(thbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Score:
    """Scores NAME=DIR over recordings into one run folder; its result and lines of its journal."""
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate(NAMES):
        for folder, seed in (("a", i), ("b", i + 40)):
            clip(Path(folder, "recordings", f"{name}.mp4"), seed)
            clip(Path(folder, "outputs", f"{name}.mp4"), seed, noise=9)

    def scored(name: str, outputs: str, recordings: str, out: str = "run") -> dict[str, Any]:
        words = ["--references", recordings, "--metrics", "psnr", "--resolution", str(SIZE)]
        done = thbench("score", "--videos", f"{name}={outputs}", *words, "--out", out)
        assert done.code == 0, done.err
        result = json.loads(Path(out, "systems", name, "result.json").read_text())
        assert isinstance(result, dict)
        return result

    return scored


def journals() -> int:
    return sum(len(p.read_bytes()) for p in Path("run").rglob("journal.jsonl"))


@pytest.mark.slow
def test_another_folder_is_read_and_not_what_was_stored_of_the_first(score: Score) -> None:
    """Seen: the numbers of the first two folders, printed for the second two."""
    first = score("mine", "a/outputs", "a/recordings")
    alone = score("mine", "b/outputs", "b/recordings", out="alone")
    second = score("mine", "b/outputs", "b/recordings")
    assert first["scores"]["psnr"]["value"] != alone["scores"]["psnr"]["value"]
    assert second["scores"]["psnr"] == alone["scores"]["psnr"]
    assert second["dataset"] == alone["dataset"] != first["dataset"]
    assert second["clips"]["videos_digest"] == alone["clips"]["videos_digest"]


@pytest.mark.slow
def test_other_outputs_over_the_same_recordings(score: Score) -> None:
    score("mine", "a/outputs", "a/recordings")
    alone = score("mine", "b/outputs", "a/recordings", out="alone")
    assert score("mine", "b/outputs", "a/recordings")["scores"] == alone["scores"]


@pytest.mark.slow
def test_the_same_folders_are_not_read_again(score: Score) -> None:
    first = score("mine", "a/outputs", "a/recordings")
    written = journals()
    again = score("mine", "b/../a/outputs", "./a/recordings")
    assert (again["scores"], again["clips"]) == (first["scores"], first["clips"])
    assert journals() == written


def test_a_folder_that_was_moved_gives_the_same(score: Score) -> None:
    first = score("mine", "a/outputs", "a/recordings")
    Path("a").rename("moved")
    again = score("mine", "moved/outputs", "moved/recordings")
    assert (again["scores"], again["dataset"]) == (first["scores"], first["dataset"])


@pytest.mark.slow
def test_rows_over_unlike_references_are_no_table(score: Score, thbench) -> None:
    """A system that was scored before over other recordings stays in the run folder."""
    score("mine", "a/outputs", "a/recordings")
    score("yours", "b/outputs", "b/recordings")
    for words in (["report", "run"], ["report", "run", "--format", "markdown"]):
        done = thbench(*words)
        assert done.code == 2, done.out
        assert "were scored over unlike references at 32 px" in done.err
    score("mine", "b/outputs", "b/recordings")
    done = thbench("report", "run", "--format", "markdown")
    assert done.code == 0, done.err


def test_a_report_of_rows_over_unlike_references_names_them(thbench, tmp_path: Path) -> None:
    run = made_run(tmp_path / "made", systems=("alpha", "beta"))
    file = run / "systems" / "s1" / "result.json"
    file.write_text(file.read_text().replace("3" * 64, "7" * 64))
    done = thbench("report", str(run), "--format", "markdown")
    assert done.code == 2
    assert "alpha and beta were scored over unlike references" in done.err
