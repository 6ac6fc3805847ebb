"""Rows go through a network in calls of one shape, the last one of a shorter where the bytes are the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

import random_syncnet
from thbench_syncnet.calls import filled, in_batches, short_or_whole
from thbench_syncnet.features import lip_frames, lip_windows, sound_windows, window_features
from thbench_syncnet.folded import Folded
from thbench_syncnet.networks import syncnet


@pytest.mark.parametrize(("total", "batch"), [(1, 4), (4, 4), (5, 4), (9, 2)])
def test_every_call_has_the_same_shape_and_no_row_is_lost(total: int, batch: int) -> None:
    rows = torch.arange(total * 3.0).reshape(total, 3)
    shapes = []

    def network(x: Tensor) -> Tensor:
        shapes.append(tuple(x.shape))
        return 2 * x

    found = in_batches(network, lambda i, j: rows[i:j], total, batch)
    assert (
        np.array_equal(found, 2 * rows.numpy()) and found.dtype == np.float32
    )  # the network's own
    assert shapes == [(batch, 3)] * -(-total // batch)


class Mean:
    """A network of means that differ in calls of fewer rows than `exact`; it remembers its calls."""

    def __init__(self, exact: int = 0) -> None:
        self.exact, self.calls = exact, list[tuple[int, int | None]]()

    def __call__(self, rows: Tensor, linear: int | None = None) -> Tensor:
        self.calls.append((len(rows), linear))
        return rows.mean(1, keepdim=True) + (0 if len(rows) >= self.exact else 1e-6)


class Asked:
    """Answers as `Context.same_bytes` does."""

    def __init__(self) -> None:
        self.answers: dict[str, bool] = {}

    def __call__(self, way: str, check: Callable[[], bool | None]) -> bool:
        if way not in self.answers:
            self.answers[way] = bool(check())
        return self.answers[way]


def test_a_last_call_is_filled_up_to_a_length_that_was_compared_once() -> None:
    rows, network, asked = torch.rand(32, 3), Mean(), Asked()
    for n in (5, 7, 8, 9, 30):
        found = short_or_whole(network, rows[:n], 32, asked, "sound")
        assert torch.equal(found, rows[:n].mean(1, keepdim=True))
    whole, eight, sixteen = (32, None), (8, 32), (16, 32)
    assert network.calls == [whole, eight, eight, eight, whole, sixteen, whole]
    ways = {f"sound: {n} windows instead of 32": True for n in (8, 16)}
    assert asked.answers == ways  # 30 rows make a whole call: nothing to ask


def test_a_length_that_rounds_differently_is_filled_up_to_a_whole_call() -> None:
    rows, network, asked = torch.rand(4, 3), Mean(exact=4), Asked()
    for _ in range(2):
        found = short_or_whole(network, rows[:1], 4, asked, "lips")
        assert torch.equal(found, rows[:1].mean(1, keepdim=True))
    assert network.calls == [(4, None), (2, 4), (4, None)]
    assert asked.answers == {"lips: 2 windows instead of 4": False}


def test_filled_rows_lie_in_one_piece() -> None:
    """A view would take another kernel in the first layer."""
    windows = torch.arange(40.0).unfold(0, 8, 2)
    assert not windows.is_contiguous()
    whole = filled(windows, len(windows))
    assert whole.is_contiguous() and torch.equal(whole, windows)
    assert torch.equal(filled(windows[:2], 4), windows[[0, 1, 0, 0]])


@pytest.mark.slow
@pytest.mark.parametrize("frames", [23, 26, 43])
def test_short_last_calls_give_the_bytes_of_whole_ones(frames: int) -> None:
    """The real network, asked and then taken, on sound whose windows overlap in memory."""
    shown, audio = random_syncnet.synthetic_clip()
    shown = np.resize(shown, (frames, *shown.shape[1:]))
    audio = np.resize(audio, frames * 640)
    start = random_syncnet.random_state(6, {})
    lip = lip_windows(lip_frames(shown), 0, 16).unflatten(1, (5, 3)).transpose(1, 2)
    norms = random_syncnet.calibrated_norms(start, lip, sound_windows(audio, 16))
    network = Folded(syncnet(random_syncnet.random_state(6, norms)))
    expected, asked = window_features(shown, audio, network, 4), Asked()
    for _ in range(2):
        assert window_features(shown, audio, network, 4, asked).tobytes() == expected.tobytes()
    assert any(way.startswith("sound") for way in asked.answers)
