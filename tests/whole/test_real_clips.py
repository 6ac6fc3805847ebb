"""The main job on real talking heads: crop, pre-rendered videos, controls, a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from guards import some
from runs import start, videos, written
from thbench.plugins.discovery import registry
from thbench.plugins.weights import import_file
from thbench.video import MediaReader, decode_count, write_h264

SUITE = """\
schema: 1
name: real
dataset: {{name: clips, root: '{clips}', crop: face, max_seconds: 1}}
split: all
systems:
  blurred: {{generator: folder, root: generated, resolution: 128, pattern: '{{clip}}.mp4'}}
metrics: [ofm, f_mse, psnr, ssim]
primary: f_mse
"""


@pytest.fixture
def suite(assets: Callable[[str], Path], tmp_path: Path) -> str:
    import_file("yunet", assets("weights/yunet_n_640_640.onnx"), registry().weights())
    return SUITE.format(clips=speakers(tmp_path, assets))


def speakers(folder: Path, assets: Callable[[str], Path]) -> Path:
    """A folder of links to the four clips of speakers a to d."""
    clips = folder / "speakers"
    clips.mkdir(exist_ok=True)
    for file in some(assets("clips").glob("speaker_*.mp4")):
        if not (clips / file.name).exists():
            (clips / file.name).symlink_to(file)
    return clips


def blur(run: Path, folder: Path) -> None:
    """Re-encoded, blurred copies of the references, as somebody's generator might deliver them."""
    folder.mkdir(exist_ok=True)
    for file in sorted((run / "references/128/videos").glob("*.mkv")):
        recording = MediaReader().read(file)
        frames = np.stack([cv2.GaussianBlur(f, (0, 0), 1.5) for f in recording.frames])
        write_h264(folder / f"{file.stem}.mp4", frames, recording.audio)


@pytest.mark.slow
def test_real_faces_end_to_end(suite: str, tmp_path: Path) -> None:
    run = start(tmp_path, suite)
    run.generate()  # nothing to adopt yet: every clip fails with a reason, and is asked again
    blur(tmp_path / "run", tmp_path / "generated")
    run.generate(retry_failed=True)
    results = run.score()
    system, truth = results["blurred"], results["ground-truth"]
    assert any("copies of the ground truth" in reason for reason in system.unranked_because)
    assert system.clips.generated == 4
    assert system.clips.stores == {"delivered h264 + aac": 4}
    assert system.clips.tracks == {"own": 4}
    values = {name: s.value for name, s in system.scores.items()}
    assert values["psnr"] is not None and 20 < values["psnr"] < 45
    assert values["ssim"] is not None and values["ssim"] < 0.98
    moved, true = values["f_mse"], truth.scores["f_mse"].value
    assert moved is not None and true is not None and moved < true  # blur removes difference
    still = results["still-identity"].scores
    assert still["f_mse"].value == 0.0
    assert results["mismatched-audio"].scores["ofm"].value == truth.scores["ofm"].value

    before, count = written(tmp_path / "run"), decode_count()
    start(tmp_path, suite).both()
    assert decode_count() == count
    assert written(tmp_path / "run") == before

    made = videos(tmp_path / "run")
    lost = tmp_path / "run/references/128/videos/speaker_a_512px_25fps_mpeg4.mkv"
    lost.unlink()
    start(tmp_path, suite).both()
    assert videos(tmp_path / "run") == made
    assert written(tmp_path / "run") == before


@pytest.mark.slow
def test_a_replaced_video_is_adopted_anew(suite: str, tmp_path: Path) -> None:
    run = start(tmp_path, suite)
    run.generate()
    blur(tmp_path / "run", tmp_path / "generated")
    run.generate(retry_failed=True)
    first = run.score()["blurred"].scores["f_mse"].value
    file = tmp_path / "generated" / "speaker_d_512px_h264.mp4"
    recording = MediaReader().read(file)
    write_h264(file, recording.frames // 2, recording.audio)
    again = start(tmp_path, suite).both()["blurred"]
    assert again.scores["f_mse"].value != first
    record = json.loads((tmp_path / "run/systems/blurred/result.json").read_text())
    assert record["clips"]["failed"] == 0


@pytest.mark.slow
def test_every_kind_of_bad_input_is_a_reason_and_nothing_is_lost(
    suite: str, tmp_path: Path, assets: Callable[[str], Path]
) -> None:
    run = start(tmp_path, suite)
    run.generate()
    good = tmp_path / "generated"
    blur(tmp_path / "run", good)
    names = sorted(p.stem for p in good.iterdir())
    whole = (good / f"{names[0]}.mp4").read_bytes()
    (good / f"{names[0]}.mp4").write_bytes(whole[: len(whole) // 2])
    (good / f"{names[1]}.mp4").write_bytes(b"")
    small = MediaReader().read(good / f"{names[2]}.mp4")
    write_h264(good / f"{names[2]}.mp4", small.frames[:, :64, :64], small.audio)
    write_h264(good / f"{names[3]}.mp4", small.frames[:1], small.audio)
    run.generate(retry_failed=True)
    result = run.score()["blurred"]
    assert (result.clips.generated, result.clips.failed) == (0, 4)
    reasons = " | ".join(f.reason for f in result.clips.failures)
    for word in ("64 x 64", "1 frame"):
        assert word in reasons
    assert result.scores["f_mse"].value is None
    assert result.scores["f_mse"].reason == "no clip was scored"
    lines = (tmp_path / "run/systems/blurred/clips.csv").read_text().splitlines()
    assert len(lines) == 5


@pytest.mark.slow
def test_folders_are_scored_without_a_suite_file(
    suite: str,
    tmp_path: Path,
    assets: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from thbench.cli.main import main

    run = start(tmp_path, suite)
    run.generate()
    blur(tmp_path / "run", tmp_path / "my videos")
    words = ["score", "--videos", f"mine={tmp_path / 'my videos'}", "--dataset", "clips"]
    words += ["--root", str(speakers(tmp_path, assets)), "--out", str(tmp_path / "out")]
    words += [
        "--set",
        "dataset.crop=face",
        "--set",
        "dataset.max_seconds=1",
        "--set",
        "metrics=[f_mse]",
    ]
    monkeypatch.setattr("sys.argv", ["thbench", *words])
    main()
    shown = capsys.readouterr().out
    assert "mine" in shown
    result = json.loads((tmp_path / "out/systems/mine/result.json").read_text())
    assert result["clips"]["generated"] == 4
    assert result["suite"]["overrides"][0] == "dataset.crop=face"
