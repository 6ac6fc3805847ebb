"""Pauses, mouth movement and expression features, as pure functions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from thbench.api import Clip, ClipFailure, Observed
from thbench_expression.expression import alternate_blocks, expression, neutral
from thbench_expression.frechet_metric import _distance, _sum
from thbench_expression.layout import IBUG, MESH
from thbench_expression.mouth import movement, opening, silent_frames, spread
from thbench_expression.theval import eyebrow_movement, lip_dynamics


def test_layouts_are_within_their_points_and_name_none_twice() -> None:
    for layout in (MESH, IBUG):
        for part in (layout.rigid, layout.lips, layout.brow_eye, layout.right, layout.left):
            assert len(set(part)) == len(part) and min(part) >= 0 and max(part) < layout.n
        assert set(layout.right) | set(layout.left) <= set(layout.eyes)
        assert {i for pair in layout.opening for i in pair} <= set(layout.lips)
    assert (len(MESH.lips), len(MESH.eyes), len(MESH.rigid)) == (40, 32, 24)
    assert len(MESH.brow_right) == len(MESH.brow_left) == 10


def test_pauses_of_three_tenths_and_longer() -> None:
    text = "........ssssss.......s........"  # 8, 7 and 8 frames of silence; 0.3 s are 7.5
    speech = np.array([c == "s" for c in text])
    expected = np.array([i < 8 or i >= 22 for i in range(len(text))])
    np.testing.assert_array_equal(silent_frames(speech), expected)
    assert not silent_frames(np.ones(10, bool)).any()


def test_movement_only_within_pauses_and_between_known_frames() -> None:
    curve = np.array([0.0, 0.1, 0.3, np.nan, 0.9, 0.8, 5.0])
    where = np.array([True, True, True, True, True, True, False])
    assert movement(curve, where) == pytest.approx((0.1 + 0.2 + 0.1) / 3)
    assert spread(curve, where) == pytest.approx(
        np.median(np.abs(np.array([0, 0.1, 0.3, 0.9, 0.8]) - 0.42))
    )
    with pytest.raises(ClipFailure, match="no two neighbouring"):
        movement(curve, np.array([True, False] * 3 + [True]))
    with pytest.raises(ClipFailure, match="no frame of a pause"):
        spread(curve, np.array([False] * 3 + [True] + [False] * 3))


def faces(t: int = 40, d: int = 3) -> np.ndarray:
    rng = np.random.default_rng(1)
    still = rng.normal(0, 20, (468, d))
    moving = np.repeat(still[None], t, axis=0)
    moving[:, list(MESH.lips)] += rng.normal(0, 1, (t, len(MESH.lips), d))
    return moving


def similar(points: np.ndarray) -> np.ndarray:
    """Every frame moved, enlarged and turned in the picture by its own amount."""
    found = points.copy()
    for t, face in enumerate(points):
        c, s = np.cos(0.01 * t), np.sin(0.01 * t)
        turn = np.eye(face.shape[1])
        turn[:2, :2] = [[c, -s], [s, c]]
        found[t] = (1 + 0.005 * t) * face @ turn.T + 3 * t
    return found


def test_expression_ignores_place_size_and_turn() -> None:
    plain = faces()
    given = (plain[0], MESH.rigid, MESH.lips, 50.0)
    np.testing.assert_allclose(
        expression(similar(plain), *given), expression(plain, *given), atol=1e-10
    )
    spoilt = plain.copy()
    spoilt[7, 3, 0] = np.nan
    found = expression(spoilt, *given)
    assert np.isnan(found[7]).all() and np.isfinite(np.delete(found, 7, axis=0)).all()
    assert np.isfinite(neutral(found)).all()


def observed(features: np.ndarray) -> Observed:
    frames = np.arange(len(features))
    return Observed(
        Clip("c", "a"), {"frames": float(len(frames))}, {"mouth": features, "frame": frames}
    )


def test_the_distance_is_the_frechet_distance_of_scipy() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(400, 12)), rng.normal(0.2, 1.3, (500, 12)) @ rng.normal(size=(12, 12))
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(s1 @ s2)
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(s1 + s2 - 2 * np.real(root))
    found = _distance(_sum([observed(a)], "mouth"), _sum([observed(b)], "mouth"))
    assert found == pytest.approx(1000 * expected, rel=1e-9)
    halves = [_sum([observed(a)], "mouth", which) for which in (True, False)]
    assert [h.n for h in halves] == [200, 200]
    assert alternate_blocks(25).tolist() == [True] * 10 + [False] * 10 + [True] * 5


def test_opening_is_over_the_eyes_distance() -> None:
    points = np.zeros((2, 68, 2))
    points[:, [66, 67, 65], 1] = [[6.0], [6.0]]
    found = opening(points, IBUG.opening, np.array([30.0, np.nan]))
    assert found[0] == pytest.approx(0.2) and np.isnan(found[1])


def test_theval_by_the_definition_written_out() -> None:
    rng = np.random.default_rng(3)
    lips = rng.normal(0, 10, (30, 40, 2))
    stds = [
        np.std([np.hypot(*(frame[i] - frame[j])) for frame in lips])
        for i in range(40)
        for j in range(i + 1, 40)
    ]
    assert len(stds) == 780
    assert lip_dynamics(lips) == pytest.approx(np.mean(stds), rel=1e-12)
    points = rng.normal(0, 10, (30, 468, 3))
    heights = []
    for frame in points[..., :2]:
        right, left = frame[list(MESH.eyes[:16])].mean(0), frame[list(MESH.eyes[16:])].mean(0)
        brows = frame[list(MESH.brow_right)].mean(0), frame[list(MESH.brow_left)].mean(0)
        io = np.hypot(*(right - left))
        heights.append([np.hypot(*(brows[0] - right)) / io, np.hypot(*(brows[1] - left)) / io])
    expected = np.abs(np.diff(np.array(heights), axis=0)).mean()
    assert eyebrow_movement(points, MESH) == pytest.approx(expected, rel=1e-12)
