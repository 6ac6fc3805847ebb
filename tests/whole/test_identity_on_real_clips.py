"""Every real clip scored against itself is exact: each metric, each way of cropping, whole frames and crops."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runs import start
from thbench.plugins.discovery import registry
from thbench.plugins.weights import import_file
from thbench.video import MediaReader, write_lossless

WEIGHTS = {
    "yunet": "yunet_n_640_640.onnx",
    "pfld": "pfld.onnx",
    "face_mesh": "face_landmark.tflite",
}
FILES = [
    *(f"speaker_{n}.mp4" for n in ("a_512px_25fps_mpeg4", "b_512px_30fps_h264", "d_512px_h264")),
    "speaker_c_1080x1920_25fps_hevc.mp4",
    *(f"crema_d/1001_DFA_{e}_XX.flv" for e in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")),
    *(
        f"grid/{n}.mpg"
        for n in "bbaf2n brbk7n id2_vcd_swwp2s lbax4n lbbc2a lrwp9a lwbsza pwij3p sbia1a sbwe5n swiz3n".split()  # noqa: SIM905
    ),
    *(f"generated/{n}.mp4" for n in ("sadtalker_256px_8s", "anitalker_256px_11s")),
    "generated/anitalker_statue_256px_9s.mp4",
]
SQUARE = [f for f in FILES if f.startswith(("speaker_a", "speaker_b", "speaker_d", "generated"))]
FEW = [
    "speaker_a_512px_25fps_mpeg4.mp4", "speaker_c_1080x1920_25fps_hevc.mp4",
    "crema_d/1001_DFA_ANG_XX.flv", "grid/bbaf2n.mpg", "generated/sadtalker_256px_8s.mp4",
]  # fmt: skip
"""One of each kind: codec, frame rate, aspect and size of the head."""
EVERY = [
    pytest.param(FEW, marks=pytest.mark.slow, id="few"),
    pytest.param(FILES, marks=pytest.mark.long, id="all"),
]
SUITE = """\
schema: 1
name: identity
dataset: {{name: clips, root: refs, crop: {crop}, max_seconds: 0.68}}
split: all
systems:
  m: {{generator: folder, root: {root}, resolution: 96, length: trim, frame_rate: resample, size: resample}}
metrics:
  - psnr
  - {{metric: ssim, precision: float64}}
  - ofm
  - f_mse
  - landmark_motion
  - lmd
  - lvd
  - sharpness
  - fid@puppet-v1  # the networks that are built in: a distance of a set from itself is 0 in any features
  - fvd@puppet-v1
primary: psnr
controls: [ground-truth]
"""


@pytest.fixture
def folder(tmp_path: Path, assets: Callable[[str], Path]) -> Callable[[list[str]], Path]:
    for name, file in WEIGHTS.items():
        import_file(name, assets(f"weights/{file}"), registry().weights())

    def linked(files: list[str]) -> Path:
        (tmp_path / "refs").mkdir()
        for file in files:
            (tmp_path / "refs" / Path(file).name).symlink_to(assets(f"clips/{file}"))
        return tmp_path

    return linked


def identical(tmp_path: Path, crop: str, root: str = "refs") -> dict[str, int]:
    """Scores, asserts that every one is the ground truth's own, and returns the placements."""
    results = start(tmp_path, SUITE.format(crop=crop, root=root)).both()
    mine, truth = results["m"], results["ground-truth"]
    assert mine.clips.failed == 0, mine.clips.failures
    assert mine.clips.misframed == ()
    assert mine.scores["psnr"].value == 100
    assert mine.scores["ssim"].value == pytest.approx(1, abs=1e-12)
    assert [mine.scores[n].value for n in ("m_lmd", "f_lmd", "m_lvd")] == [0, 0, 0]
    if mine.clips.n > 1:  # sets of one clip have no distance
        assert mine.scores["fid@puppet-v1"].value == pytest.approx(0, abs=1e-6)
        assert mine.scores["fvd@puppet-v1"].value == pytest.approx(0, abs=1e-6)
    for name, score in mine.scores.items():
        assert score.value == truth.scores[name].value, name
        if score.better == "nearer-reference":
            assert score.distance_from_reference == 0, name
    rows = (tmp_path / "run/systems/m/framing.csv").read_text().splitlines()[1:]
    assert len(rows) == mine.clips.n
    assert all(re.search(r",0\.0,0\.0,1\.0,1\.0,0\.0,\d+,", row) for row in rows), rows
    return mine.clips.placements


@pytest.mark.parametrize("files", EVERY)
@pytest.mark.parametrize("crop", ["face", "centre"])
def test_whole_frames_on_both_sides(
    crop: str, files: list[str], folder: Callable[[list[str]], Path]
) -> None:
    placements = identical(folder(files), crop)
    wide = [f for f in files if f.startswith(("crema_d", "grid", "speaker_c"))]
    assert placements["as its reference"] >= len(wide) > 0


@pytest.mark.parametrize("files", EVERY)
def test_square_clips_as_they_are(files: list[str], folder: Callable[[list[str]], Path]) -> None:
    square = [f for f in files if f in SQUARE]
    assert identical(folder(square), "none") == {"as it is": len(square)}


@pytest.mark.parametrize("files", EVERY)
def test_the_crops_themselves(files: list[str], folder: Callable[[list[str]], Path]) -> None:
    """The stored references, delivered as squares at the resolution that is scored."""
    tmp_path = folder(files)
    start(tmp_path, SUITE.format(crop="face", root="refs")).generate()
    (tmp_path / "crops").mkdir()
    for file in sorted((tmp_path / "run/references/96/videos").glob("*.mkv")):
        (tmp_path / "crops" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "run").rename(tmp_path / "before")
    assert identical(tmp_path, "face", "crops") == {"as it is": len(files)}


@pytest.mark.slow
def test_a_square_recording_cropped_by_its_face_is_recognised_both_ways(
    tmp_path: Path, folder: Callable[[list[str]], Path], assets: Callable[[str], Path]
) -> None:
    """A person in a wide square: the whole square and the crop of it are both square."""
    folder([])
    full = next(MediaReader().frames(assets("clips/speaker_c_1080x1920_25fps_hevc.mp4")))
    frames = np.repeat(full[300:1380][None], 10, axis=0)
    write_lossless(tmp_path / "refs/c.mkv", frames, np.zeros(6400, np.int16))
    assert identical(tmp_path, "face") == {"as its reference": 1}
