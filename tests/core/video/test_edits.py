"""Copies among the videos of programs that edit the recording: found in the part that they make."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from guards import some
from paths import ROOT

sys.path.insert(0, str(ROOT / "tests" / "tools"))
from copy_rates import COPIES
from edit_rates import edited
from thbench.api import Frames
from thbench.video.edits import EDIT_COPY, least_likeness
from thbench.video.likeness import COPY, likeness
from thbench_puppet.render import render
from thbench_puppet.scene import scene

CLIPS = ("1005_TSI_DIS_XX", "1014_IEO_ANG_MD")
SIZE = 128


def drawn(clip: str) -> Frames:
    seen = scene(clip)
    return render(seen.score, seen.motion, seen.mouth, seen.warp, SIZE)


@pytest.fixture(scope="module")
def truths() -> dict[str, Frames]:
    return {clip: drawn(clip) for clip in CLIPS}


@pytest.mark.parametrize(
    "kind",
    ["as it is", "H.264, crf 23", "blurred, sigma 2 of 128", "3 frames late", "gamma 0.8",
     "turned by 2 degrees", "through half the size"],
)  # fmt: skip
def test_a_disguised_copy_is_alike_everywhere(truths: dict[str, Frames], kind: str) -> None:
    for truth in some(truths.values()):
        assert least_likeness(COPIES[kind](truth), truth) >= EDIT_COPY


def test_another_mouth_is_found_though_all_else_is_the_recording(truths: dict[str, Frames]) -> None:
    for clip, other in some([CLIPS, CLIPS[::-1]]):
        video = edited(scene(clip), scene(other), 1.0, SIZE)
        assert least_likeness(video, truths[clip]) < 0.5
    assert likeness(video, truths[clip]) > COPY - 0.1  # as a whole it moves nearly as the recording


def test_a_mouth_that_is_nearly_right_is_no_copy(truths: dict[str, Frames]) -> None:
    clip, other = CLIPS
    assert least_likeness(edited(scene(clip), scene(other), 0.5, SIZE), truths[clip]) < EDIT_COPY


def test_what_says_nothing_is_no_copy(truths: dict[str, Frames]) -> None:
    truth = truths[CLIPS[0]]
    still = np.repeat(truth[:1], len(truth), 0)
    assert least_likeness(still, truth) == 0
    assert least_likeness(still, still) == 0  # nothing moves: nothing can be told
    assert least_likeness(truth[:5], truth[:5]) == 0  # too short to tell
    assert least_likeness(truth[:40], truth) > 0.99
