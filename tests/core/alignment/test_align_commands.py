"""`thbench align` and `thbench crop` as a person calls them, on puppets in full frames."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from full_frames import CLIPS, filmed, resized, write
from thbench.video import MediaReader

CENTRE = ["--dataset", "clips", "--set", "dataset.crop=centre"]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """refs, half (the same at half the size), and one output that was enlarged."""
    for clip in CLIPS[:2]:
        frames, audio = filmed(clip, 4)
        write(tmp_path / "refs", clip, frames, audio)
        shown = frames[:, 30:210, 70:250] if clip == CLIPS[1] else resized(frames, 160, 120)
        write(tmp_path / "out", clip, shown, audio)
    return tmp_path


def thbench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "thbench", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_align_shows_both_sides_and_names_what_is_framed_otherwise(folders: Path) -> None:
    done = thbench(folders, "align", "--videos", "m=out", "--root", "refs", *CENTRE)
    assert done.returncode == 1, done.stderr
    assert f"m: {CLIPS[1]}: first picture 1.33 times as large" in done.stdout
    assert "1 of 2 clips framed as their reference, 1 not: alignment.html" in done.stdout
    page = (folders / "alignment.html").read_text()
    assert page.index(CLIPS[1]) < page.index(CLIPS[0])  # what is wrong comes first
    assert page.count("data:image/png;base64,") == 10
    assert "as its reference: the aspect of the recording" in page
    assert not (folders / "runs").exists()  # nothing is left but the sheet


@pytest.mark.slow
def test_align_writes_one_picture(folders: Path) -> None:
    done = thbench(
        folders, "align", "--videos", "m=refs", "--root", "refs", "-o", "sheet.png", *CENTRE
    )
    assert done.returncode == 0, done.stderr
    sheet = cv2.imread(str(folders / "sheet.png"))
    assert sheet.shape[0] > 2 * 160 and sheet.shape[1] > 3 * 160


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["align", "--root", "refs"], "align needs --videos NAME=DIR"),
        (["align", "--videos", "m=refs", "-o", "a.gif"], "neither .html nor .png"),
        (["align", "--videos", "m=nowhere", "--root", "refs"], "folder of generated videos"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, folders: Path) -> None:
    done = thbench(folders, *words)
    assert done.returncode == 2 and message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.slow
def test_crop_writes_squares_and_videos_that_score_as_the_whole_frames_do(folders: Path) -> None:
    words = ["crop", "--videos", "m=out", "--root", "refs", "--lossless", "--resolution", "96"]
    done = thbench(folders, *words, *CENTRE)
    assert done.returncode == 0, done.stderr
    with (folders / "cropped/squares.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["clip"] for line in lines] == sorted(CLIPS[:2])
    keys = ("left", "top", "side", "width", "height")
    assert [float(lines[0][k]) for k in keys] == [40, 0, 240, 320, 240]
    for name in ("references", "m"):
        recording = MediaReader().read(folders / f"cropped/{name}/{CLIPS[0]}.mkv")
        assert recording.frames.shape == (4, 96, 96, 3) and recording.audio is not None
    frames, _ = filmed(CLIPS[0], 4)
    reference = MediaReader().read(folders / f"cropped/references/{CLIPS[0]}.mkv").frames
    expected = [cv2.resize(f[:, 40:280], (96, 96), interpolation=cv2.INTER_AREA) for f in frames]
    assert (reference == np.stack(expected)).all()


@pytest.mark.slow
def test_crop_of_a_dataset_alone(folders: Path) -> None:
    done = thbench(folders, "crop", "--root", "refs", "-o", "here", *CENTRE)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (folders / "here/references").iterdir()) == [
        f"{clip}.mp4" for clip in sorted(CLIPS[:2])
    ]
