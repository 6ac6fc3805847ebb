"""The metrics: thin classes around flow.py and difference.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import cv2

from thbench.api import (
    ClipFailure,
    Context,
    Frames,
    Observation,
    Observations,
    Observed,
    Pair,
    Score,
    mean_of_rows,
)
from thbench_motion import FMseOptions, OfmOptions
from thbench_motion.difference import frame_wise_mse, wrapped_frame_wise_mse
from thbench_motion.flow import (
    Farneback,
    dis_flow,
    farneback_flow,
    jet_flow_picture_mean,
    lengths_of,
    require_two,
)

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
        self.scores: Mapping[str, Score] = _scores(options)

    def observe(self, pair: Pair) -> Observation:
        with _opencv_threads(self._threads):
            return Observation(rows=self._rows(pair.generated.frames))

    def _rows(self, frames: Frames) -> Mapping[str, float]:
        options = self._options
        require_two(frames)
        if options.measure == "jet":
            return {"ofm": jet_flow_picture_mean(frames, self._farneback, options.resize)}
        if options.flow == "dis":
            if (options.resize or frames.shape[1]) < DIS_SMALLEST:
                raise ClipFailure(f"frames of {frames.shape[1]} pixels: dis needs {DIS_SMALLEST}")
            return {"ofm": lengths_of(dis_flow(frames, options.resize)).mean}
        found = lengths_of(farneback_flow(frames, self._farneback, options.resize))
        if options.measure == "clipped":
            return {"ofm": found.clipped}
        return {"ofm": found.mean, "ofm_beyond": found.beyond, CARRIED: found.carried}

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {name: mean_of_rows(observed.generated, name) for name in self.scores}

    def notes(self, observed: Observations) -> Sequence[str]:
        """Whether pixels that no head can have moved carry the value, on either side."""
        if "ofm_beyond" not in self.scores:
            return []
        sides = {"generated": observed.generated, "reference": observed.reference}
        shares = {side: _carried(of) for side, of in sides.items() if of}
        return [
            f"{share:.0%} of ofm of the {side} clips is from pixels that move further than 1/32 of the picture: "
            "Farneback fails on flat regions; read ofm@clipped or ofm@dis"
            for side, share in shares.items()
            if share > SUSPECT
        ]


CARRIED = "ofm_carried_beyond"
SUSPECT = 0.1
"""Share of OFM from impossible pixels above which it is said; at most 0.01 on clips without flat regions."""
DIS_SMALLEST = 12


def _carried(observed: Sequence[Observed]) -> float:
    """Share of the set's OFM that pixels beyond the bound carry."""
    total = sum(o.rows["ofm"] for o in observed)
    return sum(o.rows["ofm"] * o.rows[CARRIED] for o in observed) / total if total else 0.0


def _scores(options: OfmOptions) -> Mapping[str, Score]:
    if options.measure == "jet":
        return {"ofm": _JET_SCORE}
    if options.flow == "dis":
        return {"ofm": _DIS_SCORE}
    if options.measure == "clipped":
        return {"ofm": _CLIPPED_SCORE}
    return {"ofm": _OFM_SCORE, "ofm_beyond": _BEYOND_SCORE}


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
    biases=_BIASES
    + " Noise and compression flicker count as motion. On flat regions Farneback sees motion of "
    "dozens of pixels even between identical frames: read ofm_beyond beside it.",
)
_BEYOND_SCORE = Score(
    better="nearer-reference",
    range=(0.0, 1.0),
    ignores=("delay",),
    description="Share of pixels whose flow is longer than 1/32 of the picture's side, which no point of a head "
    "moves between two frames: how far ofm is to be trusted.",
    source="measured on real clips, docs/video_metrics.md",
    formula="1/((T − 1) H W) Σ_t Σ_xy [|(u, v)_t(x, y)| > side / 32]",
    biases="Cuts and very fast heads count as well.",
)
_CLIPPED_SCORE = replace(
    _OFM_SCORE,
    description="As ofm, with no pixel counting more than 1/32 of the picture's side. " + _CAUTION,
    formula="1/((T − 1) H W) Σ_t Σ_xy min(|(u, v)_t(x, y)|, side / 32); (u, v): Farneback's flow",
    biases=_BIASES
    + " Within 1 % of ofm on clips without flat regions; a still picture with flat regions still "
    "scores a tenth of its motion.",
)
_DIS_SCORE = replace(
    _OFM_SCORE,
    description="Mean length of the optical flow of dense inverse search between consecutive grey frames: 0 for a "
    "still picture. " + _CAUTION,
    source="Kroeger, Timofte, Dai and Van Gool 2016; OpenCV's preset medium",
    formula="1/((T − 1) H W) Σ_t Σ_xy |(u, v)_t(x, y)|; (u, v): flow of dense inverse search, pixels",
    biases=_BIASES
    + " Another estimator than Farneback: 0.7 to 1.1 of ofm on clean clips, twice on noisy MPEG-1.",
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
