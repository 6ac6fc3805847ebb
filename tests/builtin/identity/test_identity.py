"""Identity: alignment against OpenCV's, networks against their own arithmetic, distances, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from thbench.api import Clip, ClipFailure, Frames, Pair, UserError
from thbench.video import MemoryVideo
from thbench_face.detector import FaceDetector
from thbench_identity import IdentityOptions
from thbench_identity.align import SIDE, TEMPLATE, aligned, placing
from thbench_identity.embedders import arcface, dlib_square, sface
from thbench_identity.extractor import (
    FaceIdentity,
    require_large,
    require_no_profile,
    require_one_face,
)
from thbench_identity.likeness import cosines, distances
from thbench_identity.metric import Csim
from tiny_onnx import linear_features, matrix, write_linear

Assets = Callable[[str], Path]


def moved(
    points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]
) -> np.ndarray:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return scale * points @ np.array([[c, -s], [s, c]]).T + shift


def face_row(points: np.ndarray) -> np.ndarray:
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([low - 20, high - low + 40, [0.9], points.ravel()])


def picture(size: int, seed: int = 0) -> Frames:
    small = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


# -- alignment --------------------------------------------------------------------------------------


def test_placing_undoes_a_similarity() -> None:
    points = moved(TEMPLATE, 17, 1.7, (40, 12))
    there = points @ placing(points)[:, :2].T + placing(points)[:, 2]
    np.testing.assert_allclose(there, TEMPLATE, atol=1e-9)


def test_placing_is_the_least_squares_similarity_of_scikit_image() -> None:
    """Umeyama 1991 in float64, on points that no similarity fits."""
    transform = pytest.importorskip("skimage.transform")
    points = moved(TEMPLATE, -30, 0.6, (9, 50)) + np.random.default_rng(3).normal(0, 2, (5, 2))
    expected = transform.SimilarityTransform.from_estimate(points, TEMPLATE).params[:2]
    np.testing.assert_allclose(placing(points), expected, rtol=1e-9)


def test_the_crop_is_opencvs(tmp_path: Path) -> None:
    """FaceRecognizerSF aligns to the same template with the same points in the same order."""
    network = cv2.FaceRecognizerSF.create(str(write_linear(tmp_path / "n.onnx", matrix(128))), "")
    frame = picture(200)
    row = face_row(
        moved(TEMPLATE, 12, 1.3, (20, 10)) + np.random.default_rng(1).normal(0, 1, (5, 2))
    )
    theirs = np.concatenate([row[:4], row[5:], row[4:5]]).astype(np.float32)[None]
    expected = cv2.cvtColor(
        network.alignCrop(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), theirs), cv2.COLOR_BGR2RGB
    )
    found = aligned(frame, row[5:].reshape(5, 2))
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.abs(found.astype(int) - expected).mean() < 0.05


# -- networks ---------------------------------------------------------------------------------------


def test_sface_sees_rgb_as_it_is(tmp_path: Path) -> None:
    weights = matrix(128)
    embed = sface(write_linear(tmp_path / "n.onnx", weights))
    frame, row = picture(200), face_row(moved(TEMPLATE, 5, 1.2, (30, 20)))
    expected = linear_features(aligned(frame, row[5:].reshape(5, 2)), weights)
    np.testing.assert_allclose(
        embed(frame, row), expected, rtol=2e-3, atol=np.abs(expected).max() * 2e-3
    )


def test_arcface_sees_rgb_from_minus_one_to_one(tmp_path: Path) -> None:
    weights = matrix(512)
    embed = arcface(write_linear(tmp_path / "n.onnx", weights))
    frame, row = picture(200), face_row(moved(TEMPLATE, 5, 1.2, (30, 20)))
    crop = (aligned(frame, row[5:].reshape(5, 2)).astype(np.float64) - 127.5) / 127.5
    expected = linear_features(crop, weights)
    np.testing.assert_allclose(
        embed(frame, row), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max()
    )


def test_dlibs_square() -> None:
    assert dlib_square(np.array([10.0, 20.0, 80.0, 100.0])) == (2, 28, 98, 122)


# -- likeness ---------------------------------------------------------------------------------------


def test_cosines_and_distances_are_scipys() -> None:
    from scipy.spatial.distance import cosine, euclidean

    a, b = np.random.default_rng(0).normal(size=(2, 7, 128))
    np.testing.assert_allclose(
        cosines(a, b), [1 - cosine(x, y) for x, y in zip(a, b, strict=True)], rtol=1e-12
    )
    np.testing.assert_allclose(distances(a, b[0]), [euclidean(x, b[0]) for x in a], rtol=1e-12)
    a[2] = np.nan
    assert np.isnan(cosines(a, b)[2]) and np.isnan(distances(a, b)[2])
    assert np.isfinite(cosines(a, b)).sum() == 6


# -- refusals ---------------------------------------------------------------------------------------


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([[*row, 0.9] for row in rows])


def test_small_faces_are_refused() -> None:
    require_large(boxes((0, 0, 34, 30), (0, 0, 33, 30)))  # heads of 64 px
    with pytest.raises(ClipFailure, match="faces of 17 px: identity needs at least 30"):
        require_large(boxes((0, 0, 17, 15), (0, 0, 16, 17)))  # heads of 32 px


def test_faces_in_profile_are_refused() -> None:
    frontal = np.stack([face_row(moved(TEMPLATE, d, 1.3, (40, 9))) for d in (-20, 0, 20)])
    require_no_profile(frontal)
    aside = frontal.copy()
    across = aside[:, 7:9] - aside[:, 5:7]
    aside[:2, 9:11] += 0.3 * across[:2]
    require_no_profile(aside)
    aside[:2, 9:11] += 0.1 * across[:2]
    with pytest.raises(ClipFailure, match=r"in profile: the nose lies 0\.40 eye distances beside"):
        require_no_profile(aside)
    unknown = np.where(np.arange(3)[:, None] == 2, np.nan, aside)
    with pytest.raises(ClipFailure, match="in profile"):
        require_no_profile(unknown)


def test_two_faces_of_like_size_are_refused() -> None:
    main = boxes((0, 0, 40, 40), (0, 0, 40, 40))
    alone, small = main[:1], np.concatenate([main[:1], boxes((60, 0, 20, 20))])
    require_one_face([alone, small], main)
    both = np.concatenate([main[:1], boxes((60, 0, 35, 35))])
    with pytest.raises(ClipFailure, match="two faces of like size in 2 of 2 frames"):
        require_one_face([both, both], main)


def test_frames_are_looked_at_one_by_one() -> None:
    """Of ten minutes at 512 px all of them would be copied as 12 GB."""
    row = face_row(moved(TEMPLATE, 0, 1.3, (40, 9)))[None]

    class Asked:
        def __getitem__(self, t: Any) -> Frames:
            assert np.ndim(t) == 0, "several frames at once"
            return np.full((256, 256, 3), t, np.uint8)

    class Detector:
        def with_points(self, frame: Frames) -> np.ndarray:
            return row

    made = FaceIdentity(IdentityOptions("sface", every=2), None)  # type: ignore[arg-type]
    vars(made)["_detector"] = Detector()
    vars(made)["_embedder"] = lambda frame, face: np.array([frame.mean(), 1.0])
    video = SimpleNamespace(n_frames=7, size=256, frames=Asked())
    found = made(video)  # type: ignore[arg-type]
    assert found[::2].tolist() == [[0, 1], [2, 1], [4, 1], [6, 1]]
    assert np.isnan(found[1::2]).all()


# -- the metric -------------------------------------------------------------------------------------


class Features:
    """Embeddings by video."""

    identity = "fake"

    def __init__(self, *pairs: tuple[MemoryVideo, np.ndarray]) -> None:
        self._of = dict(pairs)

    def __call__(self, video: MemoryVideo) -> np.ndarray:
        return self._of[video]


def pair_of(n: int = 5) -> Pair:
    videos = [MemoryVideo(np.zeros((n, 32, 32, 3), np.uint8), None) for _ in range(2)]
    return Pair(Clip("c", "a"), *videos)


def observed(
    network: str, ours: np.ndarray, theirs: np.ndarray, index: int | None = 0, every: int = 1
):
    pair = replace(pair_of(len(ours)), identity_index=index)
    features = Features((pair.generated, ours), (pair.reference, theirs))
    return Csim(IdentityOptions(network, every), None, features).observe(pair)  # type: ignore[arg-type]


def test_the_identity_frame_is_left_out_and_missing_frames_count_nowhere() -> None:
    rng = np.random.default_rng(2)
    theirs, ours = rng.normal(size=(2, 5, 128))
    ours[3] = np.nan
    rows = observed("arcface", ours, theirs, index=1).rows
    expected = [cosines(ours[t : t + 1], theirs[1])[0] for t in (0, 2, 4)]
    assert rows["csim_reference"] == pytest.approx(np.mean(expected), rel=1e-12)
    same = [cosines(ours[t : t + 1], theirs[t])[0] for t in (0, 1, 2, 4)]
    assert rows["csim_paired"] == pytest.approx(np.mean(same), rel=1e-12)
    assert rows["frames_compared"] == 4


def test_dlib_has_distances_and_shares_and_no_cosine() -> None:
    theirs = np.zeros((4, 128))
    ours = np.zeros((4, 128))
    ours[:, 0] = [0, 0.5, 0.59, 0.61]
    rows = observed("dlib", ours, theirs).rows
    assert rows["identity_distance_paired"] == pytest.approx(1.7 / 4)
    assert rows["identity_same_paired"] == 0.75
    assert rows["identity_distance_reference"] == pytest.approx(1.7 / 3)
    assert rows["identity_same_reference"] == pytest.approx(2 / 3)
    assert not [name for name in rows if name.startswith("csim")]


@pytest.mark.parametrize(
    ("ours", "index", "reason"),
    [
        (np.ones((1, 8)), 0, "no frame with a face besides the identity frame"),
        (np.full((4, 8), np.nan), 0, "no frame with a face"),
        (np.ones((4, 8)), None, "the identity frame is none of the reference's"),
    ],
)
def test_what_cannot_be_compared_has_a_reason(
    ours: np.ndarray, index: int | None, reason: str
) -> None:
    with pytest.raises(ClipFailure, match=reason):
        observed("sface", ours, np.ones_like(ours), index)


# -- on real heads ----------------------------------------------------------------------------------


class Lent:
    """api.Context with nothing but the detector's weights."""

    def __init__(self, yunet: Path) -> None:
        self._yunet = yunet

    def weights(self, name: str) -> Path:
        assert name == "yunet"
        return self._yunet


@pytest.mark.slow
def test_real_faces_are_found_placed_and_refused(assets: Assets, tmp_path: Path) -> None:
    from real_heads import head_frames

    weights = assets("weights/yunet_n_640_640.onnx")
    root = weights.parent.parent
    assets("clips/speaker_a_512px_25fps_mpeg4.mp4")
    frames = head_frames(root, "a", 128, 200)[::50]
    faces = [FaceDetector(weights).with_points(f)[0] for f in frames]
    for face in faces:
        spread = (
            face[5:].reshape(5, 2) @ placing(face[5:].reshape(5, 2))[:, :2].T
            + placing(face[5:].reshape(5, 2))[:, 2]
        )
        assert (
            np.abs(spread - TEMPLATE).max() < 0.1 * SIDE
        )  # eyes, nose and mouth in the order of the template
    extractor = FaceIdentity(IdentityOptions("arcface", every=2), Lent(weights))  # type: ignore[arg-type]
    extractor.__dict__["_embedder"] = arcface(write_linear(tmp_path / "n.onnx", matrix(16)))
    found = extractor(MemoryVideo(frames, None))
    assert found.shape == (4, 16) and np.isfinite(found).all(axis=1).tolist() == [
        True,
        False,
        True,
        False,
    ]
    with pytest.raises(ClipFailure, match="no face in any of 2 frames"):
        extractor(MemoryVideo(np.zeros_like(frames), None))
    small = np.stack([cv2.resize(f, (32, 32), interpolation=cv2.INTER_AREA) for f in frames])
    with pytest.raises(ClipFailure, match="identity needs at least 30"):
        extractor(MemoryVideo(small, None))
    beside = np.concatenate([frames, frames], axis=2)
    square = np.concatenate([beside, np.zeros_like(beside)], axis=1)
    with pytest.raises(ClipFailure, match="two faces of like size"):
        extractor(MemoryVideo(square, None))
    turned = frames[:1].repeat(4, axis=0)
    turned[1:] = 0
    with pytest.raises(ClipFailure, match="needed"):
        FaceIdentity(IdentityOptions("arcface"), Lent(weights))(MemoryVideo(turned, None))  # type: ignore[arg-type]


def test_without_weights_or_packages_a_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    from thbench_identity.embedders import dlib_descriptor

    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(UserError, match=r"thbench\[dlib\]"):
        dlib_descriptor()
