"""A file that any generator delivers is placed, cut and stored by the one rule of the core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from full_frames import CLIPS, filmed, write
from thbench.api import Generated, Placement, Request, Square, whole
from thbench.generate.answers import _store_answer
from thbench.run.folder import VideoFolder
from thbench.video import MediaReader

FRAME = Square(60, 20, 200, 320, 240)
SIZE = 96


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    frames, audio = filmed(CLIPS[0], 5)
    write(tmp_path / "given", CLIPS[0], frames, audio)
    identity = FRAME.cut(frames[0], SIZE)
    return Request(CLIPS[0], identity, audio, 5, SIZE, seed=1, frame=FRAME)


def stored(tmp_path: Path, request: Request, answer: Generated) -> dict[str, object]:
    folder = VideoFolder(tmp_path / "run", tmp_path / "run/systems/m")
    record, frames = _store_answer(folder, request, answer, "exact")
    if frames is not None:
        assert (folder.open(record).frames == frames).all()
    return record


def test_a_delivered_file_of_the_recordings_size_is_cut_and_stored_losslessly(
    tmp_path: Path, request_: Request
) -> None:
    file = tmp_path / f"given/{CLIPS[0]}.mkv"
    record = stored(tmp_path, request_, Generated(CLIPS[0], file=file))
    assert record["store"] == "lossless" and record["track"] == "own"
    assert record["placement"] == {
        "how": "as its reference",
        "why": "the recording's 320 x 240 px",
        "square": [60, 20, 200],
        "picture": [320, 240],
    }
    kept = MediaReader().read(tmp_path / "run" / str(record["picture"]))
    expected = np.stack([FRAME.cut(f, SIZE) for f in filmed(CLIPS[0], 5)[0]])
    assert (kept.frames == expected).all() and (kept.frames[0] == request_.identity_frame).all()
    assert kept.audio is not None and (kept.audio == request_.audio).all()


def test_a_delivered_square_is_kept_as_the_file_it_is(tmp_path: Path, request_: Request) -> None:
    frames = np.stack([FRAME.cut(f, SIZE) for f in filmed(CLIPS[0], 5)[0]])
    file = write(tmp_path / "square", CLIPS[0], frames, request_.audio, lossless=False)
    record = stored(tmp_path, request_, Generated(CLIPS[0], file=file))
    assert record["store"] == "delivered h264 + aac"
    assert record["placement"]["how"] == "as it is"  # type: ignore[index]


def test_a_generator_may_say_which_square_its_file_has(tmp_path: Path, request_: Request) -> None:
    file = tmp_path / f"given/{CLIPS[0]}.mkv"
    own = Placement("own face", Square(80, 40, 120, 320, 240), "crop: own-face")
    record = stored(tmp_path, request_, Generated(CLIPS[0], file=file, placement=own))
    assert record["placement"]["square"] == [80, 40, 120]  # type: ignore[index]


def test_a_file_of_another_size_that_is_neither_is_a_reason(
    tmp_path: Path, request_: Request
) -> None:
    frames = filmed(CLIPS[0], 5)[0][:, :200]
    file = write(tmp_path / "wide", CLIPS[0], frames, request_.audio)
    record = stored(tmp_path, request_, Generated(CLIPS[0], file=file))
    assert "320 x 200 px is not square and not framed as its recording" in str(record["failure"])


def test_frames_of_a_generator_are_what_was_asked_for(tmp_path: Path, request_: Request) -> None:
    frames = np.repeat(request_.identity_frame[None], 5, axis=0)
    record = stored(tmp_path, request_, Generated(CLIPS[0], frames=frames))
    assert "placement" not in record
    assert whole(SIZE, SIZE).is_whole
