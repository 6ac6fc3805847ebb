"""Optical flow: OpenCV called as stated, lengths by hand, and what is never seen between equal frames."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from thbench.api import ClipFailure
from thbench_motion.flow import (
    BOUND,
    Farneback,
    Lengths,
    _flow,
    dis_flow,
    farneback_flow,
    jet_flow_picture_mean,
    lengths_of,
    optical_flow_magnitude,
    require_two,
    resized,
)


def moving(n: int = 3, size: int = 48) -> np.ndarray:
    """A smooth texture that moves a pixel to the right and two down per frame."""
    y, x = np.mgrid[:size, :size].astype(float)
    frames = []
    for t in range(n):
        grey = 128 + 50 * np.sin((x - t) / 3) + 50 * np.cos((y - 2 * t) / 4)
        frames.append(np.stack([grey, grey * 0.9, grey * 0.5], -1))
    return np.array(frames).astype(np.uint8)


def test_the_parameters_are_those_of_diffused_heads() -> None:
    assert Farneback() == Farneback(0.5, 7, 5, 15, 5, 1.2)


@pytest.mark.parametrize("given", [Farneback(), Farneback(0.6, 2, 9, 3, 7, 1.5)])
def test_every_parameter_reaches_opencv(given: Farneback) -> None:
    frames = moving()
    a, b = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames[:2])
    p = given
    expected = cv2.calcOpticalFlowFarneback(
        a, b, None, p.pyr_scale, p.levels, p.winsize, p.iterations, p.poly_n, p.poly_sigma, 0
    )  # type: ignore[call-overload]
    found = list(farneback_flow(frames, given))
    assert len(found) == 2 and found[0].dtype == np.float32
    assert np.array_equal(found[0], expected)


def test_the_motion_is_found() -> None:
    inner = next(iter(farneback_flow(moving())))[12:-12, 12:-12]
    assert inner.mean((0, 1)) == pytest.approx([1.0, 2.0], abs=0.3)
    dis = next(iter(dis_flow(moving())))[12:-12, 12:-12]
    assert dis.mean((0, 1)) == pytest.approx([1.0, 2.0], abs=0.5)


def test_equal_frames_do_not_move_where_it_is_asked() -> None:
    frames = np.repeat(moving(1), 3, axis=0)
    assert not any(f.any() for f in farneback_flow(frames, still_is_zero=True))
    assert any(f.any() for f in farneback_flow(frames))
    assert not any(f.any() for f in dis_flow(frames))
    moved = moving(2)
    plain, asked = (next(iter(farneback_flow(moved, still_is_zero=z))) for z in (False, True))
    assert np.array_equal(plain, asked)
    assert jet_flow_picture_mean(frames) == pytest.approx(128 / 3)


def test_a_picture_that_stands_still_has_its_flow_found_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = np.concatenate([np.repeat(moving(2), 3, axis=0), moving(1)])  # AAABBBA
    plain = [_flow(a, b, Farneback()) for a, b in pairwise(map(grey, frames))]
    calls = []

    def counted(*given: Any) -> np.ndarray:
        calls.append(given)
        return _flow(*given)

    monkeypatch.setattr("thbench_motion.flow._flow", counted)
    assert [f.tobytes() for f in farneback_flow(frames)] == [f.tobytes() for f in plain]
    assert len(calls) == 4 < len(plain) == 6  # AA, AB, BB, BA


def grey(frame: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))


def test_the_published_picture_is_painted_pair_by_pair() -> None:
    frames = moving(3)
    values = []
    for flow in farneback_flow(frames, resize=64):
        length = np.hypot(flow[..., 0], flow[..., 1])
        levels = (length - length.min()) / (length.max() - length.min()) * 255
        picture = cv2.applyColorMap(levels.astype(np.uint8), cv2.COLORMAP_JET)
        values.append(picture.mean(dtype=np.float64))
    assert jet_flow_picture_mean(frames, resize=64) == pytest.approx(np.mean(values), rel=2e-3)
    assert jet_flow_picture_mean(frames) == jet_flow_picture_mean(frames, resize=128)


def test_the_magnitude_is_the_mean_length() -> None:
    frames = moving(4)
    flows = list(farneback_flow(frames))
    expected = np.mean(
        [np.hypot(f[..., 0].astype(float), f[..., 1].astype(float)).mean() for f in flows]
    )
    assert optical_flow_magnitude(frames) == pytest.approx(expected, rel=1e-12)
    assert optical_flow_magnitude(frames, resize=24) < 0.8 * expected


def field(*lengths: float) -> np.ndarray:
    """[8, 20, 2]: everything still but so many pixels; the bound is 20 / 32 = 0.625 pixels."""
    flow = np.zeros((8, 20, 2), np.float32)
    for i, length in enumerate(lengths):
        flow[i, 3] = 0.6 * length, -0.8 * length
    return flow


def test_lengths_by_hand() -> None:
    assert BOUND == 1 / 32
    found = lengths_of(iter([field(0.25, 2.0), field(0.625)]))  # the last is not beyond the bound
    n = 8 * 20
    assert found.mean == pytest.approx((2.25 + 0.625) / 2 / n, rel=1e-6)
    assert found.beyond == pytest.approx(1 / n / 2)
    assert found.carried == pytest.approx(2.0 / 2.875, rel=1e-6)
    assert found.clipped == pytest.approx((0.25 + 0.625 + 0.625) / 2 / n, rel=1e-6)
    assert lengths_of(iter([field(0.625)]), bound=1 / 64).beyond == pytest.approx(1 / n)


def test_nothing_moves_nothing_is_carried() -> None:
    assert lengths_of(iter([field()])) == Lengths(0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("size", "resize", "same"), [(48, 0, True), (48, 48, True), (48, 24, False)]
)
def test_frames_of_the_wanted_size_are_left_alone(size: int, resize: int, same: bool) -> None:
    frames = moving(2, size)
    found = list(resized(frames, resize))
    assert (found[0].shape == frames[0].shape) is same
    if same:
        assert all(np.array_equal(a, b) for a, b in zip(found, frames, strict=True))
    else:
        expected = cv2.resize(frames[1], (24, 24), interpolation=cv2.INTER_LINEAR)
        assert np.array_equal(found[1], expected)
    wide = np.zeros((1, 48, 40, 3), np.uint8)
    assert next(iter(resized(wide, 48))).shape == (48, 48, 3)


@pytest.mark.parametrize(("n", "says"), [(0, "0 frames: motion"), (1, "1 frame: motion")])
def test_two_frames_are_needed(n: int, says: str) -> None:
    for call in (require_two, optical_flow_magnitude, jet_flow_picture_mean):
        with pytest.raises(ClipFailure, match=says):
            call(moving(2)[:n])
    require_two(moving(2))
