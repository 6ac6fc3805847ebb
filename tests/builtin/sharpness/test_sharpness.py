"""Sharpness beside scikit-image in float64, and the metric around it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import color, feature, filters

from sharp_pictures import REAL, REFERENCE, damaged, drawn, real
from thbench.api import Clip, ClipFailure, Pair
from thbench.video import MemoryVideo
from thbench_sharpness import SharpnessOptions
from thbench_sharpness.cpbd import _canny, cpbd
from thbench_sharpness.measures import grey, high_frequency_energy, laplacian_variance
from thbench_sharpness.metric import Sharpness


def picture(size: int, seed: int) -> np.ndarray:
    """[size, size, 3] uint8: blocks of colour under a soft light."""
    rng = np.random.RandomState(seed)
    cells = rng.randint(0, 200, (8, 8, 3)).repeat(size // 8, 0).repeat(size // 8, 1)
    return (cells + np.linspace(0, 50, size)[:, None, None]).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [64, 128, 200])
def test_equals_scikit_image_in_float64(size: int) -> None:
    frame = picture(size, size)
    g = grey(frame)
    # its weights are those of BT.709: ours are checked against OpenCV's rounded ones instead
    assert np.abs(g - cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)).max() <= 0.5 + 1e-3
    assert not np.allclose(g, 255 * color.rgb2gray(frame), atol=1)
    theirs = filters.laplace(g, ksize=3)[1:-1, 1:-1].var()
    assert laplacian_variance(g) == pytest.approx(theirs, rel=1e-12)
    rest = g - filters.gaussian(g, sigma=1, mode="nearest", preserve_range=True)
    expected = (rest**2).sum() / ((g - g.mean()) ** 2).sum()
    assert high_frequency_energy(g) == pytest.approx(expected, rel=1e-12)


def test_blur_lowers_and_noise_raises_both() -> None:
    frame = cv2.GaussianBlur(picture(128, 3), (0, 0), 1.0)
    blurred = cv2.GaussianBlur(frame, (0, 0), 2.0)
    noise = 10 * np.random.RandomState(0).standard_normal(frame.shape)
    noisy = np.clip(frame + noise, 0, 255).astype(np.uint8)
    for measure in (laplacian_variance, high_frequency_energy):
        low, middle, high = (measure(grey(f)) for f in (blurred, frame, noisy))
        assert low < middle < high, measure.__name__


def test_edge_cases_of_the_measures() -> None:
    flat = np.full((64, 64), 7.0)
    assert laplacian_variance(flat) == high_frequency_energy(flat) == 0
    contrast = 0.5 * grey(picture(64, 2))
    assert high_frequency_energy(contrast) == pytest.approx(high_frequency_energy(2 * contrast))


def context(boxes: np.ndarray | None = None) -> Any:
    def extractor(name: str, **options: object) -> Any:
        assert (name, options) == ("face_boxes", {"max_missing": 0.1})
        return lambda video: boxes

    return SimpleNamespace(extractor=extractor)


def pair_of(frames: np.ndarray) -> Pair:
    video = MemoryVideo(frames, None)
    return Pair(Clip("c", "a"), video, video)


def test_only_the_face_counts_and_missing_boxes_are_interpolated() -> None:
    frames = np.stack([picture(128, 4)] * 3)
    frames[:, :32] = np.random.RandomState(1).randint(0, 256, (3, 32, 128, 3))  # a busy background
    boxes = np.array([[20.2, 40, 60, 70, 0.9], [np.nan] * 5, [24.2, 40, 60, 70, 0.9]])
    rows = Sharpness(SharpnessOptions(), context(boxes)).observe(pair_of(frames)).rows
    wanted = [
        laplacian_variance(grey(frames[t])[40:110, x : x + 60]) for t, x in enumerate((20, 22, 24))
    ]
    assert rows["laplacian_variance"] == pytest.approx(np.mean(wanted), rel=1e-12)
    whole = Sharpness(SharpnessOptions(region="frame"), context()).observe(pair_of(frames)).rows
    assert whole["laplacian_variance"] > rows["laplacian_variance"]


def test_a_region_too_small_is_a_reason() -> None:
    frames = np.stack([picture(64, 5)] * 2)
    boxes = np.array([[60.0, 60, 30, 30, 0.9]] * 2)
    with pytest.raises(ClipFailure, match="4 x 4 pixels"):
        Sharpness(SharpnessOptions(), context(boxes)).observe(pair_of(frames))


# -- CPBD -----------------------------------------------------------------------------------------

PEER = json.loads(REFERENCE.read_text())["values"]


def test_cpbd_equals_the_published_program_on_drawn_pictures() -> None:
    pictures = drawn()
    assert len(pictures) == 16
    for name, picture in pictures.items():
        assert cpbd(picture.astype(np.float64)) == pytest.approx(PEER[name], rel=1e-12), name
        np.testing.assert_array_equal(
            _canny(picture.astype(np.float64)), feature.canny(picture.astype(np.float64))
        )


@pytest.mark.slow
@pytest.mark.parametrize("clip", REAL)
def test_cpbd_equals_the_published_program_on_real_frames(
    clip: str, assets: Callable[[str], Path]
) -> None:
    pictures = real(assets(f"clips/{clip}"))
    assert len({round(PEER[name], 3) for name in pictures}) == 12
    for name, picture in pictures.items():
        assert cpbd(picture.astype(np.float64)) == pytest.approx(PEER[name], rel=1e-12), name


def test_noise_raises_cpbd_and_its_card_says_so() -> None:
    as_it_is, blurred, noisy, _ = damaged("x", drawn()["drawn 200x200"]).values()
    found = [cpbd(p.astype(np.float64)) for p in (blurred, as_it_is, noisy)]
    assert found == sorted(found) and len(set(found)) == 3  # type: ignore[type-var]
    score = Sharpness(SharpnessOptions("frame", "cpbd"), context()).scores["cpbd"]
    assert score.reacts_to["noise"] == "+" and "Noise raises it" in score.description
    assert "Noise raises it" in score.biases and score.better == "nearer-reference"


def test_cpbd_of_clips_their_size_and_their_lack_of_edges() -> None:
    metric = Sharpness(SharpnessOptions("frame", "cpbd"), context())
    disc = drawn()["drawn 200x200"][..., None].repeat(3, 2)
    frames = np.stack([disc, np.full((200, 200, 3), 90, np.uint8)])
    grey_frame = np.rint(grey(frames[0]))
    assert metric.observe(pair_of(frames)).rows == {"cpbd": cpbd(grey_frame)}, (
        "flat frames have no value"
    )
    with pytest.raises(ClipFailure, match="no frame has an edge"):
        metric.observe(pair_of(frames[1:]))
    with pytest.raises(ClipFailure, match="32 x 32 pixels: needs 64"):
        metric.observe(pair_of(frames[:, :32, :32]))
