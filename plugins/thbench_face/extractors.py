"""The extractors: networks over the frames of one video, one frame at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import Context, Video
from thbench_face import (
    FACE_MESH,
    YUNET,
    FaceBoxesOptions,
    FaceMeshOptions,
    LandmarksOptions,
    MouthApertureOptions,
)
from thbench_face.detector import FaceDetector
from thbench_face.landmarks import mouth_aperture
from thbench_face.mesh import FaceMeshNet, of_frames
from thbench_face.sources import finder
from thbench_face.track import main_face, require_faces, require_found

__all__ = ["FaceBoxes", "FaceMesh", "Landmarks68", "MouthAperture"]


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
    """[T, 68, 2] float32 x, y in pixels, iBUG order; NaN in frames without a face.

    Of the mesh's points also in frames whose face looks away (`thbench_face.mesh.TURNED`).

    Raises ClipFailure where more than the share `max_missing` of the frames has no face.
    """

    def __init__(self, options: LandmarksOptions, context: Context) -> None:
        self._find = finder(options, context)
        self._max_missing = options.max_missing
        self.identity = f"landmarks68 2, {self._find.identity}"

    def __call__(self, video: Video) -> NDArray[np.float32]:
        points = self._find(video)
        require_found(np.isfinite(points[:, 0, 0]), self._max_missing)
        return points


class MouthAperture:
    """[T] float64: opening of the inner lips over the distance of the outer eye corners; NaN without a face."""

    def __init__(self, options: MouthApertureOptions, context: Context) -> None:
        self._landmarks = context.extractor(
            "landmarks68", network=options.network, max_missing=options.max_missing
        )
        self.identity = f"mouth_aperture 2, inner lips over eye corners; {self._landmarks.identity}"

    def __call__(self, video: Video) -> NDArray[np.float64]:
        return mouth_aperture(self._landmarks(video))


class FaceMesh:
    """Mesh of the main face: a structured array [T], one element of `thbench_face.mesh.MESH` per frame.

    mesh["points"]  [T, 468, 3] float32 x, y, z in pixels of the frame (pixel centres at integers; z in the
                    same unit, smaller is nearer to the camera); NaN where no face was found
    mesh["score"]   [T] float32, 0..1; NaN where no box was found to look in
    mesh["turned"]  [T] float32, degrees by which the face looks aside, 0..90; NaN where no face was found
    mesh["found"]   [T] bool

    Points are numbered as in MediaPipe's canonical face model. No frame is filled in from its
    neighbours: who needs every frame fails the clip, who can do without counts `found`.

    Raises ClipFailure where more than the share `max_missing` of the frames has no face.
    """

    def __init__(self, options: FaceMeshOptions, context: Context) -> None:
        self._options = options
        self._boxes = context.extractor("face_boxes", max_missing=options.max_missing)
        self._network = FaceMeshNet(context.weights(FACE_MESH.name))
        self.identity = (
            f"face_mesh 2, mediapipe {str(FACE_MESH.sha256)[:8]}, 192 px of 1.5 x the box, then of 1.5 x "
            f"the points, level with the eyes, score from {options.min_score:g}, missing up to "
            f"{options.max_missing:g}; {self._boxes.identity}"
        )

    def __call__(self, video: Video) -> NDArray[Any]:
        boxes = self._boxes(video)
        mesh = of_frames(video.frames, boxes, self._network, self._options.min_score)
        require_found(mesh["found"], self._options.max_missing)
        return mesh
