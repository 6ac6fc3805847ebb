"""Landmarks of clips without any: found by the face mesh, kept, and refused in words."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thbench.api import ClipFailure, UserError
from thbench.video import MediaReader
from thbench_face.on_demand import LandmarksOnDemand

FILES = {"yunet": "yunet_n_640_640.onnx", "face_mesh": "face_landmark.tflite"}


def context(cache: Path, weights: Callable[[str], Path]) -> Any:
    return SimpleNamespace(cache=cache, weights=weights, source=lambda *_: "code")


def test_a_real_grid_clip(assets: Callable[[str], Path], tmp_path: Path) -> None:
    frames = np.stack(list(islice(MediaReader().frames(assets("clips/grid/bbaf2n.mpg")), 0, 12, 3)))
    asked: list[str] = []

    def weights(name: str) -> Path:
        asked.append(name)
        return assets(f"weights/{FILES[name]}")

    points = LandmarksOnDemand(context(tmp_path, weights))(frames)
    assert points.shape == (4, 68, 2) and points.dtype == np.float32
    eyes, lips = points[:, 36:48].mean((0, 1)), points[:, 48:].mean((0, 1))
    assert lips[1] > eyes[1] and (points > 0).all() and (points < 360).all()
    again = LandmarksOnDemand(context(tmp_path, weights))(frames)
    assert np.array_equal(again, points) and asked == ["yunet", "face_mesh"]  # from the cache
    (stored,) = tmp_path.rglob("*.npy")
    stored.write_bytes(b"cut off")
    assert np.array_equal(LandmarksOnDemand(context(tmp_path, weights))(frames), points)


def test_a_clip_without_a_face_is_refused(assets: Callable[[str], Path], tmp_path: Path) -> None:
    find = LandmarksOnDemand(context(tmp_path, lambda name: assets(f"weights/{FILES[name]}")))
    with pytest.raises(ClipFailure, match="no face in any of 3 frames"):
        find(np.zeros((3, 64, 64, 3), np.uint8))


def test_weights_that_are_not_here_come_with_their_command(tmp_path: Path) -> None:
    def weights(name: str) -> Path:
        raise UserError(f"weights {name} are not here", f"thbench weights fetch {name}")

    with pytest.raises(UserError) as error:
        LandmarksOnDemand(context(tmp_path, weights))(np.zeros((3, 64, 64, 3), np.uint8))
    assert error.value.remedy == "thbench weights fetch yunet"
