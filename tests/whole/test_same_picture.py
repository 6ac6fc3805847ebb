"""Both sides of a comparison see the same picture: delivered videos, their placement and registration."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from full_frames import CLIPS, filmed, resized, write
from thbench.api import Frames
from thbench.video import MediaReader

METRICS = "metrics=[psnr,ssim,f_mse]"
IDENTICAL = {"psnr": 100.0, "ssim": 1.0, "f_mse_difference": 0.0}


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    for clip in CLIPS:
        write(tmp_path / "refs", clip, *filmed(clip))
    return tmp_path / "refs"


class Scored:
    """`thbench score` in this process."""

    def __init__(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.tmp_path, self.capsys, self.patch = tmp_path, capsys, patch

    def thbench(self, *words: object) -> str:
        """What the screen showed."""
        from thbench.cli import main

        self.patch.setattr("sys.argv", ["thbench", *(str(word) for word in words)])
        self.capsys.readouterr()
        with suppress(SystemExit):
            main()
        return self.capsys.readouterr().out

    def __call__(self, videos: Path, root: Path, *words: str) -> tuple[dict[str, Any], str]:
        """The result document and what the screen showed."""
        out = self.tmp_path / f"run-{len(list(self.tmp_path.glob('run-*')))}"
        sets = [w for word in words for w in ("--set", word)]
        folders = ["--videos", f"m={videos}", "--root", root, "--out", out]
        screen = self.thbench("score", "--resolution", "128", *folders, "--set", METRICS, *sets)
        result = json.loads((out / "systems/m/result.json").read_text())
        if (out / "systems/m/framing.csv").exists():
            with (out / "systems/m/framing.csv").open(newline="") as file:
                result["framing"] = {line["clip"]: line for line in csv.DictReader(file)}
        result["truth"] = json.loads((out / "controls/128/ground-truth/result.json").read_text())
        result["run"] = out
        return result, screen


@pytest.fixture
def score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Scored:
    return Scored(tmp_path, capsys, monkeypatch)


def values(result: dict[str, Any]) -> dict[str, float]:
    found = {name: score["value"] for name, score in result["scores"].items()}
    truth = {name: score["value"] for name, score in result["truth"]["scores"].items()}
    return {
        "psnr": found["psnr"],
        "ssim": found["ssim"],
        "f_mse_difference": found["f_mse"] - truth["f_mse"],
    }


def redraw(root: Path, out: Path, change: Callable[[Frames], Frames]) -> Path:
    for file in sorted(root.iterdir()):
        recording = MediaReader().read(file)
        write(out, file.stem, change(recording.frames), recording.audio)
    return out


@pytest.mark.slow
def test_the_same_full_frames_on_both_sides_are_equal(
    recordings: Path, tmp_path: Path, score: Scored
) -> None:
    result, screen = score(recordings, recordings, "dataset.crop=centre")
    assert values(result) == IDENTICAL
    assert result["clips"]["placements"] == {"as its reference": 3}
    assert result["clips"]["misframed"] == []
    assert not any("framed" in reason for reason in result["unranked_because"])
    assert "3 of 3 video(s) cut to their reference's square" in screen
    line = result["framing"][CLIPS[0]]
    assert (line["placement"], line["why"]) == ("as its reference", "the recording's 320 x 240 px")
    assert [float(line[k]) for k in ("left", "top", "side")] == [40, 0, 240]
    assert [float(line[k]) for k in ("right", "down", "scale")] == [0, 0, 1]
    assert int(line["matches"]) > 30 and line["beyond"] == ""


@pytest.mark.slow
def test_a_video_that_is_the_square_already_is_taken_as_it_is(
    recordings: Path, tmp_path: Path, score: Scored
) -> None:
    squares = redraw(recordings, tmp_path / "squares", lambda f: f[:, :, 40:280])
    result, _ = score(squares, recordings, "dataset.crop=centre")
    assert values(result) == IDENTICAL
    assert result["clips"]["placements"] == {"as it is": 3}
    assert result["framing"][CLIPS[0]]["why"] == "square, unlike the recording"


@pytest.mark.slow
def test_the_recording_at_half_its_size_is_cut_alike(
    recordings: Path, tmp_path: Path, score: Scored
) -> None:
    half = redraw(recordings, tmp_path / "half", lambda f: resized(f, 160, 120))
    result, _ = score(half, recordings, "dataset.crop=centre")
    assert (
        values(result)["psnr"] > 27
    )  # only what halving lost; 240 -> 128 px needs half of it anyway
    line = result["framing"][CLIPS[0]]
    assert [float(line[k]) for k in ("left", "top", "side")] == [20, 0, 120]
    assert abs(float(line["right"])) < 0.005 and abs(float(line["scale"]) - 1) < 0.02
    assert result["clips"]["misframed"] == []


def shifted(frames: Frames) -> Frames:
    """The square, 10 % to the right."""
    return frames[:, :, 16:256]


def enlarged(frames: Frames) -> Frames:
    return frames[:, 30:210, 70:250]


def squeezed(frames: Frames) -> Frames:
    """The whole picture in a square: what a resize without a crop makes."""
    return resized(frames, 240, 240)


def boxed(frames: Frames) -> Frames:
    """The whole picture in a square with black bars."""
    return np.pad(frames, [(0, 0), (40, 40), (0, 0), (0, 0)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (shifted, ["10% of its side too far right"]),
        (enlarged, ["1.33 times as large"]),
        (squeezed, ["0.75 times as wide for its height"]),
        (boxed, ["letterboxed by 12% above, 12% below", "0.75 times as large"]),
    ],
)
def test_what_is_framed_otherwise_is_found_and_named(
    change: Callable[[Frames], Frames],
    words: list[str],
    recordings: Path,
    tmp_path: Path,
    score: Scored,
) -> None:
    other = redraw(recordings, tmp_path / "other", change)
    result, screen = score(other, recordings, "dataset.crop=centre")
    reasons = {c: r["reason"] for r in result["clips"]["misframed"] for c in r["clips"]}
    assert set(reasons) == set(CLIPS)
    for reason in reasons.values():
        assert all(word in reason for word in words), reason
    assert not result["ranked"]
    assert "3 of 3 clips are framed unlike their reference" in result["unranked_because"]
    shown = " ".join(screen.split())
    assert "3 of 3 clips framed unlike their reference (framing.csv), e.g. " in shown
    assert words[0] in shown
    sheet = cv2.imread(str(result["run"] / f"systems/m/alignment/{CLIPS[0]}.png"))
    assert sheet.shape == (128, 3 * 128, 3)
    if change is enlarged:
        score.thbench("report", result["run"], "--no-videos")
        page = (result["run"] / "report/index.html").read_text()
        assert 'id="framing"' in page and "1.33 times as large" in page
        assert page.count('src="framing/') == 3
        assert (result["run"] / "report/framing/0-0.png").is_file()


@pytest.mark.slow
def test_bars_around_the_recordings_framing_are_named(
    recordings: Path, tmp_path: Path, score: Scored
) -> None:
    def barred(frames: Frames) -> Frames:
        return np.pad(frames, [(0, 0), (30, 30), (0, 0), (0, 0)])

    other = redraw(recordings, tmp_path / "other", barred)
    result, _ = score(other, recordings, "dataset.crop=centre")
    reason = result["clips"]["failures"][0]["reason"]
    assert "320 x 300 px is not square and not framed as its recording (320 x 240 px)" in reason
    words = "letterboxed, its recording lies within (black bars: 30 px above, 30 px below)"
    assert words in reason


@pytest.mark.slow
def test_crop_none_takes_every_video_as_it_is(
    recordings: Path, tmp_path: Path, score: Scored
) -> None:
    squares = redraw(recordings, tmp_path / "squares", lambda f: resized(f, 240, 240))
    words = ["dataset.crop=centre", "systems.m.crop=none"]
    result, _ = score(squares, recordings, *words)
    assert result["clips"]["placements"] == {"as it is": 3}
    assert result["framing"][CLIPS[0]]["why"] == "crop: none"
