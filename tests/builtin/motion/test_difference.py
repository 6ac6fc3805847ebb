"""Squared differences of consecutive frames, by loops."""

from __future__ import annotations

import numpy as np
import pytest

from thbench.api import ClipFailure
from thbench_motion.difference import frame_wise_mse, wrapped_frame_wise_mse

FRAMES = np.random.default_rng(1).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)


def test_each_pair_counts_alike_and_every_channel() -> None:
    pairs = [(FRAMES[t].astype(float), FRAMES[t + 1].astype(float)) for t in range(3)]
    expected = np.mean([((b - a) ** 2).mean() for a, b in pairs])
    assert frame_wise_mse(FRAMES) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("step", "whole", "wrapped"), [(15, 225, 225), (16, 256, 0), (17, 289, 33), (255, 65025, 1)]
)
def test_the_published_one_wraps_at_256(step: int, whole: float, wrapped: float) -> None:
    frames = np.zeros((2, 8, 8, 3), np.uint8)
    frames[1] = step
    assert frame_wise_mse(frames) == whole
    assert wrapped_frame_wise_mse(frames) == wrapped
    assert wrapped_frame_wise_mse(frames[::-1]) == wrapped


def test_the_published_one_is_taken_at_128_pixels_and_the_other_as_it_is() -> None:
    frames = np.zeros((2, 256, 256, 3), np.uint8)
    frames[1, ::2] = 10  # every second line: halved, all pixels are 5
    assert frame_wise_mse(frames) == 50.0
    assert wrapped_frame_wise_mse(frames) == wrapped_frame_wise_mse(frames, 128) == 25.0
    assert frame_wise_mse(frames, 128) == 25.0


@pytest.mark.parametrize(("n", "says"), [(0, "0 frames"), (1, "1 frame:")])
def test_one_frame_has_no_motion(n: int, says: str) -> None:
    for measure in (frame_wise_mse, wrapped_frame_wise_mse):
        with pytest.raises(ClipFailure, match=f"{says}.*motion needs at least 2"):
            measure(FRAMES[:n])
