"""What a generator is asked: identity frame, speech, seed and what its oracle sees; never the target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from runs import SUITE, Run, start
from thbench.api import ClipFailure, Square
from thbench.generate.requests import frame_of, make_request
from thbench.suite.seeds import request_seed

LAST = SUITE.replace("seed: 7", "seed: 7\nidentity_frame: -1")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = start(tmp_path_factory.mktemp("requests"), LAST)
    made.generate()
    return made


def asked(run: Run, record: dict[str, Any] | None = None, oracle: tuple[str, ...] = ()) -> Any:
    system = replace(run.suite.systems[0], oracle=oracle)
    stored = run.job.run.references(32).stored()["1002_BBB"]
    return make_request(run.job, system, {**stored, **(record or {})})


def test_a_request_holds_the_identity_frame_speech_length_size_and_seed(run: Run) -> None:
    request = asked(run)
    reference = run.job.run.references(32).open(run.job.run.references(32).stored()["1002_BBB"])
    assert request.clip_id == "1002_BBB"
    assert np.array_equal(request.identity_frame, reference.frames[-1])
    assert not np.array_equal(request.identity_frame, reference.frames[0])
    assert np.array_equal(request.audio, reference.audio)
    assert (request.n_frames, request.size) == (reference.n_frames, 32)
    assert request.seed == request_seed(7, "1002_BBB")
    assert request.oracle == {} and request.frame is None
    assert request.identity_frame.flags.owndata and request.audio.flags.owndata


def test_an_oracle_sees_what_it_names_and_nothing_else(run: Run) -> None:
    request = asked(run, oracle=("landmarks",))
    assert list(request.oracle) == ["landmarks"]
    assert request.oracle["landmarks"].shape == (request.n_frames, 68, 2)
    with pytest.raises(ClipFailure, match=r"no annotation 'pose' .*\(has: landmarks\)"):
        asked(run, oracle=("landmarks", "pose"))


def test_a_reference_without_sound_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = type(run.job.run.references(32))
    opened = folder.open
    for audio in (None, np.zeros(0, np.int16)):

        def silent(self: Any, record: Any, audio: Any = audio) -> Any:
            video = opened(self, record)

            class Silent:
                n_frames, frames, annotations = video.n_frames, video.frames, video.annotations

            Silent.audio = audio
            return Silent

        monkeypatch.setattr(folder, "open", silent)
        with pytest.raises(ClipFailure, match="the reference has no sound"):
            asked(run)


def test_where_the_square_lies_in_the_recording() -> None:
    assert frame_of({}) is None and frame_of({"frame": None}) is None
    square = Square(left=1, top=2, side=30, width=64, height=48)
    fields = {"left": 1, "top": 2, "side": 30, "width": 64, "height": 48}
    assert frame_of({"frame": fields}) == square
