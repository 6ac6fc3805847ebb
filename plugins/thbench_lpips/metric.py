"""The metric `lpips`: mean over a clip's frames, then mean over clips.

What needs torch is in pairs.py, imported at the first clip: reducing does without.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from thbench.api import (
    ClipFailure,
    Context,
    Observation,
    Observations,
    Pair,
    Score,
    mean_of_rows,
)
from thbench_lpips import SMALLEST, TRUNKS, LpipsOptions
from thbench_similarity.metric import compared_frames

if TYPE_CHECKING:
    from thbench_lpips.pairs import PairDistances

__all__ = ["Lpips"]


class Lpips:
    """LPIPS per clip, in batches of one fixed shape; the trunk is read at the first clip."""

    def __init__(self, options: LpipsOptions, context: Context) -> None:
        self._context, self._net = context, options.net
        self._skip_identity = options.skip_identity
        self.scores: Mapping[str, Score] = {"lpips": _SCORE}

    @cached_property
    def _distances(self) -> PairDistances:
        from thbench_lpips.pairs import PairDistances

        path, context = self._context.weights(TRUNKS[self._net].name), self._context
        return PairDistances(path, self._net, context.device, context.batch)

    def observe(self, pair: Pair) -> Observation:
        compared = compared_frames(pair, self._skip_identity)
        size = pair.generated.size
        if size < SMALLEST[self._net]:
            raise ClipFailure(
                f"frames of {size} pixels: lpips with {self._net} needs at least {SMALLEST[self._net]}"
            )
        return Observation(rows={"lpips": float(self._distances(compared).mean())})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"lpips": mean_of_rows(observed.generated, "lpips")}


_SCORE = Score(
    better="lower",
    range=(0.0, float("inf")),
    reacts_to={"blur": "+", "noise": "+", "freeze": "+", "drop": "+", "brightness": "+"},
    ignores=("delay",),
    description="Learned perceptual distance of each frame to the reference's at the same time (LPIPS 0.1), "
    "RGB -1..1 at the system's own resolution, mean over frames.",
    source="Zhang, Isola, Efros, Shechtman and Wang 2018, eq. 1; the package lpips, version 0.1",
    formula="Σ_l mean over pixels of Σ_c w_lc (x_lc − y_lc)²; x, y: maps after five ReLUs of the trunk, each "
    "pixel's vector of unit length; w: learned weights",
    biases="Depends on resolution and trunk: compare only within one table. A shift by one pixel counts. Punishes "
    "a head that moves otherwise than the recorded person's did, however natural it looks.",
)
