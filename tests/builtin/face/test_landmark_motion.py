"""Landmark motion: the definition by hand, and the network's landmarks beside the exact ones of puppets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from real_networks import RealNetworks
from thbench.api import Clip, ClipFailure, Pair
from thbench.video import MemoryVideo
from thbench_face import LandmarkMotionOptions
from thbench_face.motion import LandmarkMotion, displacements
from thbench_puppet.dataset import make
from thbench_puppet.names import all_clips


def face(eyes: float) -> np.ndarray:
    points = np.zeros((68, 2))
    points[36], points[45] = (10, 20), (10 + eyes, 20)
    return points


def test_distance_moved_in_eye_distances() -> None:
    still, one_of_68 = face(50), face(50)
    one_of_68[60] += (3, 4)
    found = displacements(np.stack([still, still + 10, still + 10, one_of_68 + 10]))
    assert found == pytest.approx([10 * 2**0.5 / 50, 0, 5 / 68 / 50])


def test_the_size_of_the_face_does_not_count() -> None:
    points = np.random.default_rng(0).random((6, 68, 2)) * 64
    assert displacements(points * 4) == pytest.approx(displacements(points))


def test_one_frame_has_no_motion() -> None:
    with pytest.raises(ClipFailure, match="needs at least 2"):
        displacements(face(50)[None])


def test_motion_across_a_frame_without_a_face_is_unknown() -> None:
    points = np.stack([face(50), face(50) + 5, np.full((68, 2), np.nan), face(50), face(50)])
    assert displacements(points) == pytest.approx([50**0.5 / 50, np.nan, np.nan, 0], nan_ok=True)
    points[[1, 3]] = np.nan
    with pytest.raises(ClipFailure, match="no face in any two neighbouring frames of 5"):
        displacements(points)


@pytest.mark.parametrize(("network", "most"), [("mesh", 1.6), ("pfld", 2.0), ("puppet-v1", 1.6)])
def test_a_puppet_moves_as_its_exact_landmarks_say(
    assets: Callable[[str], Path], network: Any, most: float
) -> None:
    """The network adds its trembling; the course over time is the face's own."""
    context: Any = RealNetworks(assets)
    metric = LandmarkMotion(LandmarkMotionOptions(network=network), context)
    source = make(all_clips()[0].id, 128)
    video = MemoryVideo(source.frames)
    observed = metric.observe(Pair(Clip("c", "a"), video, video))
    curve, exact = observed.arrays["displacement"], displacements(source.annotations["landmarks"])
    assert len(curve) == len(source.frames) - 1
    assert observed.rows["landmark_motion"] == pytest.approx(curve.mean())
    assert np.corrcoef(curve, exact)[0, 1] > 0.8
    assert 0.8 * exact.mean() < curve.mean() < most * exact.mean()

    frozen = MemoryVideo(np.repeat(source.frames[:1], 5, axis=0))
    assert metric.observe(Pair(Clip("c", "a"), frozen, video)).rows["landmark_motion"] == 0
