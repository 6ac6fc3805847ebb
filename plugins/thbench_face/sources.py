"""68 landmarks of a video by five networks, behind one form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from thbench.api import Context, Extractor, Frames, Video
from thbench_face import DLIB68, FAN, PFLD, S3FD, LandmarksOptions
from thbench_face.landmarks import LandmarkNet
from thbench_face.mesh import IBUG, TURNED
from thbench_face.track import main_face, require_found

__all__ = ["Finder", "finder"]

OneFace = Callable[[Frames, NDArray[np.float64]], NDArray[np.float32]]
"""One [H, W, 3] frame and the box of a face in it -> [68, 2] pixels."""


class Finder(Protocol):
    """[T, 68, 2] float32 x, y in pixels (pixel centres at integers), iBUG order; NaN in frames without a face."""

    identity: str

    def __call__(self, video: Video) -> NDArray[np.float32]: ...


def finder(options: LandmarksOptions, context: Context) -> Finder:
    """The network of these options. Raises UserError where its weights or its package are not here."""
    if options.network == "mesh":
        mesh = context.extractor("face_mesh", max_missing=options.max_missing)
        return OfMesh(mesh, options.max_missing)
    if options.network == "fan":
        return Fan(context)
    if options.network == "puppet-v1":
        return OfPuppets()
    return InBoxes(options, context)


class InBoxes:
    """PFLD or dlib in the boxes of `face_boxes`."""

    def __init__(self, options: LandmarksOptions, context: Context) -> None:
        self._boxes = context.extractor("face_boxes", max_missing=options.max_missing)
        if options.network == "pfld":
            self._network: OneFace = LandmarkNet(context.weights(PFLD.name))
            how = f"pfld {str(PFLD.sha256)[:8]}, 112 px of 1.1 x the box"
        else:
            from thbench_face.dlib68 import DlibNet

            self._network = DlibNet(context.weights(DLIB68.name))
            how = f"dlib {str(DLIB68.sha256)[:8]}, 1.9 x the box at 256 px or more"
        self.identity = f"{how}; {self._boxes.identity}"

    def __call__(self, video: Video) -> NDArray[np.float32]:
        return in_boxes(video.frames, self._boxes(video), self._network)


def in_boxes(frames: Frames, boxes: NDArray[np.float64], network: OneFace) -> NDArray[np.float32]:
    """[T, 68, 2]: the landmarks in each frame's box, NaN where that is NaN."""
    points = np.full((len(frames), 68, 2), np.nan, np.float32)
    for t in np.flatnonzero(~np.isnan(boxes[:, 0])):
        points[t] = network(frames[t], boxes[t])
    return points


class OfMesh:
    """The mesh's points where iBUG has its own, of faces that do not look away.

    Raises ClipFailure where more than the share `max_missing` of the frames has none.
    """

    def __init__(self, mesh: Extractor, max_missing: float) -> None:
        self._mesh, self._max_missing = mesh, max_missing
        self.identity = f"68 of the mesh, turned by up to {TURNED:g} degrees; {mesh.identity}"

    def __call__(self, video: Video) -> NDArray[np.float32]:
        mesh = self._mesh(video)
        frontal = mesh["found"] & ~(mesh["turned"] > TURNED)
        require_found(frontal, self._max_missing, f"face turned by at most {TURNED:g} degrees")
        points = mesh["points"][:, IBUG, :2].copy()
        points[~frontal] = np.nan
        return np.asarray(points)


class Fan:
    """2D-FAN-4 in the main face of S3FD, both of the library face-alignment."""

    def __init__(self, context: Context) -> None:
        from thbench_face.fan import S3fdFan

        detector, landmarks = context.weights(S3FD.name), context.weights(FAN.name)
        self._network = S3fdFan(detector, landmarks, context.device, context.threads)
        self.identity = (
            f"2D-FAN-4 {str(FAN.sha256)[:8]} in boxes of S3FD {str(S3FD.sha256)[:8]}, main track"
        )

    def __call__(self, video: Video) -> NDArray[np.float32]:
        faces = [self._network.faces(frame) for frame in video.frames]
        boxes = main_face(faces, video.size, video.size)
        return in_boxes(video.frames, boxes, self._network.landmarks)


class OfPuppets:
    """The small network that ships with this plugin; it takes every frame for a puppet."""

    def __init__(self) -> None:

        from thbench_face.puppet_points import WEIGHTS, PuppetLandmarks

        digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
        self._network = PuppetLandmarks(WEIGHTS)
        self.identity = f"puppet-v1 {digest[:8]}, the whole frame at 64 px"

    def __call__(self, video: Video) -> NDArray[np.float32]:
        return self._network(video.frames)
