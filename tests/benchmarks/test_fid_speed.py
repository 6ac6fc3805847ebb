"""Speed and memory of FID: `pytest --benchmark-only tests/benchmarks/test_fid_speed.py`.

The peer's network is timed too where torch-fidelity can be imported (in an environment of its own).
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import linalg

from random_inception import feature_set, random_state, synthetic_frames
from thbench.api import Clip
from thbench_fid.frames import FramePart
from thbench_fid.frechet import centred, trace_from_covariances, trace_from_features
from thbench_fid.inception import BATCH, extract
from thbench_fid.moments import summed
from thbench_fid.neighbours import precision_recall
from thbench_fid.weights import folded


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_images(benchmark: Any, dtype: torch.dtype) -> None:
    network = folded(random_state({})).to(dtype).to(memory_format=torch.channels_last)
    frames = synthetic_frames(BATCH, 128, seed=0)
    found = benchmark(extract, network, frames, "tf", BATCH, dtype)
    benchmark.extra_info["images_per_s"] = BATCH / benchmark.stats.stats.median
    assert found.shape == (BATCH, 2048)


def test_images_of_the_peer(benchmark: Any, tmp_path: Path) -> None:
    peer = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    state = random_state({})
    counters = {k.replace("running_var", "num_batches_tracked"): torch.tensor(0) for k in state}
    torch.save({**counters, **state}, tmp_path / "state.pth")
    network = peer.FeatureExtractorInceptionV3("", ["2048"], str(tmp_path / "state.pth"))
    images = torch.tensor(synthetic_frames(BATCH, 128, seed=0)).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        benchmark(network, images)
    benchmark.extra_info["images_per_s"] = BATCH / benchmark.stats.stats.median


def by_sqrtm(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.trace(linalg.sqrtm(a @ b)).real)


@pytest.mark.parametrize("n", [500, 3000])
@pytest.mark.parametrize("way", [trace_from_covariances, by_sqrtm], ids=["ours", "scipy"])
def test_trace_of_covariances(
    benchmark: Any, way: Callable[[np.ndarray, np.ndarray], float], n: int
) -> None:
    a, b = (np.cov(feature_set(n, seed, 0.0), rowvar=False) for seed in (1, 2))
    assert benchmark.pedantic(way, (a, b), rounds=1) > 0


def test_trace_of_500_frames(benchmark: Any) -> None:
    x, y = (centred(feature_set(500, seed, 0.0))[0] for seed in (1, 2))
    assert benchmark(trace_from_features, x, y) > 0


def clips_of(n: int) -> Iterator[FramePart]:
    rng = np.random.default_rng(0)
    for i in range(n // 50):
        features = rng.standard_normal((50, 2048), dtype=np.float32)
        yield FramePart(Clip(f"c{i}", f"a{i % 10}"), features)


@pytest.mark.parametrize("n", [1_000, 10_000])
def test_memory_of_moments(benchmark: Any, n: int) -> None:
    """Peak of a FID over so many frames, read clip by clip."""

    def peak() -> float:
        tracemalloc.start()
        summed(clips_of(n))
        found = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        return found

    benchmark.extra_info["peak_mib"] = benchmark.pedantic(peak, rounds=1)


@pytest.mark.parametrize("n", [1_000, 10_000])
def test_memory_of_precision_recall(benchmark: Any, n: int) -> None:
    x, y = (np.random.default_rng(s).standard_normal((n, 2048), np.float32) for s in (1, 2))

    def peak() -> float:
        tracemalloc.start()
        precision_recall(x, y)
        found = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        return found

    benchmark.extra_info["peak_mib"] = benchmark.pedantic(peak, rounds=1)
