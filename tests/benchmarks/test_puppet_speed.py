"""Puppet clips per second, uncached, speech and truth included: `pytest --benchmark-only tests/benchmarks`."""

from __future__ import annotations

from typing import Any

import cv2
import pytest

from thbench_puppet.dataset import make
from thbench_puppet.speech import synthesise
from thbench_puppet.timeline import score_of

CLIP = "1001_IWL_NEU_XX"


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
def test_puppet_frames(benchmark: Any, size: int) -> None:
    cv2.setNumThreads(1)
    make(CLIP, size)  # the actor's portrait is painted once
    source = benchmark(make, CLIP, size)
    benchmark.extra_info["frames_per_second"] = len(source.frames) / benchmark.stats.stats.median
    assert source.frames.shape[1] == size


def test_puppet_speech(benchmark: Any) -> None:
    assert len(benchmark(synthesise, score_of(CLIP))) > 16_000
