"""S3FD and 2D-FAN-4 through the face-alignment library (Bulat and Tzimiropoulos 2017), from local weights."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_face import FAN

__all__ = ["S3fdFan", "corners", "offline_checkpoints"]


class S3fdFan:
    """Accurate and slow: about a second per frame and core."""

    def __init__(self, detector: Path, landmarks: Path, device: str, threads: int) -> None:
        import face_alignment
        import torch

        torch.set_num_threads(threads)
        with offline_checkpoints(landmarks):
            self._network: Any = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D,
                device=device,
                face_detector="sfd",
                face_detector_kwargs={"path_to_detector": str(detector)},
                compile=False,  # compiling costs 85 s and buys nothing for clips of seconds
            )
        torch.backends.cudnn.benchmark = False  # the library switches it on; it makes bytes vary

    def faces(self, frame: Frames) -> NDArray[np.float64]:
        """[n, 5] x, y, width, height in pixels, score 0..1."""
        found = self._network.face_detector.detect_from_image(frame.copy())
        faces = np.asarray([f[:5] for f in found], np.float64).reshape(-1, 5)
        faces[:, 2:4] -= faces[:, :2]
        return faces

    def landmarks(self, frame: Frames, box: NDArray[np.float64]) -> NDArray[np.float32]:
        """[68, 2] x, y in pixels, iBUG order."""
        found = self._network.get_landmarks_from_image(frame, detected_faces=[corners(box)])
        return np.asarray(found[0], np.float32)


def corners(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """[5] left, top, right, bottom, score of x, y, width, height, score: the library's own form."""
    return np.concatenate([box[:2], box[:2] + box[2:4], box[4:5]])


@contextmanager
def offline_checkpoints(landmarks: Path) -> Iterator[None]:
    """The library takes FAN from $TORCH_HOME/hub/checkpoints only, and would download it there unchecked."""
    with tempfile.TemporaryDirectory() as home:
        checkpoints = Path(home, "hub", "checkpoints")
        checkpoints.mkdir(parents=True)
        (checkpoints / FAN.file).symlink_to(landmarks.absolute())
        before = os.environ.get("TORCH_HOME")
        os.environ["TORCH_HOME"] = home
        try:
            yield
        finally:
            if before is None:
                del os.environ["TORCH_HOME"]
            else:
                os.environ["TORCH_HOME"] = before
