"""The metric `sharpness`: mean over a clip's frames, then mean over clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from thbench.api import (
    ClipFailure,
    Context,
    Observation,
    Observations,
    Pair,
    Score,
    Video,
    mean_of_rows,
)
from thbench_face.track import filled_boxes
from thbench_sharpness import SharpnessOptions
from thbench_sharpness.cpbd import BLOCK, cpbd
from thbench_sharpness.measures import (
    Picture,
    grey,
    high_frequency_energy,
    laplacian_variance,
)

__all__ = ["Sharpness"]

SMALLEST = 8
"""Pixels of a region below which nothing can be said."""


class Sharpness:
    """Scores of the region per clip; boxes that are missing are interpolated in time."""

    def __init__(self, options: SharpnessOptions, context: Context) -> None:
        self._boxes = None
        if options.region == "face":
            self._boxes = context.extractor("face_boxes", max_missing=options.max_missing)
        where = "inside the face box" if options.region == "face" else "of the whole frame"
        self._blurs = options.measure == "cpbd"
        self._smallest = BLOCK if self._blurs else SMALLEST
        self.scores: Mapping[str, Score] = (
            {"cpbd": _cpbd_score(where)} if self._blurs else _scores(where)
        )

    def observe(self, pair: Pair) -> Observation:
        regions = self._regions(pair.generated)
        if self._blurs:
            return Observation(rows={"cpbd": _mean_cpbd(regions)})
        values = [(laplacian_variance(r), high_frequency_energy(r)) for r in regions]
        laplacian, high = (float(np.mean(of)) for of in zip(*values, strict=True))
        return Observation(rows={"laplacian_variance": laplacian, "high_frequency": high})

    def _regions(self, video: Video) -> Iterator[Picture]:
        """Grey picture of the region, frame by frame. Raises ClipFailure for one that is too small."""
        if not video.n_frames:
            raise ClipFailure("the video has no frames")
        boxes = None if self._boxes is None else filled_boxes(self._boxes(video))
        for t, frame in enumerate(video.frames):
            picture = grey(frame) if boxes is None else _inside(grey(frame), boxes[t, :4])
            if min(picture.shape) < self._smallest:
                size = f"{picture.shape[1]} x {picture.shape[0]}"
                raise ClipFailure(f"a region of {size} pixels: needs {self._smallest}")
            yield picture

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {name: mean_of_rows(observed.generated, name) for name in self.scores}


def _inside(picture: Picture, box: np.ndarray) -> Picture:
    """The whole pixels of x, y, width, height that lie in the picture."""
    x, y, width, height = (float(v) for v in box)
    rows = slice(max(0, round(y)), max(0, round(y + height)))
    columns = slice(max(0, round(x)), max(0, round(x + width)))
    return picture[rows, columns]


def _mean_cpbd(regions: Iterable[Picture]) -> float:
    """Mean over the frames that have an edge; grey levels are rounded, as CPBD counts steps between them."""
    values = [value for region in regions if (value := cpbd(np.rint(region))) is not None]
    if not values:
        raise ClipFailure("no frame has an edge")
    return float(np.mean(values))


def _cpbd_score(where: str) -> Score:
    return Score(
        better="nearer-reference",
        range=(0.0, 1.0),
        reacts_to={"blur": "-", "noise": "+"},
        ignores=("delay",),
        description="CPBD, cumulative probability of blur detection: share of edge pixels at which no blur is seen in the "
        f"grey picture {where}, mean over frames. Noise raises it.",
        source="Narvekar and Karam 2011",
        formula="share of edges with 1 − exp(−(w / w_JNB)^3.6) ≤ 63 %; w: width of the edge along its row, w_JNB: 5 "
        "pixels in blocks of 64 pixels with at most 50 grey levels of contrast, else 3",
        biases="Noise raises it: on a real clip 0.32 becomes 0.61, so that a noisy picture counts as a sharp one. Sees "
        "edges across rows only. Never comparable across resolutions; pixels beyond whole blocks of 64 are not looked at.",
    )


def _scores(where: str) -> Mapping[str, Score]:
    biases = (
        "Noise, compression blocks and a sharp background inside the region count as sharpness. Depends on "
        "resolution, resize filter and codec: compare within one table only."
    )
    shared = {
        "better": "nearer-reference",
        "reacts_to": {"blur": "-", "noise": "+"},
        "ignores": ("delay",),
        "biases": biases,
    }
    return {
        "laplacian_variance": Score(
            **shared,  # type: ignore[arg-type]
            unit="squared grey levels",
            range=(0.0, float("inf")),
            description=f"Variance of the Laplacian of the grey picture {where}, mean over frames.",
            source="Pech-Pacheco et al. 2000",
            formula="Var over inner pixels of g(x−1,y) + g(x+1,y) + g(x,y−1) + g(x,y+1) − 4 g(x,y); g: grey, 0..255",
        ),
        "high_frequency": Score(
            **shared,  # type: ignore[arg-type]
            range=(0.0, 1.0),
            description=f"Share of the variance of the grey picture {where} that a Gaussian of 1 pixel takes away, "
            "mean over frames; does not change with contrast.",
            source="energy of a high-pass, this project",
            formula="Σ (g − G₁ g)² / Σ (g − mean g)²; G₁: Gaussian of sigma 1 pixel",
        ),
    }
