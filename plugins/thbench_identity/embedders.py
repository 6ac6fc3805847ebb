"""Three networks that turn one face into numbers. Each takes a frame and a row of `FaceDetector.with_points`."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Context, Frames, UserError, reading
from thbench_identity.align import aligned

__all__ = [
    "DLIB_FILES",
    "Embedder",
    "arcface",
    "dlib_descriptor",
    "dlib_square",
    "embedder",
    "sface",
]

Embedder = Callable[[Frames, NDArray[np.float64]], NDArray[np.float64]]
"""(frame [H, W, 3] uint8 RGB, face [15]) -> [features], of no particular length."""

DLIB_FILES = {
    "dlib_face_recognition_resnet_model_v1.dat": "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    "shape_predictor_5_face_landmarks.dat": "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
}
"""sha256 of what is read from the package face-recognition-models; both are in the public domain."""
HEAD = 1.9
"""Side of a square around the whole head over the longer side of the face's box."""
ENLARGED = 256.0
"""Pixels of such a head, below which the picture is enlarged: dlib's points are whole pixels."""
PADDING = 0.25


def embedder(network: str, context: Context) -> Embedder:
    """The network of that name. Raises UserError where its weights or packages are absent."""
    if network == "dlib":
        return dlib_descriptor()
    return {"sface": sface, "arcface": arcface}[network](context.weights(network))


def sface(weights: Path) -> Embedder:
    """SFace (Zhong et al. 2021) as OpenCV runs it: [128]."""
    with reading(weights, "fetch or import it again"):
        network = cv2.FaceRecognizerSF.create(str(weights), "")

    def embed(frame: Frames, face: NDArray[np.float64]) -> NDArray[np.float64]:
        # OpenCV's row: box, five points, score; BGR
        row = np.concatenate([face[:4], face[5:], face[4:5]]).astype(np.float32)[None]
        crop = network.alignCrop(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), row)
        return np.asarray(network.feature(crop), np.float64).ravel().copy()

    return embed


def arcface(weights: Path) -> Embedder:
    """An ArcFace network (Deng et al. 2019) in ONNX: RGB, (x - 127.5) / 127.5, [1, 3, 112, 112] -> [512]."""
    with reading(weights, "fetch or import it again"):
        network = cv2.dnn.readNetFromONNX(str(weights))

    def embed(frame: Frames, face: NDArray[np.float64]) -> NDArray[np.float64]:
        crop = aligned(frame, face[5:].reshape(5, 2))
        network.setInput(cv2.dnn.blobFromImage(crop, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
        return np.asarray(network.forward(), np.float64).ravel().copy()

    return embed


def dlib_descriptor() -> Embedder:
    """dlib's descriptor (King 2017): [128], not of unit length; people differ by 0.6 or more.

    Aligned by dlib's own five points in a square from the detected box; the picture is enlarged first where
    the head is smaller than 256 pixels.
    """
    dlib = _dlib()
    folder = _models_folder()
    network = dlib.face_recognition_model_v1(
        str(_checked(folder, "dlib_face_recognition_resnet_model_v1.dat"))
    )
    predictor = dlib.shape_predictor(str(_checked(folder, "shape_predictor_5_face_landmarks.dat")))

    def embed(frame: Frames, face: NDArray[np.float64]) -> NDArray[np.float64]:
        times = max(1.0, ENLARGED / (HEAD * float(face[2:4].max())))
        if times > 1:
            frame = np.asarray(
                cv2.resize(frame, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC), np.uint8
            )
        shape = predictor(frame, dlib.rectangle(*dlib_square(face[:4] * times)))
        return np.asarray(network.compute_face_descriptor(frame, shape, 0, PADDING), np.float64)

    return embed


def dlib_square(box: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in whole pixels: the square dlib's detector would have put around the face."""
    x, y = box[0] + box[2] / 2, box[1] + 0.55 * box[3]
    half = 0.475 * float(box[2:4].max())
    return round(x - half), round(y - half), round(x + half), round(y + half)


def _dlib() -> Any:
    try:
        import dlib
    except ImportError as error:
        raise UserError("dlib is not installed", "pip install 'thbench[dlib]'") from error
    return dlib


def _models_folder() -> Path:
    """The package's folder; it is not imported, since it asks for a module that setuptools has dropped."""
    spec = importlib.util.find_spec("face_recognition_models")
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise UserError("face-recognition-models is not installed", "pip install 'thbench[dlib]'")
    return Path(places[0]) / "models"


def _checked(folder: Path, name: str) -> Path:
    """The file, known by its hash. Raises UserError where it is another one."""
    path = folder / name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != DLIB_FILES[name]:
        raise UserError(
            f"{path} is not the published file",
            "pip install --force-reinstall face-recognition-models==0.3.0",
        )
    return path
