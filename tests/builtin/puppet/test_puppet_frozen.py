"""Version 1 stays as it was: models were trained on it.

The reference was written by make_reference.py; pixels and samples are compared with a tolerance,
because versions of OpenCV and numpy may round differently.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from thbench_puppet import VERSION
from thbench_puppet.dataset import make

HERE = Path(__file__).parent
WHOLE = "1008_TSI_ANG_XX"
NUMBERS = json.loads((HERE / "frozen_v1.json").read_text())


def test_one_whole_clip() -> None:
    assert VERSION == "1"
    with np.load(HERE / "frozen_v1.npz", allow_pickle=False) as stored:
        old = {name: stored[name] for name in stored.files}
    strip = cv2.imdecode(old.pop("png"), cv2.IMREAD_COLOR)
    assert strip is not None
    frames = strip.reshape(-1, 64, 64, 3)
    new = make(WHOLE, 64)
    assert new.frames.shape == frames.shape
    assert np.abs(new.frames.astype(float) - frames).mean() < 0.5
    assert np.abs(new.audio.astype(float) - old.pop("audio")).mean() < 2
    assert set(old) == set(new.annotations)
    for name, values in old.items():
        np.testing.assert_allclose(new.annotations[name], values, atol=2e-3, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("clip_id", NUMBERS)
def test_numbers_of_more_clips(clip_id: str) -> None:
    old, new = NUMBERS[clip_id], make(clip_id, 64)
    assert len(new.frames) == old["n_frames"]
    np.testing.assert_allclose(new.frames.mean(axis=(0, 1, 2)), old["colour"], atol=0.3)
    tiny = cv2.resize(new.frames[0], (8, 8), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(tiny.ravel().astype(int), old["first_frame_8x8"], atol=2)
    np.testing.assert_allclose(
        new.annotations["landmarks"].mean(axis=0).ravel(), old["landmarks"], atol=0.01
    )
    np.testing.assert_allclose(new.annotations["mouth_aperture"], old["aperture"], atol=1e-3)
    loudness = np.sqrt(np.mean(new.audio.reshape(-1, 640).astype(float) ** 2, axis=1))
    np.testing.assert_allclose(loudness, old["loudness"], rtol=0.01, atol=2)
