"""Whose face it is: embeddings of three recognition networks, and the metric `csim`.

Each network has its own variant and its own columns, because their numbers cannot be set side by side:
different people reach a cosine of 0.85 with dlib's descriptor and about 0 with ArcFace's.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from thbench.api import Context, Extractor, Metric, Missing, Plugin, WeightsFile, hookimpl

__all__ = ["IdentityOptions"]


@dataclass(frozen=True)
class IdentityOptions:
    """Which network, on which frames, and how much may be missing."""

    network: Annotated[
        Literal["sface", "arcface", "dlib"],
        "sface: cosine, Apache-2.0; arcface: cosine, weights for non-commercial research; dlib: distance and "
        "its threshold 0.6, extra `dlib`",
    ] = "sface"
    every: Annotated[int, "frames from one that is looked at to the next", Field(ge=1)] = 1
    max_missing: Annotated[
        float,
        "largest share of those frames without a face, 0..1; above it the clip fails",
        Field(ge=0, le=1),
    ] = 0.2


SFACE = WeightsFile(
    name="sface",
    file="face_recognition_sface_2021dec.onnx",
    urls=(
        "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
        "face_recognition_sface/face_recognition_sface_2021dec.onnx",
        "https://github.com/opencv/opencv_zoo/raw/main/models/"
        "face_recognition_sface/face_recognition_sface_2021dec.onnx",
    ),
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    size=38_696_353,
    licence="Apache-2.0",
    commercial=True,
    about="face recognition SFace (Zhong et al. 2021), the file of the OpenCV model zoo, 128 features",
)
ARCFACE = WeightsFile(
    name="arcface",
    file="w600k_r50.onnx",
    urls=(
        "https://huggingface.co/public-data/insightface/resolve/main/models/buffalo_l/w600k_r50.onnx",
        "https://huggingface.co/immich-app/buffalo_l/resolve/main/recognition/model.onnx",
    ),
    sha256="4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
    size=174_383_860,
    licence="InsightFace's models: for non-commercial research only",
    commercial=False,
    about="face recognition ArcFace (Deng et al. 2019), IResNet-50 on WebFace600K, from InsightFace's buffalo_l, "
    "512 features",
)
DLIB_PACKAGES = ("dlib", "face_recognition_models")
"""What the extra `dlib` brings; found, not imported, to tell whether it is here."""


def dlib_missing() -> Sequence[Missing]:
    """What to install before dlib's networks run."""
    absent = [name for name in DLIB_PACKAGES if importlib.util.find_spec(name) is None]
    if not absent:
        return ()
    return [Missing(f"packages {' and '.join(absent)}", "pip install 'thbench[dlib]'", 126_000_000)]


def _weights(options: IdentityOptions) -> Sequence[str]:
    return ["yunet", *([] if options.network == "dlib" else [options.network])]


def _missing(options: IdentityOptions) -> Sequence[Missing]:
    return dlib_missing() if options.network == "dlib" else ()


def _extractors(options: IdentityOptions) -> Mapping[str, Mapping[str, object]]:
    return {
        "face_identity": {
            "network": options.network,
            "every": options.every,
            "max_missing": options.max_missing,
        }
    }


def _build_features(options: IdentityOptions, context: Context) -> Extractor:
    from thbench_identity.extractor import FaceIdentity

    return FaceIdentity(options, context)


def _build_csim(options: IdentityOptions, context: Context) -> Metric:
    from thbench_identity.metric import Csim

    return Csim(
        options,
        context,
        context.extractor("face_identity", **_extractors(options)["face_identity"]),
    )


@hookimpl
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:
    return [
        Plugin(
            "face_identity",
            IdentityOptions,
            _build_features,
            version="2",
            summary="embedding of the main face per frame: [T, features], NaN where none was looked for or found",
            missing=_missing,
            weights=_weights,
        )
    ]


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    return [
        Plugin(
            "csim",
            IdentityOptions,
            _build_csim,
            summary="identity preserved: likeness to the identity frame and to the same frame of the reference",
            extractors=_extractors,
            variants={
                "sface": {"network": "sface"},
                "arcface": {"network": "arcface"},
                "dlib": {"network": "dlib", "every": 10},
            },
        )
    ]


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    return [SFACE, ARCFACE]
