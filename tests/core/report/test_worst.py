"""The worst half second: found where it was put, shown small, and said where there is nothing to show."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from made import SIZE, clicking, clip_ids, counted, frame_in, made_run
from thbench.report.run_data import read_run
from thbench.report.worst import (
    HALF,
    PICTURES,
    differences,
    explained,
    picture_difference,
    worst_window,
)
from thbench.run.folder import VideoFolder
from thbench.run.records import video_record
from thbench.score.keys import observation_cache
from thbench.video import write_lossless


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))


def test_the_window_with_the_largest_mean_is_found() -> None:
    values = np.zeros(50)
    values[31:43] = 2.0
    assert worst_window(values) == (31, 31 + HALF)
    values[40:43] = np.nan  # no value is not 0: the rest still has the largest mean
    start, end = worst_window(values)
    assert end - start == HALF and 28 <= start <= 31
    lonely = np.full(50, np.nan)
    lonely[3], lonely[20:40] = 9.0, 1.0
    assert worst_window(lonely)[0] >= 14  # one frame with a value is no half second
    assert worst_window(np.ones(5)) == (0, 5)


def test_differences_are_said_in_words() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(60, 190, (6, 48, 48, 3)).astype(np.uint8)
    ours = true.copy()
    ours[:, 32:] += 30
    assert differences(ours, true) == [
        "difference of pictures: 0 % in the upper third, 0 % in the middle third, 100 % in the lower third",
        "10.0 grey levels brighter",
    ]
    still = np.repeat(cv2.blur(true[0], (5, 5))[None], 6, axis=0)
    said = " ".join(differences(still, true))
    assert "times as sharp as the ground truth" in said
    assert "0 times as in motion as the ground truth" in said
    assert differences(true, true) == []


def test_the_difference_of_pictures_is_a_mean_over_pixels() -> None:
    a = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    b = np.random.default_rng(2).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    expected = np.abs(a.astype(float) - b).mean(axis=(1, 2, 3))
    assert picture_difference(a, b) == pytest.approx(expected)


def _bad_run(root: Path) -> Path:
    """One system, whose third clip has the worst number and is 60 levels brighter in frames 20 to 31."""
    run = made_run(root, systems=["alpha"], n_clips=4, columns=2, videos=4)
    table = run / "systems/s0/clips.csv"
    head, *lines = table.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    cells[2][3] = "99.0"
    table.write_text("\n".join([head, *(",".join(c) for c in cells)]) + "\n")
    return run


def test_the_worst_clip_and_the_frames_that_differ(tmp_path: Path) -> None:
    run, clip = _bad_run(tmp_path / "run"), clip_ids(4)[2]
    frames = counted(40, 20)  # as the ground truth's
    frames[20:32, BELOW:] += 60
    folder = VideoFolder(run, run / "systems/s0")
    picture = folder.file(clip, ".mkv")
    write_lossless(picture, frames, clicking(40))
    folder.journal.append(video_record(folder, clip, picture, frames, clicking(40), [picture]))
    found = explained(read_run(run), tmp_path / "out", 1)
    moment = found.of("metric0")[0]
    assert (moment.system, moment.clip, moment.value) == ("alpha", clip, 99.0)
    assert (moment.start, moment.end) == (20, 32)
    assert moment.curve == PICTURES and moment.share == pytest.approx(1.0)
    assert moment.facts[1] == "40.0 grey levels brighter"  # 60 on two thirds of the rows
    shown = cv2.imread(str(tmp_path / "out" / moment.picture))
    assert shown.shape[0] < 400 and shown.shape[1] < 600
    assert (tmp_path / "out" / moment.picture).stat().st_size < 60_000
    assert "worst half second" in moment.chart
    first = shown[30:126, -4 * 99 - 5 : -3 * 99 - 5]  # the first frame of the ground truth's row
    assert frame_in(cv2.cvtColor(first, cv2.COLOR_BGR2RGB)) == 20


BELOW = 32
"""Rows above hold the frame's number."""


def test_values_that_a_metric_kept_lead_to_the_moment(tmp_path: Path) -> None:
    """The curve is 1 off in frames 8 to 19; the pictures are the same."""
    run = _bad_run(tmp_path / "run")
    clips = clip_ids(4)
    for row, bump in (("systems/s0", 1.0), (f"controls/{SIZE}/ground-truth", 0.0)):
        keys = {}
        for i, clip in enumerate(clips):
            curve = np.sin(np.arange(40) / 3)
            curve[8:20] += bump
            keys[clip] = f"{i}{int(bump)}" + "a" * 62
            observation_cache().put(keys[clip], {}, {"course": curve})
        (run / row / "observations.json").write_text(json.dumps({"metric0": keys}))
    found = explained(read_run(run), tmp_path / "out", 2)
    first, second = found.of("metric0")
    assert (first.clip, first.curve, first.start, first.end) == (clips[2], "course", 8, 20)
    assert first.share == pytest.approx(1.0)
    assert second.clip != first.clip
    assert found.of("metric1")[0].curve == PICTURES
    assert len(list((tmp_path / "out/worst").iterdir())) == 4
    explained(read_run(run), tmp_path / "out", 1)
    assert (
        len(list((tmp_path / "out/worst").iterdir())) == 2
    )  # nothing of the earlier report is left


def test_what_cannot_be_explained_says_why(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["alpha"], videos=0)
    found = explained(read_run(run), tmp_path / "out", 1)
    assert not found.moments
    why = "no clip with pictures of both the system and the ground truth"
    assert found.silent == {"metric0": why, "metric1": why}
    assert not explained(read_run(run), tmp_path / "out", 0).silent
