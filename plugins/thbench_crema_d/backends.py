"""What finds faces and landmarks, in four ways behind one form."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_crema_d import BackendName
from thbench_face.detector import FaceDetector
from thbench_face.landmarks import LandmarkNet

__all__ = ["Backend", "YunetDlib", "YunetMesh", "YunetPfld", "backend"]


class Backend(Protocol):
    """Faces and their landmarks in one whole picture [H, W, 3], RGB."""

    def faces(self, frame: Frames) -> NDArray[np.float64]:
        """[n, 5] x, y, width, height in pixels, score 0..1."""
        ...

    def landmarks(self, frame: Frames, box: NDArray[np.float64]) -> NDArray[np.float32]:
        """[68, 2] x, y in pixels of `frame`, iBUG order, of the face in `box` (as `faces` gives it)."""
        ...


class YunetPfld:
    """The two small networks of `thbench_face`: quick, and published for anyone to use."""

    def __init__(self, detector: Path, landmarks: Path) -> None:
        self.faces = FaceDetector(detector)
        self.landmarks = LandmarkNet(landmarks)


class YunetDlib:
    """dlib's 68 points, as the study used them, in YuNet's box: dlib's own detector misses small heads."""

    def __init__(self, detector: Path, landmarks: Path) -> None:
        from thbench_face.dlib68 import DlibNet

        self.faces = FaceDetector(detector)
        self.landmarks = DlibNet(landmarks)


class YunetMesh:
    """The points of MediaPipe's face mesh that stand where iBUG's 68 do, in YuNet's box."""

    def __init__(self, detector: Path, landmarks: Path) -> None:
        from thbench_face.mesh import FaceMeshNet

        self.faces = FaceDetector(detector)
        self._network = FaceMeshNet(landmarks)

    def landmarks(self, frame: Frames, box: NDArray[np.float64]) -> NDArray[np.float32]:
        from thbench_face.mesh import IBUG, mesh_of

        points, _ = mesh_of(frame, box, self._network)
        return points[IBUG, :2].astype(np.float32)


_SMALL = {"yunet-pfld": YunetPfld, "yunet-dlib": YunetDlib, "yunet-mesh": YunetMesh}


@lru_cache(maxsize=1)
def backend(name: BackendName, detector: str, landmarks: str, device: str, threads: int) -> Backend:
    """The networks of this process, loaded once. OpenCV and torch are held to `threads`."""
    cv2.setNumThreads(threads)
    if name in _SMALL:
        return _SMALL[name](Path(detector), Path(landmarks))
    from thbench_face.fan import S3fdFan

    return S3fdFan(Path(detector), Path(landmarks), device, threads)
