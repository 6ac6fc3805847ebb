"""Real detectors take the puppets for faces: YuNet and the 68-point model PFLD (weights not in the repository)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from thbench.api import Source
from thbench_puppet.actors import ACTORS
from thbench_puppet.dataset import make
from thbench_puppet.names import all_clips

SIZE = 256
GROUPS = {"all": slice(0, 68), "mouth": slice(48, 68), "all but mouth": slice(0, 48)}


def one_clip_of_each_actor() -> list[str]:
    by_actor = {name: [c.id for c in all_clips() if c.actor == name] for name in ACTORS}
    return [by_actor[name][(17 * i) % 82] for i, name in enumerate(ACTORS)]


def detector(assets: Callable[[str], Path]) -> cv2.FaceDetectorYN:
    model = str(assets("weights/yunet_n_640_640.onnx"))
    return cv2.FaceDetectorYN.create(model, "", (SIZE, SIZE), score_threshold=0.6)


def found(yunet: cv2.FaceDetectorYN, frame: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """x, y, width, height of the face, or None."""
    _, faces = yunet.detect(np.ascontiguousarray(frame[..., ::-1]))
    return None if faces is None else faces[0, :4]


def points_of(
    net: cv2.dnn.Net, frame: NDArray[np.uint8], box: NDArray[np.float32]
) -> NDArray[np.float64]:
    """[68, 2] pixels, from a square crop of 1.1 times the box."""
    side, centre = 1.1 * max(box[2], box[3]), box[:2] + box[2:] / 2
    scale = 112 / side
    crop = cv2.warpAffine(
        frame,
        np.array([[scale, 0, 56 - centre[0] * scale], [0, scale, 56 - centre[1] * scale]]),
        (112, 112),
    )
    net.setInput(crop.astype(np.float32).transpose(2, 0, 1)[None] / 255)
    points = np.asarray(net.forward(), dtype=np.float64).reshape(68, 2)
    return np.asarray(points * side + centre - side / 2)


@pytest.fixture(scope="module")
def some(assets: Callable[[str], Path]) -> list[Source]:
    assets("weights/yunet_n_640_640.onnx")  # or nothing is drawn
    return [make(clip_id, SIZE) for clip_id in one_clip_of_each_actor()[::18]]


def test_yunet_finds_the_face_at_256_px(assets: Callable[[str], Path], some: list[Source]) -> None:
    yunet = detector(assets)
    results = [found(yunet, s.frames[t]) is not None for s in some for t in (1, len(s.frames) // 2)]
    print(f"YuNet: {sum(results)} of {len(results)} frames at {SIZE} px")
    assert np.mean(results) >= 0.99


@pytest.mark.long
def test_yunet_finds_every_actor_in_99_percent_of_frames(assets: Callable[[str], Path]) -> None:
    yunet = detector(assets)
    results = [
        found(yunet, frame) is not None
        for clip_id in one_clip_of_each_actor()
        for frame in make(clip_id, SIZE).frames[::6]
    ]
    print(f"YuNet: {np.mean(results):.2%} of {len(results)} frames")
    assert np.mean(results) >= 0.99


def test_a_landmark_model_agrees_roughly_with_the_exact_points(
    assets: Callable[[str], Path], some: list[Source]
) -> None:
    """Errors over the distance of the outer eye corners. The bound is for blunders: the model has its own bias."""
    yunet, net = detector(assets), cv2.dnn.readNetFromONNX(str(assets("weights/pfld.onnx")))
    errors = []
    for source in some:
        t = int(np.argmax(source.annotations["mouth_aperture"]))
        box = found(yunet, source.frames[t])
        assert box is not None
        exact = source.annotations["landmarks"][t]
        away = np.linalg.norm(points_of(net, source.frames[t], box) - exact, axis=1)
        errors.append(away / np.linalg.norm(exact[36] - exact[45]))
    mean = {name: float(np.mean(np.asarray(errors)[:, part])) for name, part in GROUPS.items()}
    print("PFLD against the exact points:", {name: f"{value:.2%}" for name, value in mean.items()})
    assert 0.005 < mean["all"] < 0.08 and mean["mouth"] < 0.09
