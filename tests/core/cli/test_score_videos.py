"""`thbench score --videos ...`: what people type, what they are told, and no word of a file they never saw."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from media import sound
from thbench.api import SAMPLES_PER_FRAME
from thbench.suite.sizes import common_size, default_resolutions
from thbench.video import write_h264

N = 6


def clip(path: Path, width: int, height: int, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    base = np.random.default_rng(seed).integers(60, 190, (1, 1, 1, 3))
    frames = np.tile(base, (N, height, width, 1)).astype(np.uint8)
    for t in range(N):
        frames[t, t : t + height // 2, t : t + width // 2] += 20
    write_h264(path, frames, sound(N * SAMPLES_PER_FRAME, seed))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """recordings/ann_1.mp4 ... at 48 px, outputs/ann_1_out.mp4 ... at 32 px; the working folder."""
    for i, name in enumerate(["ann_1", "ann_2", "bob_1"]):
        clip(tmp_path / "recordings" / f"{name}.mp4", 48, 48, i)
        clip(tmp_path / "outputs" / f"{name}_out.mp4", 32, 32, i)
    monkeypatch.chdir(tmp_path)
    return tmp_path


COMMAND = ["score", "--videos", "mine=outputs", "--references", "recordings"]
NAMED = [*COMMAND, "--pattern", "{clip}_out.mp4"]


def test_the_command_people_type(thbench, here: Path) -> None:
    more = ["--metrics", "ofm,psnr", "--limit", "2", "--actor", "{actor}_{clip}"]
    done = thbench(*NAMED, *more, "--crop", "centre", "--out", "run")
    assert done.code == 0, done.err
    assert "mine: scored at 32 px, the size of its videos (--resolution N" in done.err
    assert "primary score: ofm (--set primary=NAME" in done.err
    result = json.loads((here / "run/systems/mine/result.json").read_text())
    assert set(result["scores"]) == {"ofm", "ofm_beyond", "psnr"}
    assert result["clips"]["generated"] == result["clips"]["n"] == 2
    assert result["system"]["resolution"] == 32
    assert result["suite"]["primary"] == "ofm"
    assert result["suite"]["overrides"] == [
        "dataset.crop=centre",
        "dataset.actor={actor}_{clip}",
        'metrics=["ofm", "psnr"]',
        "limits.clips=2",
        "systems.mine.pattern={clip}_out.mp4",
    ]
    assert result["dataset"]["options"]["crop"] == "centre"


def test_a_manifest_and_a_resolution(thbench, here: Path) -> None:
    rows = "file,clip,actor\nann_1.mp4,ann_1,ann\nann_2.mp4,ann_2,ann\n"
    (here / "clips.csv").write_text(rows)
    words = ["--manifest", "clips.csv", "--resolution", "64", "--metrics", "psnr", "--dry-run"]
    done = thbench(*NAMED, *words)
    assert done.code == 0, done.err
    assert "2 clips of 1 actors" in done.out
    assert "system mine at 64 px" in done.out
    assert "scored at" not in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--metrics", "psnr,ssmi"], "--metrics psnr,ssmi: unknown metric 'ssmi' — did you mean"),
        (["--metrics", ","], "--metrics names none"),
        (["--metrics", "psnr,psnr"], "--metrics psnr,psnr: 1: 'psnr' stands twice"),
        (["--resolution", "15"], "--resolution 15: Input should be"),
        (["--resolution", "65"], "--resolution 65: Input should be"),
        (["--crop", "head"], "--crop head: Input should be 'none', 'centre' or 'face'"),
        (["--pattern", "out.mp4"], "pattern 'out.mp4' lacks {clip}"),
        (["--actor", "{clip}"], "names {actor} not once"),
        (["--manifest", "absent.csv"], "absent.csv: --manifest FILE"),
        (["--references", "absent"], "absent: --references FOLDER"),
        (["--videos", "yours=absent"], "absent: --videos yours=FOLDER"),
        (["--videos", "mine=recordings"], "'mine' is outputs already"),
        (["--videos", "a/b=recordings"], "--videos a/b=recordings: is no usable system name"),
        (["--set", "systems.mnie.crop=1"], "--set systems.mnie.crop: unknown system 'mnie'"),
        (["--set", "systems.mine.croq=1"], "--set systems.mine.croq: unknown option"),
        (["--set", "primary=psrn"], "--set primary: unknown score 'psrn' — did you mean 'psnr'?"),
        (["--dataset", "clisp"], "--dataset clisp: unknown dataset 'clisp'"),
    ],
)
def test_what_is_wrong_is_said_of_the_flag(
    thbench, here: Path, words: list[str], says: str
) -> None:
    done = thbench(*NAMED, *words)
    assert done.code == 2
    assert says in done.err
    assert "videos.yaml" not in done.err


def test_flags_of_videos_beside_a_suite_are_refused(thbench) -> None:
    done = thbench("score", "smoke", "--metrics", "psnr")
    assert done.code == 2
    assert "--metrics belongs to --videos" in done.err


def test_references_that_are_not_square_need_a_choice(thbench, here: Path) -> None:
    clip(here / "wide" / "ann_1.mp4", 96, 48, 0)
    done = thbench("score", "--videos", "mine=wide", "--references", "wide", "--out", "run")
    assert done.code == 2
    assert "ann_1.mp4 is 96 x 48 px, not square — add --crop face" in done.err
    assert not (here / "run").exists()


def document(crop: str, references: Path, **folders: Path):
    from thbench.files.yamlfile import Document

    systems = {name: {"resolution": 128} for name in folders}
    return Document("", {"dataset": {"crop": crop, "root": str(references)}, "systems": systems})


@pytest.mark.parametrize(
    ("crop", "reference", "video", "side"),
    [
        ("none", (48, 48), (64, 64), 64),
        ("face", (640, 480), (96, 96), 96),  # a crop already
        ("face", (640, 480), (640, 480), 256),  # the whole picture: the usual size of a face crop
        ("face", (640, 480), (320, 240), 240),
        ("face", (96, 96), (48, 48), 48),
        ("face", (512, 512), (512, 512), 256),
        ("centre", (96, 48), (96, 48), 48),
        ("centre", (96, 48), (48, 24), 24),
        ("centre", (48, 48), (64, 64), 64),
    ],
)
def test_the_resolution_follows_the_videos(
    tmp_path: Path, crop: str, reference: tuple[int, int], video: tuple[int, int], side: int
) -> None:
    clip(tmp_path / "r" / "a.mp4", *reference, 0)
    clip(tmp_path / "v" / "a.mp4", *video, 0)
    made = document(crop, tmp_path / "r", mine=tmp_path / "v")
    (note,) = default_resolutions(made, {"mine": tmp_path / "v"})
    assert made.data["systems"]["mine"]["resolution"] == side
    assert f"scored at {side} px" in note


def test_the_most_frequent_size_counts_and_other_files_do_not(tmp_path: Path) -> None:
    for i, side in enumerate([32, 48, 48]):
        clip(tmp_path / f"{i}.mp4", side, side, i)
    (tmp_path / "0.txt").write_text("no video")
    found = common_size(tmp_path)
    assert found is not None
    assert found[0] == (48, 48)
    assert common_size(tmp_path / "absent") is None


def test_two_sizes_are_two_tables_and_that_is_said(tmp_path: Path) -> None:
    clip(tmp_path / "a" / "x.mp4", 32, 32, 0)
    clip(tmp_path / "b" / "x.mp4", 48, 48, 0)
    folders = {"a": tmp_path / "a", "b": tmp_path / "b"}
    notes = default_resolutions(document("none", tmp_path, **folders), folders)
    assert "--resolution 32 makes it one" in notes[-1]
