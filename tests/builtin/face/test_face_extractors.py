"""The extractors on real clips with the real networks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from thbench.api import ClipFailure, Extractor, Frames
from thbench.video import MediaReader, MemoryVideo
from thbench_face import FACE_MESH, PFLD, YUNET, thbench_extractors
from thbench_face.box import crop_resize, smoothed_square_box
from thbench_face.detector import FaceDetector
from thbench_face.track import main_face

PLUGINS: dict[str, Any] = {p.name: p for p in thbench_extractors()}
CLIPS = (
    "speaker_a_512px_25fps_mpeg4.mp4",
    "speaker_b_512px_30fps_h264.mp4",
    "speaker_c_1080x1920_25fps_hevc.mp4",
    "speaker_d_512px_h264.mp4",
)


class RealWeights:
    """An api.Context that knows the networks and builds other extractors without a cache."""

    threads, device = 1, "cpu"

    def __init__(self, assets: Callable[[str], Path]) -> None:
        self._files = {w.name: assets(f"weights/{w.file}") for w in (YUNET, PFLD, FACE_MESH)}

    def weights(self, name: str) -> Path:
        return self._files[name]

    def extractor(self, name: str, **options: Any) -> Extractor:
        plugin = PLUGINS[name]
        return plugin.build(plugin.options(**options), self)


@pytest.fixture(scope="module")
def context(assets: Callable[[str], Path]) -> Any:
    return RealWeights(assets)


@pytest.fixture(scope="module")
def head(assets: Callable[[str], Path], context: Any) -> Callable[[str, int, int], Frames]:
    """Every `step`-th frame of a clip, cropped to the head."""
    detector = FaceDetector(context.weights("yunet"))
    pictures: dict[tuple[str, int], list[Frames]] = {}

    def crop(clip: str, size: int, step: int) -> Frames:
        if (clip, step) not in pictures:
            frames = MediaReader().frames(assets(f"clips/{clip}"))
            pictures[clip, step] = list(islice(frames, 0, 8 * step, step))
        kept = pictures[clip, step]
        height, width = kept[0].shape[:2]
        box = smoothed_square_box(
            main_face([detector(f) for f in kept], height, width), height, width
        )
        return np.stack([crop_resize(f, box, size) for f in kept])

    return crop


def test_registered_weights_are_the_files(context: Any) -> None:
    for weights in (YUNET, PFLD):
        data = context.weights(weights.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (weights.size, weights.sha256)
        assert all(
            url.startswith("https://") and url.endswith(weights.file) for url in weights.urls
        )
    assert YUNET.commercial and not PFLD.commercial
    assert {n for p in PLUGINS.values() for n in p.weights(p.options())} == {
        "yunet",
        "pfld",
        "face_mesh",
    }


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("size", [64, 128])
def test_head_is_centred_in_every_real_crop(
    head: Callable[[str, int, int], Frames], context: Any, clip: str, size: int
) -> None:
    boxes = context.extractor("face_boxes")(MemoryVideo(head(clip, size, 12)))
    assert boxes.shape == (8, 5) and not np.isnan(boxes).any()
    centres = (boxes[:, :2] + boxes[:, 2:4] / 2) / size
    assert np.abs(centres - 0.5).max() < 0.2
    assert np.abs(np.median(centres, axis=0) - 0.5).max() < 0.12
    assert (boxes[:, 3] / size > 0.45).all() and (boxes[:, 3] / size < 0.8).all()
    assert (boxes[:, 1] + boxes[:, 3] < size * 0.98).all()  # the chin is inside


@pytest.mark.parametrize("clip", CLIPS)
def test_landmarks_lie_on_the_face(
    head: Callable[[str, int, int], Frames], context: Any, clip: str
) -> None:
    video = MemoryVideo(head(clip, 256, 12))
    points = context.extractor("landmarks68")(video)
    boxes = context.extractor("face_boxes")(video)
    assert points.shape == (8, 68, 2) and points.dtype == np.float32
    eyes = (points[:, 36:42].mean(1) + points[:, 42:48].mean(1)) / 2
    mouth, chin, nose = points[:, 48:68].mean(1), points[:, 8], points[:, 30]
    assert (eyes[:, 1] < nose[:, 1]).all() and (nose[:, 1] < mouth[:, 1]).all()
    assert (mouth[:, 1] < chin[:, 1]).all()
    assert (points[:, 36, 0] < points[:, 45, 0]).all()  # iBUG: the person's right eye is left here
    middle = boxes[:, :2] + boxes[:, 2:4] / 2
    assert (np.abs(points.mean(1) - middle) < 0.2 * boxes[:, 2:4]).all()


def test_landmarks_do_not_depend_on_where_the_picture_begins(
    head: Callable[[str, int, int], Frames], context: Any
) -> None:
    """A border added left and above moves boxes and landmarks by exactly its width."""
    frames = head(CLIPS[3], 256, 12)[:3]
    moved = np.stack([cv2.copyMakeBorder(f, 32, 0, 32, 0, cv2.BORDER_REPLICATE) for f in frames])
    extract = context.extractor("landmarks68")
    difference = extract(MemoryVideo(moved)) - extract(MemoryVideo(frames))
    eyes = 256 * 0.25
    assert np.abs(difference - 32).mean() < 0.05 * eyes


def test_mouth_aperture_follows_the_mouth(
    head: Callable[[str, int, int], Frames], context: Any
) -> None:
    """Seen at 128 and at 256 pixels the mouth opens and closes alike; the open frame 0 is open."""
    extract = context.extractor("mouth_aperture")
    small, large = (extract(MemoryVideo(head(CLIPS[0], size, 12))) for size in (128, 256))
    assert small.shape == (8,) and (small >= 0).all()
    assert np.argmax(large) == 0 and large[0] > 2 * np.median(large)
    assert np.corrcoef(small, large)[0, 1] > 0.9


def test_no_face_is_a_reason(context: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    for name in PLUGINS:
        with pytest.raises(ClipFailure, match="no face in any of 4 frames"):
            context.extractor(name)(MemoryVideo(noise))


def test_a_face_in_half_of_the_frames(
    head: Callable[[str, int, int], Frames], context: Any
) -> None:
    frames = head(CLIPS[3], 128, 12).copy()
    frames[::2] = 128
    with pytest.raises(ClipFailure, match="a face in only 4 of 8 frames"):
        context.extractor("face_boxes")(MemoryVideo(frames))
    boxes = context.extractor("face_boxes", max_missing=0.5)(MemoryVideo(frames))
    assert np.isnan(boxes[::2]).all() and not np.isnan(boxes[1::2]).any()
    points = context.extractor("landmarks68", max_missing=0.5)(MemoryVideo(frames))
    assert np.isnan(points[::2]).all() and not np.isnan(points[1::2]).any()
    mouth = context.extractor("mouth_aperture", max_missing=0.5)(MemoryVideo(frames))
    assert np.isnan(mouth).tolist() == [True, False] * 4


def test_frames_are_read_in_rgb(head: Callable[[str, int, int], Frames], context: Any) -> None:
    """The network wants BGR; a reading with swapped channels would be less sure of itself."""
    frames = head(CLIPS[0], 128, 12)
    detector = FaceDetector(context.weights("yunet"))
    right = np.mean([detector(f)[0, 4] for f in frames])
    raw = cv2.FaceDetectorYN.create(str(context.weights("yunet")), "", (320, 320), 0.6, 0.3, 50)
    enlarged = [cv2.resize(f[..., ::-1], (320, 320)) for f in frames]
    assert right == pytest.approx(np.mean([raw.detect(f)[1][0, 14] for f in enlarged]), abs=1e-6)


def test_identity_names_weights_and_preprocessing(context: Any) -> None:
    boxes, points = context.extractor("face_boxes"), context.extractor("landmarks68")
    assert "yunet 25a606a1" in boxes.identity and "320 px" in boxes.identity
    assert "pfld 7d7bbd5c" in points.identity and boxes.identity in points.identity
    assert context.extractor("face_boxes", longest_side=640).identity != boxes.identity
