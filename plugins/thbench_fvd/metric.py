"""The metric `fvd`: features per window of video, one value per set."""

from __future__ import annotations

from thbench.api import Extractor, Score
from thbench_fid.metrics import Frechet

__all__ = ["Fvd"]


class Fvd(Frechet):
    """Fréchet distance between the windows of a system and those of the reference.

    Few windows are the rule: below as many as features the value follows from singular values, and is
    marked. Clips that are too short for a window are counted as not scored, never padded.
    """

    def __init__(self, extractor: Extractor) -> None:
        super().__init__("fvd", _SCORE, extractor, unit="windows")


_SCORE = Score(
    better="lower",
    range=(0.0, float("inf")),
    reacts_to={
        "blur": "+",
        "noise": "+",
        "brightness": "+",
        "freeze": "+",
        "drop": "+",
        "shuffle": "+",
        "mouth": "+",
        "mouth_delay": "+",
    },
    ignores=("delay",),  # it does not hear
    set_level=True,
    description="Fréchet distance between Gaussians fitted to the features of windows of video. Sees order and "
    "speed of frames, which FID cannot; does not hear.",
    source="Unterthiner et al. 2018 (arXiv 1812.01717)",
    formula="|m₁ − m₂|² + tr(S₁ + S₂ − 2 (S₁ S₂)^½); m, S: mean and covariance of the features of all windows, 1 "
    "generated, 2 reference",
    biases="Biased upwards by few windows: with fewer windows than features compare only at equal n. Window, "
    "stride, start and number of windows are part of the identity. With I3D single frames weigh more than "
    "motion (Ge et al. 2024); the same system was printed as 173 and as 501 on HDTF by two papers.",
)
