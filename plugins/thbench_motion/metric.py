"""The metrics: thin classes around flow.py and difference.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import cv2

from thbench.api import (
    Context,
    Observation,
    Observations,
    Pair,
    Score,
    mean_of_rows,
)
from thbench_motion import FMseOptions, OfmOptions
from thbench_motion.difference import frame_wise_mse, wrapped_frame_wise_mse
from thbench_motion.flow import Farneback, jet_flow_picture_mean, optical_flow_magnitude

__all__ = ["FrameWiseMse", "OpticalFlowMagnitude"]

_CAUTION = (
    "Depends on resolution, resize filter and codec; a frozen clip scores lowest, so nearer to the "
    "ground truth is better."
)


@contextmanager
def _opencv_threads(threads: int) -> Iterator[None]:
    """OpenCV's thread count belongs to the whole process: lend ours and put the old one back."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class OpticalFlowMagnitude:
    """OFM per clip; the set's value is the mean of the clips' means."""

    def __init__(self, options: OfmOptions, context: Context) -> None:
        self._options = options
        self._threads = context.threads
        self._farneback = Farneback(
            options.pyr_scale,
            options.levels,
            options.winsize,
            options.iterations,
            options.poly_n,
            options.poly_sigma,
        )
        self.scores: Mapping[str, Score] = {
            "ofm": _JET_SCORE if options.measure == "jet" else _OFM_SCORE
        }

    def observe(self, pair: Pair) -> Observation:
        measure = (
            jet_flow_picture_mean if self._options.measure == "jet" else optical_flow_magnitude
        )
        with _opencv_threads(self._threads):
            value = measure(pair.generated.frames, self._farneback, self._options.resize)
        return Observation(rows={"ofm": value})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"ofm": mean_of_rows(observed.generated, "ofm")}


class FrameWiseMse:
    """F-MSE per clip; the set's value is the mean of the clips' means."""

    def __init__(self, options: FMseOptions, context: Context) -> None:
        self._options = options
        self._threads = context.threads
        self.scores: Mapping[str, Score] = {
            "f_mse": _WRAPPED_SCORE if options.arithmetic == "uint8" else _F_MSE_SCORE
        }

    def observe(self, pair: Pair) -> Observation:
        wraps = self._options.arithmetic == "uint8"
        measure = wrapped_frame_wise_mse if wraps else frame_wise_mse
        with _opencv_threads(self._threads):
            value = measure(pair.generated.frames, self._options.resize)
        return Observation(rows={"f_mse": value})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"f_mse": mean_of_rows(observed.generated, "f_mse")}


_BIASES = "A frozen clip scores 0, so neither direction is better. Depends on resolution, resize filter and codec."
_OFM_SCORE = Score(
    better="nearer-reference",
    unit="pixels per frame",
    range=(0.0, float("inf")),
    reacts_to={"noise": "+", "freeze": "-"},
    ignores=("delay",),
    description="Mean length of Farneback's optical flow between consecutive grey frames. "
    + _CAUTION,
    source="Han et al., Comparing Vision Generative Models on Talking-Head Synthesis, section 6; "
    "parameters of Diffused Heads (arXiv 2301.03396)",
    formula="1/((T − 1) H W) Σ_t Σ_xy |(u, v)_t(x, y)|; (u, v): Farneback's flow from grey frame t to t + 1, pixels",
    biases=_BIASES + " Noise and compression flicker count as motion.",
)
_JET_SCORE = Score(
    better="nearer-reference",
    unit="mean of an 8-bit colour picture",
    range=(0.0, 255.0),
    ignores=("delay",),
    description=(
        "Mean of the JET picture of the min-max normalised flow at 128 pixels: 42.667 for a still "
        "clip, not monotone in motion. Only for comparison with published numbers."
    ),
    source="Diffused Heads (arXiv 2301.03396), its published evaluation script",
    formula="mean of JET(255 (|w| − min |w|) / (max |w| − min |w|)) over pixels, channels and frame pairs; "
    "w: the flow of a pair",
    biases="A still clip scores 42.667; each pair is normalised by itself, so more motion need not score more.",
)
_F_MSE_SCORE = Score(
    better="nearer-reference",
    unit="squared grey levels",
    range=(0.0, 255.0**2),
    reacts_to={"noise": "+", "freeze": "-", "blur": "-"},
    ignores=("delay",),
    description="Mean squared difference of consecutive frames, RGB 0..255, in float64. "
    + _CAUTION,
    source="Han et al., Comparing Vision Generative Models on Talking-Head Synthesis, section 6",
    formula="1/((T − 1) H W 3) Σ_t Σ_xyc (f_{t+1} − f_t)²; f: frames, 0..255",
    biases=_BIASES + " The resize filter alone moved it fourfold on a real clip.",
)
_WRAPPED_SCORE = Score(
    better="nearer-reference",
    unit="squared grey levels modulo 256",
    range=(0.0, 255.0),
    reacts_to={"freeze": "-"},
    ignores=("delay",),
    description=(
        "Mean squared difference of consecutive frames at 128 pixels, squared in uint8: wraps modulo "
        "256, so large motion is not larger. Only for comparison with published numbers."
    ),
    source="Diffused Heads (arXiv 2301.03396), its published evaluation script",
    formula="mean of (f_{t+1} − f_t)² mod 256, both steps in uint8",
    biases="Differences of 16, 32, ... grey levels count as 0: saturates near 71 where float gives 520.7.",
)
