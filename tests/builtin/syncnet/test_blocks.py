"""A long clip is worked through in blocks, which move no bit of a short one's numbers."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from thbench_speech import blocks
from thbench_speech import mfcc as speech
from thbench_syncnet import distance, features, puppet
from thbench_syncnet.networks import DIMENSIONS

RANDOM = np.random.default_rng(5)


def lengths_given(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[int]:
    """Filled with the length of what every call of a module's function is given."""
    found: list[int] = []
    called = getattr(module, name)

    def counted(given: Any) -> Any:
        found.append(len(given))
        return called(given)

    monkeypatch.setattr(module, name, counted)
    return found


@pytest.mark.parametrize("columns", [4095, 4096, 4097, 6900])
def test_coefficients_of_blocks_are_those_of_the_whole(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks are those of a real clip, as BLAS chooses kernels by size; one thread, as several share rows out."""
    samples = (columns - 1) * speech.STEP + speech.WINDOW - 3
    audio = RANDOM.integers(-9000, 9000, samples, dtype=np.int16)
    with threadpool_limits(1, "blas"):
        _compare_blocks(audio, columns, monkeypatch)


def _compare_blocks(audio: Any, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = speech.mfcc(audio)
    rows = lengths_given(monkeypatch, speech, "_coefficients")
    assert speech.mfcc(audio).tobytes() == found.tobytes()
    assert sum(rows) == columns == len(found)
    assert max(rows) < 2 * blocks.BLOCK and min(rows) >= min(columns, blocks.BLOCK)
    monkeypatch.setattr(blocks, "BLOCK", columns + 1)
    assert speech.mfcc(audio).tobytes() == found.tobytes()


def test_a_few_frames_are_cut_to_the_mouth_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = lengths_given(monkeypatch, puppet, "mouth_region")
    frames = RANDOM.integers(0, 256, (43, 64, 64, 3), dtype=np.uint8)
    audio = RANDOM.integers(-9000, 9000, 43 * 640, dtype=np.int16)
    puppet.puppet_features(frames, audio, puppet.load_puppet_net(), 4)
    assert sum(seen) == 42 and max(seen) == 4


@pytest.mark.parametrize("edge", ["pad", "valid"])
def test_distances_of_blocks_are_those_of_the_whole(
    edge: distance.Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    lip, sound = RANDOM.normal(0, 1, (2, 90, 64)).astype(np.float32)
    whole = distance.distances(lip, sound, 15, edge)
    padded = np.pad(sound.astype(np.float64), ((15, 15), (0, 0)))
    plain = [
        np.linalg.norm(lip.astype(np.float64) - padded[k : k + 90] + distance.EPS, axis=1)
        for k in range(31)
    ]
    if edge == "pad":
        assert whole.tobytes() == np.stack(plain).tobytes()
    monkeypatch.setattr(distance, "BLOCK", 16)
    assert distance.distances(lip, sound, 15, edge).tobytes() == whole.tobytes()


def test_the_lip_network_is_called_with_the_same_rows_whatever_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[bytes] = []

    def lip(windows: Tensor) -> Tensor:
        calls.append(windows.contiguous().numpy().tobytes())
        return windows.flatten(1)[:, :DIMENSIONS].float()

    def sound(windows: Tensor) -> Tensor:
        return windows.flatten(1).sum(1, keepdim=True).float().expand(-1, DIMENSIONS)

    network: Any = SimpleNamespace(lip=lip, sound=sound, precision=torch.float32)
    frames = RANDOM.integers(0, 256, (43, 16, 16, 3), dtype=np.uint8)
    audio = RANDOM.integers(-9000, 9000, 43 * 640, dtype=np.int16)
    whole = features.window_features(frames, audio, network, 4)
    once = list(calls)
    monkeypatch.setattr(features, "BLOCK", 2)
    assert features.window_features(frames, audio, network, 4).tobytes() == whole.tobytes()
    assert whole.shape == (2, 38, DIMENSIONS) and whole.dtype == np.float32
    assert calls[len(once) :] == once
    assert len(once) == 10  # 38 windows in fours
