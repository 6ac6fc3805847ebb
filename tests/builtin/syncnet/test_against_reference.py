"""Our numbers beside joonson/syncnet_python's, on random weights and a synthetic clip.

reference.npz was made by its own code (make_reference.py has the command). Random weights put the
minimum into the zero padding, so offsets are tested on planted lags in test_distance.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from guards import some
from random_syncnet import checksum, random_state, synthetic_clip
from thbench_syncnet.distance import distances, synchrony
from thbench_syncnet.features import lip_frames, lip_windows, sound_windows, window_features
from thbench_syncnet.folded import Folded
from thbench_syncnet.networks import SyncNet, syncnet


@pytest.fixture(scope="module")
def reference() -> Mapping[str, NDArray[Any]]:
    with np.load(Path(__file__).with_name("reference.npz"), allow_pickle=False) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def network(reference: Mapping[str, NDArray[Any]]) -> SyncNet:
    norms = {n.removeprefix("norm/"): v for n, v in reference.items() if n.startswith("norm/")}
    state = random_state(int(reference["seed"]), norms)
    assert checksum(state) == str(reference["sha256"])
    return syncnet(state).double()


@pytest.fixture(scope="module")
def features(network: SyncNet) -> NDArray[np.floating]:
    return window_features(*synthetic_clip(), Folded(network, torch.float64), batch=8)


def test_features_differ_between_windows(features: NDArray[np.floating]) -> None:
    """Collapsed features would let any two implementations agree."""
    for stream in some(features):
        spread = np.linalg.norm(stream.std(axis=0)) / np.linalg.norm(stream, axis=1).mean()
        assert spread > 0.1


def test_distances_and_confidence_agree_in_float64(
    features: NDArray[np.floating], reference: Mapping[str, NDArray[Any]]
) -> None:
    each = distances(features[0], features[1], vshift=15, edge="pad")
    np.testing.assert_allclose(each.T, reference["distances"], rtol=0, atol=1e-8)
    found = synchrony(features[0], features[1])
    assert found.confidence == pytest.approx(float(reference["confidence"]), abs=1e-6)
    assert found.distance == pytest.approx(reference["distances"].mean(axis=0).min(), abs=1e-8)
    assert found.offset == int(reference["offset"])


def test_distance_function_agrees_alone(reference: Mapping[str, NDArray[Any]]) -> None:
    ours = distances(reference["pdist_lip"], reference["pdist_sound"], vshift=15, edge="pad")
    np.testing.assert_allclose(ours, reference["pdist"], rtol=0, atol=1e-12)


@pytest.mark.slow
def test_float32_stays_close(network: SyncNet, reference: Mapping[str, NDArray[Any]]) -> None:
    """Stated, not promised tightly: docs/syncnet.md has the measured difference."""
    found = synchrony(*window_features(*synthetic_clip(), Folded(network), batch=8))
    assert found.confidence == pytest.approx(float(reference["confidence"]), abs=1e-3)


@pytest.mark.slow
def test_folded_lip_network_equals_three_dimensional_form(network: SyncNet) -> None:
    frames = lip_frames(synthetic_clip()[0])
    windows = lip_windows(frames, 3, 6).double()
    solid = network.lip(windows.reshape(3, 5, 3, 224, 224).transpose(1, 2))
    torch.testing.assert_close(
        Folded(network, torch.float64).lip(windows), solid, rtol=1e-10, atol=1e-10
    )


def test_folded_audio_network_equals_published_form(network: SyncNet) -> None:
    windows = sound_windows(synthetic_clip()[1], 16)
    flat = Folded(network, torch.float64).sound(windows)
    torch.testing.assert_close(flat, network.sound(windows), rtol=1e-10, atol=1e-10)


@pytest.mark.slow
def test_clip_length_changes_no_byte_of_a_window(network: SyncNet) -> None:
    """The last batch is filled up, so a window's feature does not depend on how many follow."""
    frames, audio = synthetic_clip()
    folded = Folded(network)
    whole = window_features(frames, audio, folded, batch=4)
    part = window_features(frames[:14], audio, folded, batch=4)
    assert part.shape == (2, 9, 1024)
    assert np.array_equal(part, whole[:, :9])


@pytest.mark.slow  # without units for bf16
def test_bf16_keeps_the_curve_within_a_tenth(
    network: SyncNet, reference: Mapping[str, NDArray[Any]]
) -> None:
    found = synchrony(*window_features(*synthetic_clip(), Folded(network, torch.bfloat16), batch=8))
    np.testing.assert_allclose(found.means, reference["distances"].mean(axis=0), rtol=0.1)
