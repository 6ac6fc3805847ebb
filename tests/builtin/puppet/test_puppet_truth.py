"""The annotations are what the pictures show."""

from __future__ import annotations

import numpy as np
import pytest

from guards import some
from thbench.api import FPS, Source
from thbench_puppet.dataset import make
from thbench_puppet.names import all_clips
from thbench_puppet.outline import jaw_line
from thbench_puppet.scene import scene, truth
from thbench_puppet.sentences import PHONEMES, VISEMES

SAMPLE = [clip.id for clip in all_clips()[5::311]]


@pytest.fixture(scope="module", params=SAMPLE[::4])
def source(request: pytest.FixtureRequest) -> Source:
    return make(request.param, 128)


def test_shapes_and_types(source: Source) -> None:
    n, known = len(source.frames), source.annotations
    assert known["landmarks"].shape == (n, 68, 2) and known["landmarks"].dtype == np.float32
    assert known["head_pose"].shape == (n, 3)
    for name in ("mouth_aperture", "blink", "viseme"):
        assert known[name].shape == (n,)
    assert known["viseme"].min() >= 0 and known["viseme"].max() < len(VISEMES)
    assert known["blink"].min() >= 0 and known["blink"].max() <= 1


def test_phonemes_fill_the_clip_without_gaps(source: Source) -> None:
    phonemes = source.annotations["phonemes"]
    np.testing.assert_array_equal(phonemes[1:, 0], phonemes[:-1, 1])
    assert phonemes[0, 0] == 0 and phonemes[-1, 1] == len(source.frames) / FPS
    assert (phonemes[:, 1] > phonemes[:, 0]).all()
    assert phonemes[0, 2] == phonemes[-1, 2] == PHONEMES.index("SIL") == 0


def test_landmarks_lie_in_the_frame_in_order(source: Source) -> None:
    points = source.annotations["landmarks"]
    assert points.min() > 0 and points.max() < 127
    x, y = points[..., 0], points[..., 1]
    assert (np.diff(x[:, :17], axis=1) > -1).all()  # jaw from left to right
    assert (y[:, 8] > y[:, 57]).all() and (y[:, 57] >= y[:, 66]).all()  # chin, lower lip, inner lip
    assert (y[:, 66] >= y[:, 62] - 1e-3).all() and (y[:, 62] > y[:, 51]).all()
    assert (
        (x[:, 36] < x[:, 39]).all() and (x[:, 39] < x[:, 42]).all() and (x[:, 42] < x[:, 45]).all()
    )
    assert (y[:, 19] < y[:, 37]).all() and (y[:, 33] > y[:, 27]).all()


@pytest.mark.slow
def test_open_mouths_are_dark_between_the_inner_lips() -> None:
    source = make("1031_ITH_ANG_XX", 256)
    points, aperture = source.annotations["landmarks"], source.annotations["mouth_aperture"]
    for t in some(np.argsort(aperture)[-8:]):
        top, bottom = points[t, 62], points[t, 66]
        x, y = np.round(top + 0.42 * (bottom - top)).astype(int)
        inside = source.frames[t, y, x].astype(float)
        skin = source.frames[t, int(points[t, 33, 1] - 25), int(points[t, 33, 0])].astype(float)
        assert inside.sum() < 0.55 * skin.sum()


def test_the_mouth_is_where_the_picture_changes_with_the_aperture() -> None:
    """Between a closed and an open frame most of the change lies within the mouth's and chin's points."""
    source = make("1015_IWW_NEU_XX", 128)
    points, aperture = source.annotations["landmarks"], source.annotations["mouth_aperture"]
    t = int(np.argmax(aperture))
    near = np.abs(source.frames[t].astype(int) - source.frames[int(np.argmin(aperture))]).sum(
        axis=2
    )
    left, right = points[t, 48:68, 0].min() - 4, points[t, 48:68, 0].max() + 4
    top, bottom = points[t, 48:68, 1].min() - 4, points[t, 48:68, 1].max() + 4
    box = near[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
    assert box.mean() > 3 * near.mean()


def test_aperture_is_that_of_the_landmarks_and_lips_close(source: Source) -> None:
    points = source.annotations["landmarks"].astype(np.float64)
    opening = np.linalg.norm(points[:, 62] - points[:, 66], axis=1)
    eyes = np.linalg.norm(points[:, 36] - points[:, 45], axis=1)
    np.testing.assert_allclose(
        source.annotations["mouth_aperture"], opening / eyes, rtol=1e-5, atol=1e-7
    )


def test_lips_are_shut_where_the_score_says_so() -> None:
    for clip_id in ("1001_MTI_NEU_XX", "1090_IOM_HAP_XX", "1044_ITH_FEA_XX"):
        known = truth(scene(clip_id), 64)
        shut = [
            known["mouth_aperture"][int((start + end) / 2 * FPS)]
            for start, end, index in known["phonemes"]
            if PHONEMES[int(index)] in ("M", "P", "B")
        ]
        assert len(shut) >= 2 and np.median(shut) < 0.02 < 0.1 < known["mouth_aperture"].max()


def test_blinks_close_the_eyes() -> None:
    source = make("1003_ITH_HAP_XX", 64)
    points, blink = source.annotations["landmarks"], source.annotations["blink"]
    height = np.linalg.norm(points[:, 37] - points[:, 41], axis=1)
    assert blink[0] == 0 and blink.max() > 0.8
    assert height[np.argmax(blink)] < 0.4 * height[0]


def test_head_pose_has_the_documented_signs() -> None:
    yaw, nose, roll, tilt, pitch, height = [], [], [], [], [], []
    for clip_id in SAMPLE:
        motion = scene(clip_id).motion
        points = truth(scene(clip_id), 64)["landmarks"]
        eyes = points[:, 45] - points[:, 36]
        yaw += list(motion.yaw)
        nose += list(points[:, 30, 0] - (points[:, 36, 0] + points[:, 45, 0]) / 2)
        roll += list(motion.roll)
        tilt += list(np.rad2deg(np.arctan2(eyes[:, 1], eyes[:, 0])))
        pitch += list(motion.pitch - motion.pitch.mean())
        rise = points[:, 27, 1] - points[:, 30, 1]
        height += list(rise - rise.mean())
    assert np.corrcoef(yaw, nose)[0, 1] > 0.8
    assert np.corrcoef(roll, tilt)[0, 1] > 0.9
    assert np.corrcoef(pitch, height)[0, 1] > 0.3


def test_landmarks_and_pixels_move_by_the_same_map() -> None:
    for clip_id in some(SAMPLE[::6]):
        seen = scene(clip_id)
        line = jaw_line(seen.score.actor.face).astype(np.float32)
        still = np.broadcast_to(line, (seen.score.n_frames, 17, 2))
        back = seen.warp.to_portrait(seen.warp.to_frame(still, jaw=True))
        assert np.abs(back - still).max() * 256 < 0.05


def test_emotion_shows_in_brows_and_mouth_by_level() -> None:
    def corners(level: str) -> float:
        points = truth(scene(f"1013_IEO_HAP_{level}"), 64)["landmarks"][0]
        return float((points[62, 1] + points[66, 1]) / 2 - (points[48, 1] + points[54, 1]) / 2)

    neutral = truth(scene("1013_IEO_NEU_XX"), 64)["landmarks"][0]
    angry = truth(scene("1013_IEO_ANG_HI"), 64)["landmarks"][0]
    assert corners("LO") < corners("MD") < corners("HI")
    assert angry[21, 1] - angry[39, 1] > neutral[21, 1] - neutral[39, 1] + 1
