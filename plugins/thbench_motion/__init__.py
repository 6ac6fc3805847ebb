"""Motion between consecutive frames: optical-flow magnitude (OFM) and frame-wise squared error (F-MSE).

Both depend on resolution, resize filter and codec, and a frozen clip scores 0: they are ranked by the
distance from the ground truth, never as "lower is better". The variant `diffused-heads` reproduces
published numbers only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from thbench.api import Context, Metric, Plugin, UserError, hookimpl

__all__ = ["FMseOptions", "OfmOptions"]

_Resize: TypeAlias = Annotated[
    int,
    "resize frames to this size first, bilinear without antialiasing; 0 keeps the suite's size",
    Field(ge=0),
]


@dataclass(frozen=True)
class OfmOptions:
    """Farneback's parameters as Diffused Heads sets them, and what is done with the magnitude."""

    pyr_scale: Annotated[
        float, "size of each pyramid level relative to the one below", Field(gt=0, lt=1)
    ] = 0.5
    levels: Annotated[
        int, "pyramid levels; OpenCV stops before a level is under 32 pixels", Field(ge=1)
    ] = 7
    winsize: Annotated[int, "averaging window in pixels", Field(ge=2)] = 5
    iterations: Annotated[int, "iterations per pyramid level", Field(ge=1)] = 15
    poly_n: Annotated[int, "neighbourhood of the polynomial expansion in pixels", Field(ge=2)] = 5
    poly_sigma: Annotated[float, "sigma of the polynomial expansion in pixels", Field(gt=0)] = 1.2
    resize: _Resize = 0
    measure: Annotated[
        Literal["magnitude", "clipped", "jet"],
        "mean magnitude in pixels per frame; the same with no pixel counting more than 1/32 of the "
        "picture's side; or mean of its min-max normalised JET picture",
    ] = "magnitude"
    flow: Annotated[
        Literal["farneback", "dis"],
        "farneback: the definition; dis: dense inverse search, exactly 0 on still pictures",
    ] = "farneback"


@dataclass(frozen=True)
class FMseOptions:
    """In which numbers the difference of two frames is squared."""

    arithmetic: Annotated[
        Literal["float64", "uint8"], "uint8 wraps modulo 256, as published code does"
    ] = "float64"
    resize: _Resize = 0


def _build_ofm(options: OfmOptions, context: Context) -> Metric:
    from thbench_motion.metric import OpticalFlowMagnitude

    if options.flow == "dis" and options.measure != "magnitude":
        raise UserError(
            f"measure {options.measure} belongs to the flow of Farneback",
            "leave it out with `flow: dis`",
        )
    return OpticalFlowMagnitude(options, context)


def _build_f_mse(options: FMseOptions, context: Context) -> Metric:
    from thbench_motion.metric import FrameWiseMse

    return FrameWiseMse(options, context)


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, OfmOptions] | Plugin[Metric, FMseOptions]]:
    return [
        Plugin(
            "ofm",
            OfmOptions,
            _build_ofm,
            summary="mean optical-flow magnitude between consecutive frames, pixels per frame",
            variants={
                "diffused-heads": {"resize": 128, "measure": "jet"},
                "clipped": {"measure": "clipped"},
                "dis": {"flow": "dis"},
            },
        ),
        Plugin(
            "f_mse",
            FMseOptions,
            _build_f_mse,
            summary="mean squared difference of consecutive frames",
            variants={"diffused-heads": {"resize": 128, "arithmetic": "uint8"}},
        ),
    ]
