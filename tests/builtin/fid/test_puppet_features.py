"""The embedded extractor: what ships, and that its FID orders the severities of every corruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from thbench.api import Source
from thbench_fid.frechet import fid_from_moments
from thbench_fid.moments import moments
from thbench_fid.puppet_features import WEIGHTS, PuppetFeatures
from thbench_fid.puppet_net import FEATURES, LAYERS, PuppetNet, folded, resized
from thbench_puppet.corruptions import corrupt
from thbench_puppet.dataset import make

TEST_CLIPS = ("1005_IEO_HAP_HI", "1014_DFA_ANG_XX", "1023_TIE_NEU_XX", "1032_ITS_SAD_XX")
SEVERITIES = {
    "blur": (0.75, 1, 1.5, 2, 4),
    "noise": (2, 5, 10, 20, 40),
    "brightness": (5, 10, 20, 40, 80),
    "freeze": (0.1, 0.25, 0.5, 0.75, 0.95),
    "drop": (0.1, 0.25, 0.5, 0.75, 0.95),
}


class Lending:
    device = "cpu"
    batch = 16


class Shown:
    """A video of given frames."""

    def __init__(self, frames: np.ndarray) -> None:
        self.frames, self.n_frames = frames, len(frames)


@pytest.fixture(scope="module")
def extractor() -> Callable[[Any], np.ndarray]:
    context: Any = Lending()
    return PuppetFeatures(context)


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return [make(clip, 64) for clip in TEST_CLIPS]


def test_the_file_is_small_and_the_networks_name_for_it_is_its_own(
    extractor: PuppetFeatures,
) -> None:
    assert WEIGHTS.stat().st_size <= 4 * 2**20
    assert extractor.identity.startswith("puppet-v1") and "nception" not in extractor.identity


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEVERITIES)
def test_severities_are_ordered(
    kind: str, extractor: PuppetFeatures, sources: list[Source]
) -> None:
    truth = moments(np.concatenate([extractor(Shown(s.frames)) for s in sources]))
    distances = []
    for amount in SEVERITIES[kind]:
        damaged = [corrupt(s, kind, amount, c) for s, c in zip(sources, TEST_CLIPS, strict=True)]
        found = moments(np.concatenate([extractor(Shown(s.frames)) for s in damaged]))
        distances.append(fid_from_moments(found, truth))
    assert spearmanr(SEVERITIES[kind], distances).statistic >= 0.95, distances
    assert distances[0] > 1e-3, "the mildest damage is seen"


def test_delayed_sound_changes_nothing(extractor: PuppetFeatures, sources: list[Source]) -> None:
    late = corrupt(sources[0], "delay", 5, TEST_CLIPS[0])
    assert np.array_equal(extractor(Shown(late.frames)), extractor(Shown(sources[0].frames)))


def test_features_tell_actors_apart(extractor: PuppetFeatures, sources: list[Source]) -> None:
    """Of actors it never saw: frames lie nearer to their own actor's mean than to the others'."""
    found = [extractor(Shown(s.frames)) for s in sources]
    means = np.stack([f.mean(0) for f in found])
    right = [np.linalg.norm(f[:, None] - means, axis=2).argmin(1) == i for i, f in enumerate(found)]
    assert np.concatenate(right).mean() > 0.95


def test_a_frame_never_depends_on_the_rest_of_its_clip(
    extractor: PuppetFeatures, sources: list[Source]
) -> None:
    frames = sources[0].frames[:20]
    whole = extractor(Shown(frames))
    assert np.array_equal(extractor(Shown(frames[:16])), whole[:16])
    assert np.array_equal(extractor(Shown(frames[16:])), whole[16:])


def test_folding_changes_nothing_but_rounding() -> None:
    torch.manual_seed(0)
    network = PuppetNet(trained=False)
    images = torch.randn(8, 3, 64, 64)
    for _ in range(3):
        network(images)
    exact = network.double().eval()
    with torch.no_grad():
        expected, found = exact(images.double()), folded(exact).double()(images.double())
    assert float((expected - found).abs().max()) < 1e-5 * float(expected.abs().max())
    assert expected.shape == (8, FEATURES) and LAYERS[-1][0] == FEATURES


@pytest.mark.parametrize("size", [32, 64, 100, 128])
def test_any_size_is_read(size: int) -> None:
    grey = torch.full((2, size, size, 3), 255, dtype=torch.uint8)
    assert resized(grey).shape == (2, 3, 64, 64)
    assert torch.allclose(resized(grey), torch.ones(1), atol=1e-6)
