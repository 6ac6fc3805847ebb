"""The option `crop` of the generators `folder` and `command`: which square of a delivered video is taken."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from full_frames import CLIPS, filmed, resized, write
from thbench.api import Failure, Frames, Generated, Request, Square
from thbench.video import MediaReader, write_lossless
from thbench_external import FolderOptions, thbench_generators
from thbench_external.adopt import Adopter
from thbench_external.command_options import CommandOptions

FOLDER, COMMAND = sorted(thbench_generators(), key=lambda p: p.name, reverse=True)
FRAME = Square(60, 20, 200, 320, 240)
CLIP = CLIPS[0]
CONTEXT: Any = SimpleNamespace(media=MediaReader(), threads=1, device="cpu")


@pytest.fixture
def full() -> Frames:
    return filmed(CLIP, 4)[0]


@pytest.fixture
def asked(full: Frames) -> Request:
    return Request(CLIP, FRAME.cut(full[0], 64), filmed(CLIP, 4)[1], 4, 64, seed=1, frame=FRAME)


def deliver(tmp_path: Path, asked: Request, frames: Frames, **options: Any) -> Generated | Failure:
    write(tmp_path / "out", CLIP, frames, asked.audio)
    generator = FOLDER.build(FolderOptions(tmp_path / "out", **options), CONTEXT)
    (answer,) = generator.generate([asked])
    return answer


def expected(full: Frames, size: int = 64) -> Frames:
    return np.stack([FRAME.cut(f, size) for f in full])


def test_the_recordings_framing_is_cut_under_strict_rules(
    tmp_path: Path, asked: Request, full: Frames
) -> None:
    """It is what happened to the reference, so `size: strict` allows it."""
    answer = deliver(tmp_path, asked, full)
    assert isinstance(answer, Generated) and answer.frames is not None
    assert (answer.frames == expected(full)).all()
    assert answer.placement is not None and answer.placement.how == "as its reference"


def test_the_recording_at_another_size_needs_resample(
    tmp_path: Path, asked: Request, full: Frames
) -> None:
    half = resized(full, 160, 120)
    answer = deliver(tmp_path, asked, half)
    assert isinstance(answer, Failure)
    assert answer.reason == "160 x 120 px, 320 x 240 needed: set size: resample"
    answer = deliver(tmp_path, asked, half, size="resample")
    assert isinstance(answer, Generated) and answer.frames is not None
    assert np.abs(answer.frames.astype(int) - expected(full)).mean() < 3
    assert answer.placement is not None
    assert answer.placement.square == Square(30, 10, 100, 160, 120)


def test_crop_none_takes_no_whole_frame(tmp_path: Path, asked: Request, full: Frames) -> None:
    answer = deliver(tmp_path, asked, full, crop="none")
    assert isinstance(answer, Failure) and "set crop: as-reference" in answer.reason


def test_the_command_goes_the_same_way(tmp_path: Path, asked: Request, full: Frames) -> None:
    write(tmp_path / "out", CLIP, full, asked.audio)
    rules = CommandOptions(argv=("x",))
    answer = Adopter(rules, CONTEXT).deliver(tmp_path / f"out/{CLIP}.mkv", asked)
    assert answer.frames is not None and (answer.frames == expected(full)).all()


def test_own_face_needs_the_detector() -> None:
    for plugin, options in ((FOLDER, FolderOptions), (COMMAND, CommandOptions)):
        assert plugin.weights(options(crop="own-face")) == ["yunet"]
        assert plugin.weights(options()) == []


def test_own_face_finds_the_head_wherever_it_is_framed(
    tmp_path: Path, assets: Callable[[str], Path]
) -> None:
    """A real clip cut otherwise than its reference: own-face gives the reference's square again."""
    file = assets("clips/speaker_c_1080x1920_25fps_hevc.mp4")
    full = np.stack([*islice(MediaReader().frames(file), 5)])
    frame = Square(367, 509, 449, 1080, 1920)
    identity = frame.cut(full[0], 128)
    audio = np.zeros(5 * 640, np.int16)
    (tmp_path / "out").mkdir()
    write_lossless(tmp_path / "out/c.mkv", full[:, 300:1300, 100:1060], audio)
    context: Any = SimpleNamespace(
        media=MediaReader(),
        cache=tmp_path,
        weights=lambda name: assets("weights/yunet_n_640_640.onnx"),
        source=lambda *modules: "one",
    )
    options = FolderOptions(tmp_path / "out", crop="own-face", size="resample")
    asked = Request("c", identity, audio, 5, 128, seed=1, frame=frame)
    (answer,) = FOLDER.build(options, context).generate([asked])
    assert isinstance(answer, Generated) and answer.placement is not None
    assert answer.placement.how == "own face"
    at = answer.placement.square
    assert abs(at.side / frame.side - 1) < 0.15
    middle = np.array([at.left + 100, at.top + 300]) + at.side / 2
    theirs = np.array([frame.left, frame.top]) + frame.side / 2
    assert np.abs(middle - theirs).max() < 0.12 * frame.side
