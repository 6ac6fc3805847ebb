"""What networks move to their device and back: a batch of frames goes up once, a video's numbers come down once, and
nobody waits for a frame.

SyncNet is not here: it runs on CPUs whatever the device, so that nothing crosses.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import denoisers
import random_inception
import random_trunk
from counted_device import DEVICE, CountedDevice
from thbench.api import Clip, Pair, on_device
from thbench.environment import Settings
from thbench.plugins.context import build
from thbench.plugins.discovery import registry
from thbench.plugins.identity import extractor_part
from thbench.video import MemoryVideo
from thbench_ddpm.generator import DdpmGenerator
from thbench_ddpm.options import Options
from thbench_fid.inception import InceptionFeatures
from thbench_lpips import LpipsOptions
from thbench_lpips.metric import Lpips

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
def test_a_batch_of_frames_goes_up_once_and_the_features_of_a_video_come_down_once(
    n: int, batches: int
) -> None:
    device, features = seen("puppet-v1", n)
    assert features.shape == (n, 128)
    assert device.up == [(16, SIZE, SIZE, 3)] * batches  # bytes: converted where the network is
    assert device.down == [(n, 128)]
    assert not device.waits
    assert device.operations > 10 * batches


@pytest.mark.parametrize(("n", "windows"), [(20, 1), (49, 3)])
def test_a_window_of_frames_goes_up_once_and_its_features_come_down_once(
    n: int, windows: int
) -> None:
    device, features = seen("puppet-video", n, count=0)
    assert device.up == [(16, SIZE, SIZE, 3)] * windows
    assert [shape[0] for shape in device.down] == [len(features)] == [windows]
    assert not device.waits


@pytest.mark.slow
@pytest.mark.parametrize(("n", "batches"), [(16, 1), (17, 2)])
def test_inception_and_lpips_likewise(n: int, batches: int, tmp_path: Path) -> None:
    torch.save(random_inception.random_state({}), tmp_path / "inception.pth")
    torch.save(random_trunk.random_state("alex"), tmp_path / "alex.pth")
    context: Any = SimpleNamespace(
        device=DEVICE, batch=16, weights=lambda name: tmp_path / "alex.pth"
    )
    video = MemoryVideo(frames(n))
    inception = InceptionFeatures(tmp_path / "inception.pth", "tf", "fp32", context)
    lpips = Lpips(LpipsOptions(skip_identity=False), context)
    pair = Pair(Clip("c", "a"), video, MemoryVideo(frames(n)[::-1].copy()))
    inception.network, lpips._distances  # noqa: B018  read before what is counted
    with CountedDevice() as device:
        assert inception(video).shape == (n, 2048)
    assert [shape for shape in device.up if len(shape) == 4] == [(16, SIZE, SIZE, 3)] * batches
    assert device.down == [(n, 2048)]
    assert not device.waits
    with CountedDevice() as device:
        lpips.observe(pair)
    pictures = [shape for shape in device.up if len(shape) == 4]
    assert pictures == [(16, SIZE, SIZE, 3)] * 2 * batches
    assert device.down == [(n,)]
    assert not device.waits


@pytest.mark.slow
def test_a_denoiser_is_sent_noise_once_a_frame_and_gives_each_frame_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        torch, "autocast", lambda *given, **how: nullcontext()
    )  # not there on `meta`
    file = denoisers.checkpoint(tmp_path / "tiny.safetensors")
    context: Any = SimpleNamespace(device=DEVICE, batch=2)
    generator = DdpmGenerator(Options(checkpoint=file, steps=3), context)
    with CountedDevice() as device:
        list(generator.generate([denoisers.request("a", 3), denoisers.request("b", 3)]))
    side = denoisers.SIZE
    assert device.down == [(side, side, 3)] * 6  # every frame, as bytes or on the way to them
    noise = [shape for shape in device.up if shape == (2, 3, side, side)]
    assert len(noise) == 3  # what each frame begins with; steps without noise send none


def test_frames_go_to_cuda_from_pinned_memory_and_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    did: list[Any] = []

    def pinned(here: torch.Tensor) -> torch.Tensor:
        did.append("pinned")
        return here

    def to(here: torch.Tensor, *given: Any, **how: Any) -> torch.Tensor:
        did.append((given, how))
        return here

    monkeypatch.setattr(torch.Tensor, "pin_memory", pinned)
    monkeypatch.setattr(torch.Tensor, "to", to)
    on_device(frames(2), "cuda:1")
    assert did == ["pinned", (("cuda:1",), {"non_blocking": True})]
    did.clear()
    on_device(frames(2), "cpu")
    assert did == [(("cpu",), {})]


def test_an_array_on_a_cpu_is_a_copy_and_a_tensor_stays_itself() -> None:
    array = frames(2)
    assert on_device(array, "cpu").numpy().tobytes() == array.tobytes()
    assert not np.shares_memory(on_device(array, "cpu").numpy(), array)
    tensor = torch.ones(3)
    assert on_device(tensor, "cpu") is tensor


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
