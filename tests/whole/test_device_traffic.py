"""What networks move to their device and back: a batch goes up once and comes down once, nobody waits for a frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from counted_device import DEVICE, CountedDevice
from thbench.environment import Settings
from thbench.plugins.context import build
from thbench.plugins.discovery import registry
from thbench.plugins.identity import extractor_part
from thbench.video import MemoryVideo

SIZE = 64


def frames(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8)


def extractor(name: str, given: dict[str, object]) -> Callable[[Any], Any]:
    registered, options = extractor_part(name, given, registry())
    return build(registered, options, registry(), Settings(device=DEVICE))


def seen(name: str, n: int, **given: object) -> tuple[CountedDevice, Any]:
    """The traffic of one video of n frames; the network has been used before."""
    network = extractor(name, given)
    with CountedDevice() as loading:
        network(MemoryVideo(frames(20)))
    assert loading.up
    with CountedDevice() as device:
        features = network(MemoryVideo(frames(n)))
    return device, features


@pytest.mark.parametrize(("n", "batches"), [(16, 1), (17, 2), (48, 3)])
def test_a_batch_of_frames_goes_up_once_and_its_features_come_down_once(
    n: int, batches: int
) -> None:
    device, features = seen("puppet-v1", n)
    assert features.shape == (n, 128)
    assert device.up == [(16, SIZE, SIZE, 3)] * batches  # bytes: converted where the network is
    assert len(device.down) == batches
    assert sum(shape[0] for shape in device.down) == n
    assert not device.waits
    assert device.operations > 10 * batches


@pytest.mark.parametrize(("n", "windows"), [(20, 1), (49, 3)])
def test_a_window_of_frames_goes_up_once_and_its_features_come_down_once(
    n: int, windows: int
) -> None:
    device, features = seen("puppet-video", n, count=0)
    assert device.up == [(16, SIZE, SIZE, 3)] * windows
    assert len(device.down) == len(features) == windows
    assert not device.waits


def test_the_count_sees_each_kind_of_traffic() -> None:
    """Transfers by every way that there is, and reads of single values."""
    here = torch.ones(3)
    with CountedDevice() as device:
        there = here.to(DEVICE)
        other = torch.empty(3, device=DEVICE)
        other.copy_(here)
        made = torch.tensor(np.ones(3), device=DEVICE)
        assert (len(device.up), device.down, device.waits) == (3, [], [])
        (there + other + made).cpu()
        assert device.down == [(3,)]
        float(there.sum())
        bool((there > 0).all())
        assert len(device.waits) == 2
        there.to(torch.float64)  # stays where it is
    assert (len(device.up), len(device.down)) == (3, 1)


def test_what_stayed_in_memory_is_found() -> None:
    with CountedDevice(), pytest.raises(RuntimeError, match="device"):
        torch.ones(3, device=DEVICE) + torch.ones(3)
