"""What cannot be measured, made of a real head: no face, a profile, two faces, closed eyes, one frame, silence.

Every metric either has a finite value or says why it has none; what it says is written here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from face_reactions import reference, values
from real_changes import eyes_of
from thbench.api import Clip, Metric, Pair
from thbench.testing.subject import subject_of
from thbench.video import MemoryVideo
from thbench_expression.eyes import eye_aspect_ratio
from thbench_expression.layout import MESH
from turned_heads import turned_heads

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
SIZE, PART = 128, range(155, 185)
"""A blink and a pause of speech lie in these frames of clip a."""
DLIB = all(importlib.util.find_spec(n) for n in ("dlib", "face_recognition_models"))
METRICS: dict[str, dict[str, Any]] = {
    "head_pose": {},
    "blinks": {},
    "blink_duration": {},
    "expression_frechet": {},
    "silent_mouth": {},
    "theval_lip_dynamics": {},
    "theval_eyebrow": {},
    "theval_silent_lips": {},
    "lmd": {},
    "lvd": {},
    "landmark_motion": {},
    "lip_audio_lag": {},
    **({"csim@dlib": {"network": "dlib", "every": 10}} if DLIB else {}),
}
OF_SOUND = {"silent_mouth", "theval_silent_lips", "lip_audio_lag"}
BUILD = dict.fromkeys(METRICS, "no face in any of")
ONE_FRAME = {
    "head_pose": "a face in 1 of 1 frames: at least 25 needed",
    "blinks": "a face in 1 of 1 frames: at least 25 needed",
    "blink_duration": "a face in 1 of 1 frames: at least 25 needed",
    "expression_frechet": "a face in 1 of 1 frames: at least 20 needed",
    "silent_mouth": "pauses cannot be told from speech",
    "theval_lip_dynamics": "a face in 1 of 1 frames: at least 2 needed",
    "theval_eyebrow": "a face in 1 of 1 frames: at least 2 needed",
    "theval_silent_lips": "pauses cannot be told from speech",
    "lmd": "nothing to compare beside the identity frame",
    "lvd": "1 frame, no two neighbours with a face",
    "landmark_motion": "1 frame: motion needs at least 2",
    "lip_audio_lag": "too short: 0 frames overlap",
    "csim@dlib": "no frame with a face besides the identity frame",
}
ASIDE = "turned away by less than 30 degrees"
PROFILE = {
    **dict.fromkeys(("lmd", "lvd", "landmark_motion", "lip_audio_lag"), "face turned by at most"),
    "head_pose": ASIDE,
    "blinks": ASIDE,
    "blink_duration": ASIDE,
    "expression_frechet": ASIDE,
    "theval_lip_dynamics": ASIDE,
    "theval_eyebrow": ASIDE,
    "silent_mouth": "of a pause show",
    "theval_silent_lips": "of a pause shows",
    "csim@dlib": "faces in profile",
}


@pytest.fixture(scope="module")
def metrics(
    assets: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Metric]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        weights = assets("weights/face_landmark.tflite").parent
        assets("weights/yunet_n_640_640.onnx")
        patch.setenv("THBENCH_WEIGHTS", str(weights))
        yield {n: subject_of("metric", n, given).build() for n, given in METRICS.items()}


@pytest.fixture(scope="module")
def clean(assets: Callable[[str], Any], metrics: dict[str, Metric]) -> MemoryVideo:
    root = assets("clips/speaker_a_512px_25fps_mpeg4.mp4").parent.parent
    return reference(root, "a", SIZE, PART)


@pytest.fixture(scope="module")
def mesh(clean: MemoryVideo) -> np.ndarray:
    found = subject_of("extractor", "face_mesh", {}).build()(clean)
    assert (found["turned"] < 30).all()
    return found["points"].astype(np.float64)


def said(
    metrics: dict[str, Metric], video: MemoryVideo, of: MemoryVideo | None = None
) -> dict[str, str]:
    """Why each metric that has no value has none; every value is finite."""
    pair = Pair(Clip("c", "a"), video, video if of is None else of)
    found = {name: values(metric, pair) for name, metric in metrics.items()}
    for name, value in found.items():
        if not isinstance(value, str):
            assert value and all(np.isfinite(v) for v in value.values()), (name, value)
    return {name: value for name, value in found.items() if isinstance(value, str)}


def check(found: dict[str, str], expected: dict[str, str]) -> None:
    wanted = {name: why for name, why in expected.items() if name in METRICS}
    assert found.keys() == wanted.keys()
    for name, why in wanted.items():
        assert why in found[name], (name, found[name])


def test_a_head_that_speaks_pauses_and_blinks_is_measured_by_all(
    metrics: dict[str, Metric], clean: MemoryVideo
) -> None:
    assert said(metrics, clean) == {}


def test_no_face(metrics: dict[str, Metric], clean: MemoryVideo) -> None:
    grey = MemoryVideo(np.full_like(clean.frames, 127), clean.audio)
    check(said(metrics, grey), BUILD)
    check(said(metrics, grey, clean), BUILD)


@pytest.mark.parametrize("degrees", [-75, 75])
def test_a_face_in_profile(
    metrics: dict[str, Metric], clean: MemoryVideo, mesh: np.ndarray, degrees: int
) -> None:
    side = MemoryVideo(turned_heads(clean.frames, mesh, degrees), clean.audio)
    check(said(metrics, side), PROFILE)


def test_two_faces(metrics: dict[str, Metric], clean: MemoryVideo) -> None:
    """One of them is followed throughout; whose identity is meant, nobody knows."""
    pair = np.concatenate([clean.frames, clean.frames], axis=2)
    both = MemoryVideo(np.concatenate([pair, np.zeros_like(pair)], axis=1), clean.audio)
    check(said(metrics, both), {"csim@dlib": "two faces of like size"})


def test_eyes_that_are_closed_throughout(
    metrics: dict[str, Metric], clean: MemoryVideo, mesh: np.ndarray
) -> None:
    ratio = [eye_aspect_ratio(mesh[:, list(side)]) for side in (MESH.right, MESH.left)]
    closed = int(np.mean(ratio, axis=0).argmin())
    asleep = MemoryVideo(eyes_of(closed, clean.frames, mesh), clean.audio)
    shut = "eyes closed most of the time: median aspect ratio"
    check(said(metrics, asleep, clean), {"blinks": shut, "blink_duration": shut})


def test_one_frame(metrics: dict[str, Metric], clean: MemoryVideo) -> None:
    check(said(metrics, MemoryVideo(clean.frames[:1], clean.audio[:640])), ONE_FRAME)  # type: ignore[index]


def test_silence(metrics: dict[str, Metric], clean: MemoryVideo) -> None:
    found = said(metrics, MemoryVideo(clean.frames, np.zeros_like(clean.audio)))
    assert found.keys() == OF_SOUND
    assert all("silent" in why for why in found.values())
