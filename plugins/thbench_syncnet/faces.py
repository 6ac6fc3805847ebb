"""Who finds the faces that are tracked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch

from thbench.api import Extractor, Video
from thbench_syncnet.tracking import Boxes

SUPPRESSION = 0.1
"""Of two faces overlapping by more than this the fainter is dropped."""


class Detector(Protocol):
    def __call__(self, video: Video) -> Sequence[Boxes]:
        """Boxes [n, 4] (left, top, right, bottom, pixels) of every frame, best first."""
        ...


class S3fd:
    """S3FD (Zhang et al. 2017) with the network and weights of the package face-alignment.

    The reference pipeline uses the same architecture with a conversion of its own.
    """

    def __init__(self, weights: Path, scale: float, confidence: float) -> None:
        from face_alignment.detection.sfd.sfd_detector import SFDDetector

        self._network = SFDDetector("cpu", path_to_detector=str(weights)).face_detector
        self._scale, self._confidence = scale, confidence

    def __call__(self, video: Video) -> Sequence[Boxes]:
        return [self._boxes(frame) for frame in video.frames]

    def _boxes(self, frame: Any) -> Boxes:
        from face_alignment.detection.sfd.bbox import nms
        from face_alignment.detection.sfd.detect import detect

        small = cv2.resize(frame, (0, 0), fx=self._scale, fy=self._scale)
        with torch.inference_mode():
            found = np.asarray(detect(self._network, small, "cpu")[0], dtype=np.float64)
        found = found.reshape(-1, 5)
        found = found[found[:, 4] > self._confidence]
        kept = found[nms(found, SUPPRESSION)] if len(found) else found
        return np.asarray(kept[:, :4] / self._scale)


class Yunet:
    """The one face per frame of the extractor `face_boxes`: [T, 5] x, y, w, h, score; NaN where none."""

    def __init__(self, boxes: Extractor) -> None:
        self._boxes = boxes

    def __call__(self, video: Video) -> Sequence[Boxes]:
        rows = np.asarray(self._boxes(video), dtype=np.float64)
        corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
        return [row[None] if np.isfinite(row).all() else np.empty((0, 4)) for row in corners]
