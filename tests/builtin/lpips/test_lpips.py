"""LPIPS against stored values of the package lpips (see tests/tools), and the metric around it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from random_trunk import PAIRS, pair_of, random_state, random_trunk
from thbench.api import Clip, ClipFailure, Pair, UserError
from thbench.video import MemoryVideo
from thbench_lpips import SMALLEST, LpipsOptions, pairs
from thbench_lpips.distance import distances, linear_layers
from thbench_lpips.metric import Lpips
from thbench_lpips.network import CHANNELS, load, trunk_of
from thbench_lpips.pairs import PairDistances

STORED = json.loads(Path(__file__).with_name("reference.json").read_text())
NETS = ("alex", "vgg")


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_equals_the_package_in_float64(net: str) -> None:
    trunk, linear = random_trunk(net), linear_layers(net, torch.float64)
    assert STORED["pairs"] == [list(p) for p in PAIRS]
    for pair, theirs in zip(PAIRS, STORED["values"][net], strict=True):
        ours = distances(*pair_of(*pair), trunk, linear, torch.float64)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_float32_stays_near_and_equal_pictures_are_at_zero(net: str) -> None:
    x, y = pair_of(64, 2)
    trunk, linear = random_trunk(net, torch.float32), linear_layers(net)
    np.testing.assert_allclose(distances(x, y, trunk, linear), STORED["values"][net][1], rtol=1e-5)
    assert not distances(x, x, trunk, linear).any()
    forth, back = distances(x, y, trunk, linear), distances(y, x, trunk, linear)
    np.testing.assert_array_equal(forth, back)


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_channel_order_and_range_matter(net: str) -> None:
    """What a wrong call would give is another number, so that the test above would notice it."""
    x, y = pair_of(64, 2)
    trunk, linear = random_trunk(net), linear_layers(net, torch.float64)
    right = distances(x, y, trunk, linear, torch.float64)
    swapped = distances(x[..., ::-1].copy(), y[..., ::-1].copy(), trunk, linear, torch.float64)
    assert (abs(swapped / right - 1) > 1e-3).all()


def test_linear_layers_are_the_published_ones() -> None:
    for net in NETS:
        layers = linear_layers(net)
        assert [len(w) for w in layers] == list(CHANNELS[net])
        assert all((w >= 0).all() and w.any() for w in layers)


def saved(net: str, folder: Path, **more: Any) -> Path:
    state = random_state(net) | {"classifier.1.weight": torch.zeros(2, 2)} | more
    torch.save(state, folder / f"{net}.pth")
    return folder / f"{net}.pth"


def context(trunk: Path, **given: Any) -> Any:
    return SimpleNamespace(**{"device": "cpu", "batch": 4, "weights": lambda name: trunk} | given)


def videos(n: int, size: int) -> Pair:
    x = np.concatenate([pair_of(size, s)[0] for s in range(n)])[:n]
    y = np.concatenate([pair_of(size, s)[1] for s in range(n)])[:n]
    return Pair(Clip("c", "a"), MemoryVideo(y, None), MemoryVideo(x, None))


@pytest.mark.slow
def test_a_clip_is_the_mean_of_its_frames_whatever_the_batch(
    tmp_path: Path, one_thread: None
) -> None:
    pair = videos(5, 40)
    path = saved("alex", tmp_path)
    value = Lpips(LpipsOptions(), context(path)).observe(pair).rows["lpips"]
    trunk, linear = random_trunk("alex"), linear_layers("alex", torch.float64)
    frames = distances(
        pair.generated.frames[1:], pair.reference.frames[1:], trunk, linear, torch.float64
    )
    assert value == pytest.approx(float(frames.mean()), rel=1e-5)
    alone = Lpips(LpipsOptions(), context(path, batch=32)).observe(pair).rows["lpips"]
    assert alone == pytest.approx(value, rel=1e-6)
    whole = Lpips(LpipsOptions(skip_identity=False), context(path)).observe(pair).rows["lpips"]
    assert whole != value


@pytest.mark.slow
def test_pairs_of_several_batches_are_measured_one_by_one(tmp_path: Path, one_thread: None) -> None:
    """35 pairs: two whole batches and three more; in their order, against the network in float64."""
    pair = videos(35, 32)
    x, y = pair.generated.frames, pair.reference.frames
    measured = PairDistances(saved("alex", tmp_path), "alex", "cpu", 4)(zip(x, y, strict=True))
    linear = linear_layers("alex", torch.float64)
    expected = distances(x, y, random_trunk("alex"), linear, torch.float64)
    np.testing.assert_allclose(measured, expected, rtol=1e-5)


@pytest.mark.slow
def test_large_pictures_are_measured_a_few_pairs_at_a_time(
    tmp_path: Path, one_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as have PIXELS, but no fewer than two; the last pass filled up like any other."""
    passes: list[int] = []

    def counted(x: np.ndarray, y: np.ndarray, *about: Any, **more: Any) -> Tensor:
        passes.append(len(x))
        return distances(x, y, *about, **more)

    monkeypatch.setattr(pairs, "distances", counted)
    measure = PairDistances(saved("alex", tmp_path), "alex", "cpu", 4)
    pair, found = videos(18, 40), []
    for pixels, expected in ((16, [16, 16]), (8, [8] * 3), (1, [2] * 9)):
        monkeypatch.setattr(pairs, "PIXELS", pixels * 40 * 40)
        found.append(measure(zip(pair.generated.frames, pair.reference.frames, strict=True)))
        assert passes == expected
        passes.clear()
    for values in found[1:]:
        np.testing.assert_allclose(values, found[0], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_too_small_frames_are_refused_and_the_smallest_work(tmp_path: Path, net: str) -> None:
    metric = Lpips(LpipsOptions(net=net), context(saved(net, tmp_path)))  # type: ignore[arg-type]
    for size, works in ((SMALLEST[net], True), (SMALLEST[net] - 1, False)):
        frames = np.random.RandomState(0).randint(0, 256, (2, size, size, 3)).astype(np.uint8)
        pair = Pair(
            Clip("c", "a"), MemoryVideo(frames, None), MemoryVideo(frames[::-1].copy(), None)
        )
        if works:
            assert metric.observe(pair).rows["lpips"] > 0
        else:
            with pytest.raises(ClipFailure, match=f"needs at least {SMALLEST[net]}"):
                metric.observe(pair)


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("<html>not found</html>")
    with pytest.raises(UserError, match="no file of PyTorch weights"):
        load(tmp_path / "text.pth", "alex")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match="no state dict"):
        load(tmp_path / "list.pth", "alex")
    with pytest.raises(UserError, match=r"no vgg trunk: features\."):
        load(saved("alex", tmp_path), "vgg")
    with pytest.raises(UserError, match=r"holds stranger\.weight"):
        load(saved("alex", tmp_path, **{"stranger.weight": torch.zeros(1)}), "alex")
    state = random_state("alex")
    del state["features.8.bias"]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(UserError, match=r"features\.8\.bias is missing"):
        load(tmp_path / "cut.pth", "alex")


def test_published_files_in_the_old_format_are_read(tmp_path: Path) -> None:
    """torchvision's VGG-16 was saved before torch wrote zip files."""
    torch.save(random_state("alex"), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    trunk = load(tmp_path / "old.pth", "alex")
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            trunk.parameters(), random_trunk("alex", torch.float32).parameters(), strict=True
        )
    )
    assert set(trunk_of("alex").state_dict()) == set(random_state("alex"))
