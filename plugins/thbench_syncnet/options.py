"""What can be chosen. Imports nothing heavy: `thbench list` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from pydantic import Field

from thbench.api import picked_precision
from thbench_face import Network

FACE_BOXES: Mapping[str, object] = {"max_missing": 1.0}
"""How `face_boxes` is asked: frames without a face are the tracker's business, not a failure."""
ENVELOPE: Mapping[str, object] = {"band": "speech"}
"""How `speech_envelope` is asked."""


@dataclass(frozen=True)
class FeatureOptions:
    """Which network sees which picture.

    The tracking constants are those of the reference pipeline; they matter for `input: tracked` only.
    """

    weights: Annotated[
        Literal["syncnet", "puppet-v1"],
        "`syncnet`: the published network; `puppet-v1`: a small one for the puppet dataset only",
    ] = "syncnet"
    input: Annotated[
        Literal["whole", "tracked"],
        "`whole`: the frame as it is, resized; `tracked`: the face followed and cropped as the "
        "reference pipeline does, the only input whose numbers are LSE-C and LSE-D",
    ] = "whole"
    precision: Annotated[
        Literal["fp32", "bf16", "auto"],
        "arithmetic of the published networks; auto: bf16 where it is faster on this processor, recorded as what it picked",
    ] = "fp32"
    detector: Annotated[
        Literal["s3fd", "yunet"], "who finds faces; the reference uses S3FD, YuNet is a stand-in"
    ] = "s3fd"
    detector_scale: Annotated[
        float, "frames are shrunk to this share before S3FD sees them", Field(gt=0, le=1)
    ] = 0.25
    detector_confidence: Annotated[float, "fainter faces are dropped", Field(ge=0, le=1)] = 0.9
    iou: Annotated[float, "overlap that continues a track", Field(gt=0, lt=1)] = 0.5
    num_failed_det: Annotated[int, "frames without a face that end a track", Field(ge=0)] = 25
    min_track: Annotated[
        int, "a track needs more detections than this; its boxes are smoothed over 13", Field(ge=12)
    ] = 100
    min_face_size: Annotated[int, "mean face size must exceed so many pixels", Field(ge=0)] = 100
    crop_scale: Annotated[float, "margin around the face, of half its size", Field(ge=0)] = 0.40

    def __post_init__(self) -> None:
        if self.weights == "syncnet":  # the puppet network is too small to gain
            object.__setattr__(self, "precision", picked_precision(self.precision))
        elif self.precision == "auto":
            object.__setattr__(self, "precision", "fp32")


@dataclass(frozen=True)
class Options(FeatureOptions):
    """Features, and what is done with their distances."""

    vshift: Annotated[int, "largest offset tried, in frames of 40 ms", Field(ge=1, le=50)] = 15
    edge: Annotated[
        Literal["pad", "valid"],
        "audio outside the clip: zero features (the reference) or left out of the means",
    ] = "pad"
    min_windows: Annotated[
        int,
        "windows a clip needs: in all (`pad`), overlapping at every offset (`valid`)",
        Field(ge=1),
    ] = 10


@dataclass(frozen=True)
class LagOptions:
    """The cross-correlation of mouth and loudness."""

    landmarks: Network = "mesh"
    max_lag: Annotated[int, "largest lag tried, in frames of 40 ms", Field(ge=1, le=50)] = 15
    min_frames: Annotated[int, "frames that must overlap at every lag", Field(ge=3)] = 15


def aperture_of(options: LagOptions) -> dict[str, object]:
    """How `mouth_aperture` is asked."""
    return {"network": options.landmarks}


def feature_options(options: FeatureOptions) -> dict[str, object]:
    """The part of a metric's options that its features depend on."""
    return {f.name: getattr(options, f.name) for f in fields(FeatureOptions)}


def published_form(options: Options) -> bool:
    """Whether the numbers may be called LSE-C and LSE-D: published weights, and all else as the reference."""
    return replace(options, min_windows=Options.min_windows) == Options(input="tracked")
