"""The baseline: loudness by hand, nothing above the lips moves, the chin moves by the stated share of the height."""

from __future__ import annotations

import numpy as np
import pytest

from thbench.api import Request
from thbench.testing.subject import subject_of
from thbench_baseline import LoudnessWarp, Options, loudness, stretched

SIZE = 60
RAMP = np.repeat(np.arange(SIZE, dtype=np.uint8)[:, None, None] * 4, SIZE, 1).repeat(3, 2)
"""Every row has its own grey level, 4 times its number: a level says where a row came from."""


def test_loudness_is_the_root_mean_square_of_each_frame_over_the_largest() -> None:
    audio = np.zeros(3 * 640, np.int16)
    audio[640:1280] = np.tile([300, -300], 320)
    audio[1280:] = 1200
    assert loudness(audio, 3) == pytest.approx([0, 0.25, 1.0], rel=1e-12)


def test_short_sound_is_silence_at_the_end_and_long_sound_is_cut() -> None:
    audio = np.full(700, 100, np.int16)
    expected = [1.0, np.sqrt(60 / 640), 0.0]
    assert loudness(audio, 3) == pytest.approx(expected, rel=1e-12)
    assert loudness(np.full(9000, 100, np.int16), 2) == pytest.approx([1, 1], rel=1e-12)


def test_silence_opens_no_mouth() -> None:
    assert loudness(np.zeros(1280, np.int16), 2).tolist() == [0, 0]
    assert np.array_equal(stretched(RAMP, 0.5, 0.0), RAMP)


@pytest.mark.parametrize("shift", [1.0, 3.6])
def test_rows_come_from_where_the_definition_says(shift: float) -> None:
    """Lips at 30, chin at 40: untouched above, 10 rows stretched to 10 + shift between, moved down below."""
    levels = stretched(RAMP, 0.5, shift)[:, 0, 0].astype(float) / 4
    assert levels[:30].tolist() == list(range(30))
    below = np.arange(int(np.ceil(40 + shift)), SIZE)
    assert levels[below] == pytest.approx(below - shift, abs=0.13)  # a level is rounded to 1/4 row
    inside = np.arange(30, int(40 + shift))
    assert levels[inside] == pytest.approx(30 + (inside - 30) * 10 / (10 + shift), abs=0.13)


def test_a_clip_moves_with_its_sound() -> None:
    audio = np.zeros(3 * 640, np.int16)
    audio[640:1280], audio[1280:] = 500, 1000
    request = Request("c", RAMP, audio, 3, SIZE, 1)
    (answer,) = LoudnessWarp(Options(strength=0.1, line=0.5)).generate([request])
    assert answer.frames is not None
    for frame, shift in zip(answer.frames, [0.0, 3.0, 6.0], strict=True):
        assert np.array_equal(frame, stretched(RAMP, 0.5, shift))
    assert answer.clip_id == "c"


def test_it_is_trained_on_nobody() -> None:
    trained = subject_of("generator", "loudness-warp", {}).build().trained_on
    assert (trained.dataset, trained.actors) == ("none", frozenset())


def test_sound_quieter_than_one_step_is_not_made_loud() -> None:
    audio = np.zeros(1280, np.int16)
    audio[:640], audio[640:960] = 1, 1
    assert loudness(audio, 2) == pytest.approx([1.0, np.sqrt(0.5)], rel=1e-12)
    audio[:640] = 0
    assert loudness(audio, 2) == pytest.approx([0.0, np.sqrt(0.5)], rel=1e-12)
