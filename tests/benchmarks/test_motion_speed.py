"""Speed of motion and similarity per 25-frame clip at 128 pixels: `pytest --benchmark-only tests/benchmarks`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from thbench_motion.difference import frame_wise_mse
from thbench_motion.flow import jet_flow_picture_mean, optical_flow_magnitude


@pytest.fixture
def drifting() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(128, 160, 3))
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    return np.stack([texture[:, i : i + 128].astype(np.uint8) for i in range(25)])


@pytest.mark.parametrize("measure", [optical_flow_magnitude, jet_flow_picture_mean, frame_wise_mse])
def test_motion_speed(
    benchmark: Any, drifting: np.ndarray, measure: Callable[[np.ndarray], float]
) -> None:
    assert benchmark(measure, drifting) > 0
