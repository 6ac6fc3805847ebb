"""Heads of the real clips of the test assets: crops of 1.9 times the face box, at any size."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from thbench.api import Frames
from thbench.video import MediaReader
from thbench_face.box import SquareBox, crop_resize
from thbench_face.detector import FaceDetector

HEADS = {
    "a": "speaker_a_512px_25fps_mpeg4.mp4",
    "b": "speaker_b_512px_30fps_h264.mp4",
    "c": "speaker_c_1080x1920_25fps_hevc.mp4",
    "d": "speaker_d_512px_h264.mp4",
}
WIDENED = 1.9


@lru_cache(maxsize=8)
def _at_256(assets: Path, name: str, n_frames: int) -> Frames:
    frames = list(islice(MediaReader().frames(assets / "clips" / HEADS[name]), n_frames))
    detect = FaceDetector(assets / "weights/yunet_n_640_640.onnx")
    boxes = np.concatenate([detect(f)[:1] for f in frames[::8]])
    x, y, width, height = np.median(boxes[:, :4], axis=0)
    side = WIDENED * max(width, height)
    left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
    box = SquareBox(round(left), round(top), round(side))
    heads = np.stack([crop_resize(f, box, 256) for f in frames])
    heads.flags.writeable = False
    return heads


def head_frames(assets: Path, name: str, size: int, n_frames: int) -> Frames:
    """[n_frames, size, size, 3] uint8 of clip a, b, c or d; smaller than 256 by averages of areas."""
    heads = _at_256(assets, name, n_frames)
    if size == 256:
        return heads
    how = cv2.INTER_AREA if size < 256 else cv2.INTER_CUBIC
    return np.stack([cv2.resize(f, (size, size), interpolation=how) for f in heads])
