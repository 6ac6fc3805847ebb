"""The extractors: networks over the frames of one video, one frame at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench.api import Context, Video
from thbench_face import (
    PFLD,
    YUNET,
    FaceBoxesOptions,
    LandmarksOptions,
    MouthApertureOptions,
)
from thbench_face.detector import FaceDetector
from thbench_face.landmarks import LandmarkNet, mouth_aperture
from thbench_face.track import filled_boxes, main_face, require_faces

__all__ = ["FaceBoxes", "Landmarks68", "MouthAperture"]


class FaceBoxes:
    """Box of the main face: [T, 5] float64 x, y, width, height (pixels), score; NaN where none was found."""

    def __init__(self, options: FaceBoxesOptions, context: Context) -> None:
        self._options = options
        self._detector = FaceDetector(
            context.weights(YUNET.name), options.longest_side, options.min_score
        )
        self.identity = (
            f"face_boxes 1, yunet {str(YUNET.sha256)[:8]}, longest side {options.longest_side} px, "
            f"score from {options.min_score:g}, missing up to {options.max_missing:g}, main track"
        )

    def __call__(self, video: Video) -> NDArray[np.float64]:
        faces = [self._detector(frame) for frame in video.frames]
        boxes = main_face(faces, video.size, video.size)
        require_faces(boxes, self._options.max_missing)
        return boxes


class Landmarks68:
    """[T, 68, 2] float32 x, y in pixels, iBUG order, for every frame."""

    def __init__(self, options: LandmarksOptions, context: Context) -> None:
        self._boxes = context.extractor("face_boxes", max_missing=options.max_missing)
        self._network = LandmarkNet(context.weights(PFLD.name))
        self.identity = (
            f"landmarks68 1, pfld {str(PFLD.sha256)[:8]}, 112 px of 1.1 x the box, missing boxes "
            f"interpolated; {self._boxes.identity}"
        )

    def __call__(self, video: Video) -> NDArray[np.float32]:
        boxes = filled_boxes(self._boxes(video))
        points = [self._network(frame, box) for frame, box in zip(video.frames, boxes, strict=True)]
        return np.stack(points)


class MouthAperture:
    """[T] float64: opening of the inner lips over the distance of the outer eye corners."""

    def __init__(self, options: MouthApertureOptions, context: Context) -> None:
        self._landmarks = context.extractor("landmarks68", max_missing=options.max_missing)
        self.identity = f"mouth_aperture 1, inner lips over eye corners; {self._landmarks.identity}"

    def __call__(self, video: Video) -> NDArray[np.float64]:
        return mouth_aperture(self._landmarks(video))
