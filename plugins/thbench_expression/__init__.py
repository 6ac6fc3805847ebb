"""What a face does: head pose, blinks, expression, and the mouth while nobody speaks.

Points come from the mesh of `thbench_face`, or from a map fitted to puppets that ships here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from thbench.api import Context, Extractor, Metric, Plugin, hookimpl

__all__ = ["PointsOptions", "PuppetFaceOptions", "SilentOptions", "ThevalOptions"]

_Vad: TypeAlias = Annotated[
    Literal["energy", "silero"], "what tells pauses from speech; silero: extra `vad`"
]


@dataclass(frozen=True)
class PointsOptions:
    """Where the points of the face come from."""

    points: Annotated[
        Literal["mesh", "puppet-v1"],
        "mesh: 468 points of MediaPipe's network; puppet-v1: 68 points of drawn faces, built in",
    ] = "mesh"
    max_missing: Annotated[
        float,
        "largest share of frames without a face, 0..1; above it the clip fails",
        Field(ge=0, le=1),
    ] = 0.2


@dataclass(frozen=True)
class PuppetFaceOptions:
    """Nothing to choose."""


@dataclass(frozen=True)
class SilentOptions(PointsOptions):
    """Points, and what tells pauses from speech."""

    vad: _Vad = "energy"


@dataclass(frozen=True)
class ThevalOptions(SilentOptions):
    """As THEval computes it, or made independent of the face's size."""

    unit: Annotated[
        Literal["256px", "io"],
        "256px: pixels of the frame squeezed to 256 x 256, as published; io: interocular distances",
    ] = "256px"


PUPPETS: Mapping[str, Mapping[str, object]] = {"puppet-v1": {"points": "puppet-v1"}}


def _points(options: PointsOptions) -> Mapping[str, Mapping[str, object]]:
    if options.points == "mesh":
        return {"face_mesh": {"max_missing": options.max_missing}}
    return {"puppet_face": {}}


def _points_and_speech(options: SilentOptions) -> Mapping[str, Mapping[str, object]]:
    return {**_points(options), "speech_activity": {"method": options.vad}}


def _build_puppet_face(options: PuppetFaceOptions, context: Context) -> Extractor:
    from thbench_expression.puppet_points import PuppetFace

    return PuppetFace()


def _build_pose(options: PointsOptions, context: Context) -> Metric:
    from thbench_expression.pose_metric import HeadPose

    return HeadPose(options, context)


def _build_blinks(options: PointsOptions, context: Context) -> Metric:
    from thbench_expression.blink_metric import BlinkRate

    return BlinkRate(options, context)


def _build_blink_duration(options: PointsOptions, context: Context) -> Metric:
    from thbench_expression.blink_metric import BlinkDuration

    return BlinkDuration(options, context)


def _build_frechet(options: PointsOptions, context: Context) -> Metric:
    from thbench_expression.frechet_metric import ExpressionFrechet

    return ExpressionFrechet(options, context)


def _build_silent(options: SilentOptions, context: Context) -> Metric:
    from thbench_expression.silent_metric import SilentMouth

    return SilentMouth(options, context)


def _build_lips(options: ThevalOptions, context: Context) -> Metric:
    from thbench_expression.theval import LipDynamics

    return LipDynamics(options, context)


def _build_eyebrow(options: PointsOptions, context: Context) -> Metric:
    from thbench_expression.theval import Eyebrow

    return Eyebrow(options, context)


def _build_silent_lips(options: SilentOptions, context: Context) -> Metric:
    from thbench_expression.theval import SilentLips

    return SilentLips(options, context)


@hookimpl
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:
    return [
        Plugin(
            "puppet_face",
            PuppetFaceOptions,
            _build_puppet_face,
            summary="68 points, head pose and openness of the eyes of drawn faces, built in: [T, 140]",
        )
    ]


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    return [
        Plugin(
            "head_pose",
            PointsOptions,
            _build_pose,
            summary="how far the head turns and how fast, and how far from the reference",
            extractors=_points,
            variants=PUPPETS,
        ),
        Plugin(
            "blinks",
            PointsOptions,
            _build_blinks,
            summary="blinks per second over the set, from the aspect ratio of the eyes",
            extractors=_points,
            variants=PUPPETS,
        ),
        Plugin(
            "blink_duration",
            PointsOptions,
            _build_blink_duration,
            summary="mean length of a blink over the set",
            extractors=_points,
            variants=PUPPETS,
        ),
        Plugin(
            "expression_frechet",
            PointsOptions,
            _build_frechet,
            summary="Fréchet distance of expressions, mouth and upper face apart, each beside its floor",
            extractors=_points,
            variants={"mesh": {"points": "mesh"}, **PUPPETS},
        ),
        Plugin(
            "silent_mouth",
            SilentOptions,
            _build_silent,
            summary="how much the mouth moves while nobody speaks",
            extractors=_points_and_speech,
            variants={**PUPPETS, "silero": {"vad": "silero"}},
        ),
        Plugin(
            "theval_lip_dynamics",
            ThevalOptions,
            _build_lips,
            summary="THEval's lip dynamics, for comparison with its table",
            extractors=_points,
            variants={"io": {"unit": "io"}},
        ),
        Plugin(
            "theval_eyebrow",
            PointsOptions,
            _build_eyebrow,
            summary="THEval's eyebrow dynamics, for comparison with its table",
            extractors=_points,
        ),
        Plugin(
            "theval_silent_lips",
            SilentOptions,
            _build_silent_lips,
            summary="THEval's silent lips, for comparison with its table",
            extractors=_points_and_speech,
            variants={"silero": {"vad": "silero"}},
        ),
    ]
