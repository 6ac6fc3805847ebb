"""Landmark motion: the definition by hand, and the network's landmarks beside the exact ones of puppets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thbench.api import Clip, ClipFailure, Pair
from thbench.video import MemoryVideo
from thbench_face import PFLD, YUNET, LandmarkMotionOptions, thbench_extractors
from thbench_face.motion import LandmarkMotion, displacements
from thbench_puppet import thbench_datasets

EXTRACTORS: dict[str, Any] = {p.name: p for p in thbench_extractors()}


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


class RealWeights:
    """An api.Context with the two networks."""

    threads, device = 1, "cpu"

    def __init__(self, assets: Callable[[str], Path], cache: Path) -> None:
        self.cache = cache
        self._files = {w.name: assets(f"weights/{w.file}") for w in (YUNET, PFLD)}

    def weights(self, name: str) -> Path:
        return self._files[name]

    def extractor(self, name: str, **options: Any) -> Any:
        plugin = EXTRACTORS[name]
        return plugin.build(plugin.options(**options), self)


def test_a_puppet_moves_as_its_exact_landmarks_say(
    assets: Callable[[str], Path], tmp_path: Path
) -> None:
    """The network adds its trembling; the course over time is the face's own."""
    context: Any = RealWeights(assets, tmp_path)
    metric = LandmarkMotion(LandmarkMotionOptions(), context)
    (plugin,) = thbench_datasets()
    puppets = plugin.build(plugin.options(), context)
    source = puppets.load(puppets.clips()[0], 128)
    video = MemoryVideo(source.frames)
    observed = metric.observe(Pair(Clip("c", "a"), video, video))
    curve, exact = observed.arrays["displacement"], displacements(source.annotations["landmarks"])
    assert len(curve) == len(source.frames) - 1
    assert observed.rows["landmark_motion"] == pytest.approx(curve.mean())
    assert np.corrcoef(curve, exact)[0, 1] > 0.8
    assert exact.mean() < curve.mean() < 2 * exact.mean()

    frozen = MemoryVideo(np.repeat(source.frames[:1], 5, axis=0))
    assert metric.observe(Pair(Clip("c", "a"), frozen, video)).rows["landmark_motion"] == 0
