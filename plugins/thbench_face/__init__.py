"""Faces in videos: boxes, 68 landmarks, the mesh of 468 points and the opening of the mouth, as extractors
shared by metrics, and the metric `landmark_motion`.

`box` and `detector` also serve datasets that crop: one steady square per clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from thbench.api import Context, Extractor, Metric, Missing, Plugin, WeightsFile, hookimpl

__all__ = [
    "DLIB68",
    "FACE_MESH",
    "FAN",
    "PFLD",
    "S3FD",
    "YUNET",
    "FaceBoxesOptions",
    "FaceMeshOptions",
    "LandmarkMotionOptions",
    "LandmarksOptions",
    "MouthApertureOptions",
    "Network",
    "dlib_missing",
]

_MaxMissing: TypeAlias = Annotated[
    float,
    "largest share of frames without a face, 0..1; above it the clip fails",
    Field(ge=0, le=1),
]


Network: TypeAlias = Annotated[
    Literal["mesh", "pfld", "fan", "dlib", "puppet-v1"],
    "who finds the landmarks: the face mesh, PFLD, 2D-FAN-4 in boxes of S3FD, dlib's 68 points "
    "(pip install 'thbench[dlib]'), or a small network for puppets only",
]


@dataclass(frozen=True)
class FaceBoxesOptions:
    """YuNet on every frame, and how many frames may lack a face."""

    longest_side: Annotated[
        int,
        "pixels of the longer side that the detector sees; smaller frames are enlarged",
        Field(ge=64),
    ] = 320
    min_score: Annotated[float, "detections scored lower are dropped", Field(gt=0, lt=1)] = 0.6
    max_missing: _MaxMissing = 0.2


@dataclass(frozen=True)
class LandmarksOptions:
    """68 landmarks in every frame with a face; frames without one stay empty."""

    network: Network = "pfld"
    max_missing: _MaxMissing = 0.2


@dataclass(frozen=True)
class FaceMeshOptions:
    """468 points of MediaPipe's face mesh in every frame with a face; frames without one stay empty."""

    min_score: Annotated[
        float, "a face that the mesh network scores lower is none", Field(gt=0, lt=1)
    ] = 0.5
    max_missing: _MaxMissing = 0.2


@dataclass(frozen=True)
class MouthApertureOptions:
    """Opening of the inner lips from 68 landmarks."""

    network: Network = "mesh"
    max_missing: _MaxMissing = 0.2


@dataclass(frozen=True)
class LandmarkMotionOptions:
    """Displacement of 68 landmarks from frame to frame."""

    network: Network = "mesh"
    max_missing: _MaxMissing = 0.2


YUNET = WeightsFile(
    name="yunet",
    file="yunet_n_640_640.onnx",
    urls=(
        "https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train/"
        "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_n_640_640.onnx",
        "https://github.com/ShiqiYu/libfacedetection.train/raw/"
        "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_n_640_640.onnx",
    ),
    sha256="25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31",
    size=317_466,
    licence="Apache-2.0",
    commercial=True,
    about="YuNet face detector (Wu, Peng and Yu 2023), trained on WIDER FACE",
)
PFLD = WeightsFile(
    name="pfld",
    file="pfld.onnx",
    urls=(
        "https://raw.githubusercontent.com/cunjian/pytorch_face_landmark/"
        "6f34bf9f034aa2f521952f825e6ccc567deb42d6/onnx/pfld.onnx",
        "https://github.com/cunjian/pytorch_face_landmark/raw/"
        "6f34bf9f034aa2f521952f825e6ccc567deb42d6/onnx/pfld.onnx",
    ),
    sha256="7d7bbd5c6a1d9272e58d9773898284a1905d872eba9a662df9b5f20f1ba6f83e",
    size=2_987_921,
    licence=(
        "none stated (its author: fine to use with acknowledgement of the source); the training "
        "images, 300-W, exclude commercial use"
    ),
    commercial=False,
    about="68 face landmarks in the iBUG order, PFLD (Guo et al. 2019), by Cunjian Chen",
)
FACE_MESH = WeightsFile(
    name="face_mesh",
    file="face_landmark.tflite",
    urls=(
        "https://storage.googleapis.com/mediapipe-assets/face_landmark.tflite?generation=1676316347980492",
        "https://storage.googleapis.com/mediapipe-assets/face_landmark.tflite",
    ),
    sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    size=1_242_398,
    licence="Apache-2.0",
    commercial=True,
    about="face mesh of 468 points (Kartynnik et al. 2019); also in the wheels of mediapipe 0.10",
)
FAN = WeightsFile(
    name="fan-2d4",
    file="2DFAN4-11f355bf06.pth.tar",
    urls=("https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",),
    sha256="11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
    size=95_641_761,
    licence="BSD-3-Clause (face-alignment); trained on images whose terms exclude commercial use",
    commercial=False,
    about="68 face landmarks, 2D-FAN-4 (Bulat and Tzimiropoulos 2017)",
)
DLIB68 = WeightsFile(
    name="dlib68",
    file="shape_predictor_68_face_landmarks.dat",
    urls=(
        "package:face_recognition_models/models/shape_predictor_68_face_landmarks.dat",
        "https://github.com/ageitgey/face_recognition_models/raw/master/face_recognition_models/models/"
        "shape_predictor_68_face_landmarks.dat",
    ),
    sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    size=99_693_937,
    licence="iBUG 300-W, on which it was trained: no commercial use (dlib's author says to ask Imperial "
    "College London)",
    commercial=False,
    about="dlib's 68 face landmarks (Kazemi and Sullivan 2014); installed by `pip install 'thbench[dlib]'`",
)
S3FD = WeightsFile(
    name="s3fd",
    file="s3fd-619a316812.pth",
    urls=("https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",),
    sha256="619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
    size=89_843_225,
    licence="BSD-3-Clause as part of face-alignment; the training images (WIDER FACE) are for research use",
    commercial=False,
    about="face detector S3FD (Zhang et al. 2017), trained on WIDER FACE",
)


def dlib_missing() -> Sequence[Missing]:
    """The package that dlib's landmarks need, where it is not installed."""
    from importlib.util import find_spec

    needed = "pip install 'thbench[dlib]'"
    return () if find_spec("dlib") else [Missing("the package dlib", needed)]


_WEIGHTS: Mapping[str, Sequence[str]] = {
    "pfld": ["pfld"],
    "fan": ["s3fd", "fan-2d4"],
    "dlib": ["dlib68"],
}
"""Weights of each network, besides those of the extractors beneath it."""


def _beneath(options: LandmarksOptions) -> Mapping[str, Mapping[str, object]]:
    below = {"max_missing": options.max_missing}
    if options.network in ("pfld", "dlib"):
        return {"face_boxes": below}
    return {"face_mesh": below} if options.network == "mesh" else {}


def _landmarks(
    options: MouthApertureOptions | LandmarkMotionOptions,
) -> Mapping[str, Mapping[str, object]]:
    """How `landmarks68` is asked."""
    return {"landmarks68": {"network": options.network, "max_missing": options.max_missing}}


def _build_boxes(options: FaceBoxesOptions, context: Context) -> Extractor:
    from thbench_face.extractors import FaceBoxes

    return FaceBoxes(options, context)


def _build_landmarks(options: LandmarksOptions, context: Context) -> Extractor:
    from thbench_face.extractors import Landmarks68

    return Landmarks68(options, context)


def _build_mesh(options: FaceMeshOptions, context: Context) -> Extractor:
    from thbench_face.extractors import FaceMesh

    return FaceMesh(options, context)


def _build_aperture(options: MouthApertureOptions, context: Context) -> Extractor:
    from thbench_face.extractors import MouthAperture

    return MouthAperture(options, context)


def _build_motion(options: LandmarkMotionOptions, context: Context) -> Metric:
    from thbench_face.motion import LandmarkMotion

    return LandmarkMotion(options, context)


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, LandmarkMotionOptions]]:
    return [
        Plugin(
            "landmark_motion",
            LandmarkMotionOptions,
            _build_motion,
            version="2",
            summary="how far 68 landmarks move from frame to frame; keeps the curve for drift",
            extractors=_landmarks,
            variants={n: {"network": n} for n in ("pfld", "fan", "dlib", "puppet-v1")},
        )
    ]


@hookimpl
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:
    return [
        Plugin(
            "face_boxes",
            FaceBoxesOptions,
            _build_boxes,
            summary="box of the main face per frame: [T, 5] x, y, width, height, score in pixels",
            weights=lambda _: ["yunet"],
            locates_faces=True,
        ),
        Plugin(
            "landmarks68",
            LandmarksOptions,
            _build_landmarks,
            version="2",
            summary="68 landmarks per frame, iBUG order: [T, 68, 2] x, y in pixels, NaN without a face",
            missing=lambda o: dlib_missing() if o.network == "dlib" else (),
            weights=lambda o: _WEIGHTS.get(o.network, ()),
            extractors=_beneath,
            locates_faces=True,
        ),
        Plugin(
            "face_mesh",
            FaceMeshOptions,
            _build_mesh,
            version="2",
            summary="468 points of the face mesh per frame: [T] of points [468, 3] in pixels, score, turned, found",
            weights=lambda _: ["face_mesh"],
            extractors=lambda o: {"face_boxes": {"max_missing": o.max_missing}},
        ),
        Plugin(
            "mouth_aperture",
            MouthApertureOptions,
            _build_aperture,
            version="2",
            summary="opening of the inner lips over the distance of the eyes: [T], NaN without a face",
            extractors=_landmarks,
        ),
    ]


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    return [YUNET, PFLD, FACE_MESH, S3FD, FAN, DLIB68]
