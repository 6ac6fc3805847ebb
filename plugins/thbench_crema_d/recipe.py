"""What decides the bytes of the prepared set, besides the recordings. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from thbench.api import FPS, WeightsFile
from thbench_crema_d import MASTER, VERSION, BackendName, CropName
from thbench_face import DLIB68, FACE_MESH, FAN, PFLD, S3FD, YUNET

__all__ = ["FEWEST", "MAX_MISSING", "WEIGHTS", "recipe_of"]

FEWEST = FPS
"""Frames a clip must have: a second."""
MAX_MISSING = 0.2
"""Largest share of frames without a face."""
WEIGHTS: Mapping[BackendName, tuple[WeightsFile, WeightsFile]] = {
    "yunet-pfld": (YUNET, PFLD),
    "face-alignment": (S3FD, FAN),
    "yunet-dlib": (YUNET, DLIB68),
    "yunet-mesh": (YUNET, FACE_MESH),
}
"""Detector and landmark network of each backend."""
_HOW: Mapping[BackendName, str] = {
    "yunet-pfld": "YuNet at 320 px, score from 0.6; PFLD on 112 px of 1.1 x the box",
    "face-alignment": "S3FD, score from 0.5; 2D-FAN-4 with mirrored copy",
    "yunet-dlib": "YuNet at 320 px, score from 0.6; dlib's 68 points in 1.9 x the box at 256 px or more",
    "yunet-mesh": "YuNet at 320 px, score from 0.6; 68 points of the face mesh",
}


def recipe_of(name: BackendName, code: str, crop: CropName = "wide") -> str:
    """A short digest over definition version, sizes, limits, backend, crop, weights and code that prepares."""
    hashes = [w.sha256 for w in WEIGHTS[name]]
    parts = [VERSION, MASTER, FPS, FEWEST, MAX_MISSING, _HOW[name], hashes, code]
    if crop != "wide":  # sets made before there was a choice are wide ones
        parts.append(crop)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
