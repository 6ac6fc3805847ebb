"""What cannot be measured is refused with its reason, and no NaN reaches a mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from thbench.api import Clip, ClipFailure, Metric, Observed, Pair
from thbench.video import MemoryVideo
from thbench_expression import PointsOptions, SilentOptions, ThevalOptions
from thbench_expression.blink_metric import BlinkDuration, BlinkRate
from thbench_expression.frechet_metric import ExpressionFrechet
from thbench_expression.layout import MESH
from thbench_expression.pose_metric import HeadPose
from thbench_expression.silent_metric import SilentMouth
from thbench_expression.source import faces_of_mesh
from thbench_expression.theval import Eyebrow, LipDynamics, SilentLips
from thbench_face.mesh import MESH as MESH_TYPE
from thbench_face.mesh import turned_away

T = 50
METRICS: Mapping[str, tuple[type, Any]] = {
    "head_pose": (HeadPose, PointsOptions()),
    "blinks": (BlinkRate, PointsOptions()),
    "blink_duration": (BlinkDuration, PointsOptions()),
    "expression_frechet": (ExpressionFrechet, PointsOptions()),
    "silent_mouth": (SilentMouth, SilentOptions()),
    "theval_lip_dynamics": (LipDynamics, ThevalOptions()),
    "theval_eyebrow": (Eyebrow, PointsOptions()),
    "theval_silent_lips": (SilentLips, SilentOptions()),
}


def head(seed: int = 0) -> np.ndarray:
    """[468, 3] a face of 128 px: eyes 12 px wide and 3.6 tall, 40 px apart, the rest somewhere around."""
    points = np.random.default_rng(seed).normal(0, 20, (468, 3)) + np.array([64, 64, 0])
    for eye, x in ((MESH.right, 44), (MESH.left, 84)):
        shape = np.array([[-6, 0], [-2, -1.8], [2, -1.8], [6, 0], [2, 1.8], [-2, 1.8]])
        points[list(eye), :2] = shape + np.array([x, 50])
        points[list(eye), 2] = -10
    points[234], points[454] = [20, 64, 5], [108, 64, 5]
    return points


def mesh(points: np.ndarray | None = None, missing: slice = slice(0, 0)) -> np.ndarray:
    found = np.zeros(T, MESH_TYPE)
    rng = np.random.default_rng(1)
    still = np.repeat((head() if points is None else points)[None], T, axis=0)
    found["points"] = still + rng.normal(0, 0.05, still.shape)
    found["score"], found["found"] = 1.0, True
    found["found"][missing] = False
    found["points"][missing] = np.nan
    found["turned"] = turned_away(found["points"])
    return found


def blinking() -> np.ndarray:
    found = mesh()
    for eye in (MESH.right, MESH.left):
        for start in (10, 30):
            found["points"][start : start + 3, list(eye), 1] = 50
    return found


class Lent:
    """api.Context whose extractors hand out what a video is said to show."""

    def __init__(self, shown: Mapping[MemoryVideo, Any], speech: np.ndarray | str) -> None:
        self._shown, self._speech = shown, speech

    def extractor(self, name: str, **_: object) -> Any:
        return self._heard if name == "speech_activity" else self._seen

    def _heard(self, _: MemoryVideo) -> np.ndarray:
        if isinstance(self._speech, str):
            raise ClipFailure(self._speech)
        return self._speech

    def _seen(self, video: MemoryVideo) -> np.ndarray:
        shown = self._shown[video]
        if isinstance(shown, str):
            raise ClipFailure(shown)
        return shown


SPEECH = np.repeat([False, True, False], [15, 20, 15])


def built(name: str, ours: Any, theirs: Any = None, speech: Any = SPEECH) -> tuple[Metric, Pair]:
    n = T if isinstance(ours, str) else len(ours)
    videos = [
        MemoryVideo(np.zeros((n, 128, 128, 3), np.uint8), np.zeros(640 * n, np.int16))
        for _ in range(2)
    ]
    shown = {videos[0]: ours, videos[1]: blinking() if theirs is None else theirs}
    kind, options = METRICS[name]
    return kind(options, Lent(shown, speech)), Pair(Clip("c", "a"), *videos)


@pytest.mark.parametrize("name", METRICS)
def test_a_seen_face_is_measured(name: str) -> None:
    metric, pair = built(name, blinking())
    seen = metric.observe(pair)
    assert all(np.isfinite(v) for v in seen.rows.values())
    observed = Observed(pair.clip, seen.rows, seen.arrays)
    values = metric.reduce(type("Sets", (), {"generated": [observed], "reference": [observed]})())
    assert values.keys() == metric.scores.keys() and all(np.isfinite(v) for v in values.values())


@pytest.mark.parametrize("name", METRICS)
def test_some_missing_frames_count_nowhere(name: str) -> None:
    metric, pair = built(name, mesh(missing=slice(22, 26)))
    assert all(np.isfinite(v) for v in metric.observe(pair).rows.values())


@pytest.mark.parametrize("name", METRICS)
def test_no_face_is_the_extractors_reason(name: str) -> None:
    metric, pair = built(name, "no face in any of 50 frames")
    with pytest.raises(ClipFailure, match="no face in any"):
        metric.observe(pair)


@pytest.mark.parametrize("name", METRICS)
def test_one_frame_is_too_few(name: str) -> None:
    metric, pair = built(name, mesh()[:1], mesh()[:1], SPEECH[:1])
    with pytest.raises(ClipFailure, match=r"at least \d+ needed|no pause of"):
        metric.observe(pair)


def profile() -> np.ndarray:
    points = head()
    points[234], points[454] = [60, 64, 40], [80, 64, -40]  # 76 degrees
    return mesh(points)


def test_a_profile_is_told_and_refused() -> None:
    assert np.median(faces_of_mesh(profile()).turned) == pytest.approx(76, abs=1)
    for name, reason in (
        ("head_pose", "a face turned away by less than 30 degrees in 0 of 50 frames: at least 25"),
        ("blinks", "a face turned away by less than 30 degrees in 0 of 50 frames"),
        ("blink_duration", "turned away by less than 30 degrees"),
        ("expression_frechet", "turned away by less than 30 degrees"),
        ("theval_lip_dynamics", "turned away by less than 30 degrees"),
        ("theval_eyebrow", "turned away by less than 30 degrees"),
        ("silent_mouth", "no two neighbouring frames of a pause show the mouth"),
        ("theval_silent_lips", "no frame of a pause shows the mouth"),
    ):
        metric, pair = built(name, profile())
        with pytest.raises(ClipFailure, match=reason):
            metric.observe(pair)


def test_eyes_closed_throughout_are_not_a_median() -> None:
    points = head()
    for eye in (MESH.right, MESH.left):
        points[list(eye), 1] = 50 + 0.3 * np.sign(points[list(eye), 1] - 50)
    metric, pair = built("blinks", mesh(points))
    with pytest.raises(ClipFailure, match="eyes closed most of the time"):
        metric.observe(pair)


def test_eyes_are_closed_that_are_half_as_open_as_the_references() -> None:
    """A mesh sees 0.19 in one person's closed eyes and 0.21 in another's open ones: the reference tells."""
    asleep = blinking()
    for eye in (MESH.right, MESH.left):
        asleep["points"][:, list(eye), 1] += 0.4 * (50 - asleep["points"][:, list(eye), 1])
    for name in ("blinks", "blink_duration"):
        metric, pair = built(name, asleep)
        with pytest.raises(
            ClipFailure, match=r"closed most of the time: median aspect ratio 0\.18, of the"
        ):
            metric.observe(pair)
        metric, pair = built(name, asleep, asleep)  # somebody's open eyes
        assert metric.observe(pair).rows["blinks"] == 2
        metric, pair = built(name, asleep, "no face in any of 50 frames")
        assert metric.observe(pair).rows["blinks"] == 2


def test_drawn_eyes_that_are_closed_throughout() -> None:
    drawn = np.zeros((T, 140), np.float32)
    drawn[:, :136] = np.random.default_rng(0).normal(64, 20, (1, 136))
    points = drawn[:, :136].reshape(T, 68, 2)
    points[:, [36, 39, 42, 45]] = [[30, 60], [42, 60], [70, 60], [82, 60]]
    for openness, closed in ((0.6, False), (0.3, True)):
        drawn[:, 139] = openness
        video = MemoryVideo(np.zeros((T, 128, 128, 3), np.uint8), None)
        metric = BlinkRate(PointsOptions(points="puppet-v1"), Lent({video: drawn}, SPEECH))  # type: ignore[arg-type]
        pair = Pair(Clip("c", "a"), video, video)
        if not closed:
            assert metric.observe(pair).rows["blinks"] == 0
            continue
        with pytest.raises(ClipFailure, match="eyes closed most of the time"):
            metric.observe(pair)


def test_small_eyes_are_refused() -> None:
    metric, pair = built("blinks", mesh(head() / 2))
    with pytest.raises(ClipFailure, match=r"eyes 6\.\d px wide: blinks need 8"):
        metric.observe(pair)


def test_a_small_mouth_is_refused() -> None:
    metric, pair = built("silent_mouth", mesh(head() / 4))
    with pytest.raises(ClipFailure, match="eyes 10 px apart: a silent mouth needs 16"):
        metric.observe(pair)


@pytest.mark.parametrize("name", ["silent_mouth", "theval_silent_lips"])
def test_without_speech_or_without_a_pause(name: str) -> None:
    metric, pair = built(name, mesh(), speech="no speech: the sound is silent throughout")
    with pytest.raises(ClipFailure, match="no speech"):
        metric.observe(pair)
    metric, pair = built(name, mesh(), speech=np.ones(T, bool))
    with pytest.raises(ClipFailure, match=r"no pause of 0\.3 s"):
        metric.observe(pair)


def test_no_face_in_the_identity_frame() -> None:
    metric, pair = built("expression_frechet", mesh(), mesh(missing=slice(0, 1)))
    with pytest.raises(ClipFailure, match="no face in the identity frame"):
        metric.observe(pair)


# -- blinks over a set ------------------------------------------------------------------------------


def sets_of(rows: list[tuple[str, float, float, float]]) -> Any:
    """(actor, blinks, seconds, closed seconds) of every clip."""
    found = [
        Observed(Clip(str(i), actor), {"blinks": b, "seconds": s, "closed_seconds": c}, {})
        for i, (actor, b, s, c) in enumerate(rows)
    ]
    return type("Sets", (), {"generated": found, "reference": found})()


def test_the_rate_is_of_the_set_and_its_jackknife_of_actors() -> None:
    rate, _ = built("blinks", mesh())
    duration, _ = built("blink_duration", mesh())
    sets = sets_of([("a", 1, 2, 0.1), ("a", 0, 3, 0), ("b", 2, 4, 0.5)])
    assert rate.reduce(sets)["blink_rate"] == pytest.approx(3 / 9)
    assert duration.reduce(sets)["blink_duration"] == pytest.approx(0.6 / 3)
    assert rate.without_actors(sets) == {  # type: ignore[attr-defined]
        "a": {"blink_rate": pytest.approx(2 / 4)},
        "b": {"blink_rate": pytest.approx(1 / 5)},
    }
    assert rate.notes(sets) == ["few blinks: 3 in 9 s"]  # type: ignore[attr-defined]
    for actor, value in rate.without_actors(sets).items():  # type: ignore[attr-defined]
        rest = type(
            "Sets", (), {"generated": [o for o in sets.generated if o.clip.actor != actor]}
        )()
        assert rate.reduce(rest)["blink_rate"] == value["blink_rate"]


def test_nobody_blinks() -> None:
    awake = sets_of([("a", 0, 2, 0), ("b", 0, 3, 0)])
    assert built("blinks", mesh())[0].reduce(awake)["blink_rate"] == 0
    with pytest.raises(ClipFailure, match="no blink in 2 clips"):
        built("blink_duration", mesh())[0].reduce(awake)
    with pytest.raises(ClipFailure, match="no clip was scored"):
        built("blinks", mesh())[0].reduce(sets_of([]))


def test_points_are_copied_only_where_a_face_is_missing() -> None:
    """Those of ten minutes are 168 MB."""
    whole = faces_of_mesh(mesh())
    assert whole.seen is whole.points and whole.points.dtype == np.float64
    some = faces_of_mesh(mesh(missing=slice(3, 5)))
    assert some.known.tolist() == [t not in (3, 4) for t in range(T)]
    assert some.seen.tobytes() == np.delete(some.points, [3, 4], axis=0).tobytes()
