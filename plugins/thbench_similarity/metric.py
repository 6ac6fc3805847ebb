"""Metrics that compare each generated frame with the reference's frame at the same time.

torch and torchmetrics are imported where a picture is measured: they take seconds, and reducing needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from thbench.api import (
    ClipFailure,
    Observation,
    Observations,
    Pair,
    Score,
    mean_of_rows,
)
from thbench_similarity import PsnrOptions, SsimOptions

__all__ = ["FrameMetric", "PictureMeasure", "compared_frames", "psnr", "ssim"]

Picture = NDArray[np.uint8]
PictureMeasure = Callable[[Picture, Picture], float]
"""(generated, reference), both [H, W, 3] uint8, to one number."""


def compared_frames(pair: Pair, skip_identity: bool) -> Iterator[tuple[Picture, Picture]]:
    """Frames of both videos at the same time, without the identity frame if `skip_identity`.

    Raises ClipFailure where the videos differ in shape or nothing remains to be compared.
    """
    generated, reference = pair.generated.frames, pair.reference.frames
    if generated.shape != reference.shape:
        raise ClipFailure(f"frames {generated.shape} against a reference of {reference.shape}")
    skipped = {pair.identity_index} if skip_identity else set()
    indices = [i for i in range(len(generated)) if i not in skipped]
    if not indices:
        raise ClipFailure("nothing to compare next to the identity frame")
    return ((generated[i], reference[i]) for i in indices)


class FrameMetric:
    """A measure of two pictures: mean over a clip's frames, then mean over clips.

    One frame at a time is a fixed shape: memory stays flat and no value depends on its neighbours.
    """

    def __init__(
        self, name: str, score: Score, measure: PictureMeasure, skip_identity: bool
    ) -> None:
        self.scores: Mapping[str, Score] = {name: score}
        self._name = name
        self._measure = measure
        self._skip_identity = skip_identity

    def observe(self, pair: Pair) -> Observation:
        import torch

        # TF32 would keep ten bits of a product on a GPU
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            frames = compared_frames(pair, self._skip_identity)
            values = [self._measure(generated, reference) for generated, reference in frames]
        return Observation(rows={self._name: float(np.mean(values, dtype=np.float64))})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {self._name: mean_of_rows(observed.generated, self._name)}


def psnr(options: PsnrOptions) -> FrameMetric:
    """The metric `psnr`."""
    score = Score(
        better="higher",
        unit="dB",
        range=(0.0, options.cap),
        reacts_to=_FALLS,
        description=(
            "Peak signal-to-noise ratio of each frame against the reference's (RGB, peak 255), mean "
            f"over frames. Identical frames count {options.cap:g} dB: their PSNR is infinite."
        ),
        source="per frame and averaged, as scikit-image, EAT and common_metrics_on_video_quality do",
        formula=f"mean over frames of min({options.cap:g}, 10 log₁₀(255² / MSE)); MSE over pixels and RGB",
        biases="Prefers blur to a sharp picture that is shifted by a pixel; a still frame scores well where "
        "little moves. Background weighs as much as the mouth.",
    )
    return FrameMetric("psnr", score, partial(_psnr, cap=options.cap), options.skip_identity)


def _psnr(generated: Picture, reference: Picture, cap: float) -> float:
    from thbench_similarity.picture import picture_psnr

    return picture_psnr(generated, reference, cap)


def ssim(options: SsimOptions) -> FrameMetric:
    """The metric `ssim`."""
    measure = partial(_ssim_of_large_enough, precision=options.precision)
    return FrameMetric("ssim", _SSIM_SCORE, measure, options.skip_identity)


def _ssim_of_large_enough(generated: Picture, reference: Picture, precision: str) -> float:
    import torch

    from thbench_similarity.picture import picture_ssim

    if min(generated.shape[:2]) < 11:
        raise ClipFailure(f"frames of {generated.shape[0]} pixels: SSIM needs at least 11")
    dtype = torch.float64 if precision == "float64" else torch.float32
    return picture_ssim(generated, reference, dtype)


_FALLS = {"noise": "-", "blur": "-", "freeze": "-", "drop": "-", "brightness": "-"}
_SSIM_SCORE = Score(
    better="higher",
    range=(-1.0, 1.0),
    reacts_to=_FALLS,
    description=(
        "Structural similarity of each frame to the reference's: Gaussian window 11, sigma 1.5, mean "
        "over RGB channels, windows inside the picture and frames."
    ),
    source="Wang, Bovik, Sheikh and Simoncelli 2004",
    formula="mean over windows of (2 μx μy + C₁)(2 σxy + C₂) / ((μx² + μy² + C₁)(σx² + σy² + C₂)); "
    "C₁ = (0.01·255)², C₂ = (0.03·255)²; then over channels and frames",
    biases="High on flat backgrounds whatever the face does; a still frame scores well where little moves.",
)
