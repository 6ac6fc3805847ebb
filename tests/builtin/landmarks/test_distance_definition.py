"""LMD as formulas: against scikit-image's similarity, by hand, and what each form reacts to."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thbench.api import ClipFailure
from thbench_landmarks import Form
from thbench_landmarks.alignment import FACE, MOUTH, RIGID, aligned, as_plane, eye_distance
from thbench_landmarks.distance import (
    distances,
    noise_floor,
    velocity_distance,
    warped_distance,
)
from thbench_puppet.names import all_clips
from thbench_puppet.scene import scene, truth

FORMS: tuple[Form, ...] = ("aligned", "per-io", "raw", "centred", "l1")
PIXEL_FORMS: tuple[Form, ...] = ("raw", "centred", "l1")


@pytest.fixture(scope="module")
def points() -> NDArray[np.float32]:
    """[T, 68, 2] exact landmarks of a speaking puppet at 256 px: float32, as networks give them."""
    return truth(scene(all_clips()[0].id), 256)["landmarks"]


@pytest.fixture(scope="module")
def other() -> NDArray[np.float32]:
    return truth(scene(all_clips()[400].id), 256)["landmarks"]


def theirs(p: NDArray[Any], q: NDArray[Any], part: slice) -> float:
    """The canonical value with scikit-image's least-squares similarity, in float64."""
    from skimage.transform import SimilarityTransform

    values = []
    for a, b in zip(p.astype(np.float64), q.astype(np.float64), strict=True):
        turn = SimilarityTransform.from_estimate(a[RIGID], b[RIGID])
        io = np.linalg.norm(b[36:42].mean(0) - b[42:48].mean(0))
        values.append(np.linalg.norm(turn(a)[part] - b[part], axis=1).mean() / io)
    return float(np.mean(values))


@pytest.mark.parametrize("part", [MOUTH, FACE])
def test_scikit_image_aligns_alike(
    points: NDArray[np.float32], other: NDArray[np.float32], part: slice
) -> None:
    n = min(len(points), len(other))
    p, q = points[:n], other[:n]
    ours = distances(as_plane(p), as_plane(q), part, "aligned").mean()
    assert ours > 0.02
    assert ours == pytest.approx(theirs(p, q, part), rel=1e-9)


def test_scipy_leaves_the_same_residual(
    points: NDArray[np.float32], other: NDArray[np.float32]
) -> None:
    """Procrustes scales both sets to length 1; what is left of the rigid points is then the disparity."""
    from scipy.spatial import procrustes

    p, q = as_plane(points[0]), as_plane(other[5])
    left = aligned(p, q)[RIGID] - q[RIGID]
    size = (np.abs(q[RIGID] - q[RIGID].mean()) ** 2).sum()
    disparity = procrustes(other[5][RIGID].astype(float), points[0][RIGID].astype(float))[2]
    assert (np.abs(left) ** 2).sum() / size == pytest.approx(disparity, rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_a_clip_is_at_distance_zero_of_itself(points: NDArray[np.float32], form: Form) -> None:
    p = as_plane(points)
    assert (distances(p, p, FACE, form) == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(-180, 180), st.floats(0.2, 5), st.floats(-100, 100), st.floats(-100, 100))
def test_the_canonical_form_ignores_any_similarity(
    points: NDArray[np.float32], roll: float, scale: float, x: float, y: float
) -> None:
    q = as_plane(points[::9])
    p = scale * np.exp(1j * np.deg2rad(roll)) * q + x + 1j * y
    assert distances(p, q, FACE, "aligned").max() < 1e-12


def test_what_a_movement_of_the_head_does_to_each_form(points: NDArray[np.float32]) -> None:
    """4 px to the side; 5 % larger; 5 degrees. Only the canonical form sees none of them."""
    q = as_plane(points)
    middle = 127.5 * (1 + 1j)
    moves = {
        "shift": q + 4,
        "scale": (q - middle) * 1.05 + middle,
        "roll": (q - middle) * np.exp(1j * np.deg2rad(5)) + middle,
    }
    seen = {
        name: {form: distances(p, q, MOUTH, form).mean() for form in FORMS}
        for name, p in moves.items()
    }
    assert seen["shift"]["raw"] == pytest.approx(4) and seen["shift"]["l1"] == pytest.approx(2)
    assert seen["shift"]["centred"] < 1e-12
    assert seen["shift"]["per-io"] == pytest.approx((4 / eye_distance(q)).mean())
    for name, values in seen.items():
        assert values["aligned"] < 1e-12
        assert values["raw"] > 1, name
    assert 0.3 < seen["scale"]["centred"] < seen["scale"]["raw"]
    assert 0.3 < seen["roll"]["centred"] < seen["roll"]["raw"]


def test_a_still_picture_and_a_frozen_mouth(points: NDArray[np.float32]) -> None:
    """Raw distance punishes the still head, the canonical form the mouth, moving head or not."""
    q = as_plane(points)
    still = np.repeat(q[:1], len(q), axis=0)
    frozen = q.copy()
    frozen[:, MOUTH] = aligned(still, q)[:, MOUTH]
    raw = [distances(p, q, MOUTH, "raw").mean() for p in (still, frozen)]
    canonical = [distances(p, q, MOUTH, "aligned").mean() for p in (still, frozen)]
    assert raw[0] > 1.5 * raw[1]
    assert canonical[0] == pytest.approx(canonical[1], rel=0.05)


def test_l1_is_the_mean_of_both_coordinates(
    points: NDArray[np.float32], other: NDArray[np.float32]
) -> None:
    n = min(len(points), len(other))
    by_hand = np.abs(points[:n, 48:].astype(float) - other[:n, 48:].astype(float)).mean(axis=(1, 2))
    found = distances(as_plane(points[:n]), as_plane(other[:n]), MOUTH, "l1")
    assert found == pytest.approx(by_hand)


def test_centred_is_eats_sum_over_valid_points(
    points: NDArray[np.float32], other: NDArray[np.float32]
) -> None:
    n = min(len(points), len(other))
    p, q = points[:n, 48:].astype(float), other[:n, 48:].astype(float)
    p, q = p - p.mean(axis=1, keepdims=True), q - q.mean(axis=1, keepdims=True)
    total = sum(np.linalg.norm(a - b, axis=1).sum() for a, b in zip(p, q, strict=True))
    found = distances(as_plane(points[:n]), as_plane(other[:n]), MOUTH, "centred").mean()
    assert found == pytest.approx(total / (n * 20))


# -- time -------------------------------------------------------------------------------------------


def cheapest(cost: NDArray[np.float64], band: int) -> float:
    """Every allowed path tried: symmetric weights, divided by the sum of both lengths."""
    n = len(cost)

    def onwards(i: int, j: int) -> float:
        if (i, j) == (n - 1, n - 1):
            return 0.0
        steps = [(i + 1, j, 1), (i, j + 1, 1), (i + 1, j + 1, 2)]
        return min(
            weight * cost[a, b] + onwards(a, b)
            for a, b, weight in steps
            if a < n and b < n and abs(a - b) <= band
        )

    return (2 * float(cost[0, 0]) + onwards(0, 0)) / (2 * n)


@pytest.mark.parametrize("band", [1, 2, 4])
def test_the_cheapest_of_all_paths(
    points: NDArray[np.float32], other: NDArray[np.float32], band: int
) -> None:
    p, q = as_plane(points[5:11]), as_plane(other[20:26])
    cost = np.array([[distances(a, b, MOUTH, "aligned") for b in q] for a in p])
    assert warped_distance(p, q, MOUTH, "aligned", band) == pytest.approx(cheapest(cost, band))


def test_late_is_not_wrong(points: NDArray[np.float32], other: NDArray[np.float32]) -> None:
    """Three frames late costs little within five frames of play; another sentence's mouth stays wrong."""
    q = as_plane(points)
    n = min(len(points), len(other))
    late = np.concatenate([q[:1], q[:1], q[:1], q[:-3]])
    wrong = q[:n].copy()
    wrong[:, MOUTH] = aligned(as_plane(other[:n]), q[:n])[:, MOUTH]

    def both(p: NDArray[np.complex128], r: NDArray[np.complex128]) -> tuple[float, float]:
        rigid = float(distances(p, r, MOUTH, "aligned").mean())
        return rigid, warped_distance(p, r, MOUTH, "aligned", 5)

    late_rigid, late_warped = both(late, q)
    wrong_rigid, wrong_warped = both(wrong, q[:n])
    assert late_warped < 0.35 * late_rigid
    assert 0.6 * wrong_rigid < wrong_warped <= wrong_rigid


def test_paths_are_found_row_by_row() -> None:
    """A table of all pairs of frames would take 1.8 GB for ten minutes."""
    still = np.zeros((1500, 68), np.complex128)
    tracemalloc.start()
    try:
        assert warped_distance(still + 3, still, MOUTH, "raw", 1) == 3
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 8 * len(still) ** 2 / 4 and held < 5e6


def test_no_play_and_no_difference(points: NDArray[np.float32], other: NDArray[np.float32]) -> None:
    n = min(len(points), len(other))
    p, q = as_plane(points[:n]), as_plane(other[:n])
    rigid = distances(p, q, MOUTH, "raw").mean()
    assert warped_distance(p, q, MOUTH, "raw", 0) == pytest.approx(rigid)
    assert warped_distance(p, q, MOUTH, "raw", 5) <= rigid
    assert warped_distance(q, q, MOUTH, "raw", 5) == 0
    assert warped_distance(q + 3, q, MOUTH, "raw", 0) == pytest.approx(3)
    assert warped_distance(p[:1], q[:1], MOUTH, "raw", 5) == pytest.approx(
        abs(p - q)[0, MOUTH].mean()
    )


# -- velocity ---------------------------------------------------------------------------------------


def test_velocity_by_hand_and_missing_frames(points: NDArray[np.float32]) -> None:
    q = as_plane(points)
    p = q.copy()
    p[10, MOUTH] += 2j
    moved = velocity_distance(p, q, MOUTH)
    io = eye_distance(q)
    expected = np.zeros(len(q) - 1)
    expected[9], expected[10] = 2 / io[10], 2 / io[11]
    assert moved == pytest.approx(expected, abs=1e-12)
    p[20] = np.nan
    holes = velocity_distance(p, q, MOUTH)
    assert np.flatnonzero(np.isnan(holes)).tolist() == [19, 20]
    with pytest.raises(ClipFailure, match="1 frame, no two neighbours"):
        velocity_distance(p[:1], q[:1], MOUTH)
    with pytest.raises(ClipFailure, match="no two neighbours"):
        velocity_distance(np.full((3, 68), np.nan + 0j), q[:3], MOUTH)


def test_the_floor_is_what_noise_alone_gives(points: NDArray[np.float32]) -> None:
    """On heads that stand still, trembling of either or both courses is all there is, and is found."""
    still = np.repeat(as_plane(points[:1]), 400, axis=0)
    rng = np.random.default_rng(0)
    rigid_kept = np.zeros(68)
    rigid_kept[MOUTH] = 1  # nose and eyes stay, so that the alignment adds nothing

    def noise(sigma: float) -> NDArray[np.complex128]:
        return sigma * rigid_kept * (rng.normal(size=(400, 68)) + 1j * rng.normal(size=(400, 68)))

    for first, second in ((0.5, 0.0), (0.5, 0.5), (0.2, 1.0)):
        p, q = still + noise(first), still + noise(second)
        measured = velocity_distance(p, q, MOUTH).mean()
        assert noise_floor(p, q, MOUTH) == pytest.approx(measured, rel=0.02)
    assert noise_floor(still, still, MOUTH) == pytest.approx(0, abs=1e-15)
    assert np.isnan(noise_floor(still[:2], still[:2], MOUTH))
