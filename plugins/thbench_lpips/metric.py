"""The metric `lpips`: mean over a clip's frames, then mean over clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thbench.api import (
    ClipFailure,
    Context,
    Observation,
    Observations,
    Pair,
    Score,
    mean_of_rows,
)
from thbench_fid.quick import filled
from thbench_lpips import TRUNKS, LpipsOptions
from thbench_lpips.distance import distances, linear_layers
from thbench_lpips.network import SMALLEST, Trunk, load
from thbench_similarity.metric import compared_frames

__all__ = ["BATCH", "Lpips"]

BATCH = 16
"""Pairs of frames per pass at least: below, torch leaves oneDNN on one thread."""


class Lpips:
    """LPIPS per clip, in batches of one fixed shape; the trunk is read at the first clip."""

    def __init__(self, options: LpipsOptions, context: Context) -> None:
        self._context, self._net = context, options.net
        self._skip_identity = options.skip_identity
        self._device, self._batch = context.device, max(BATCH, context.batch)
        self.scores: Mapping[str, Score] = {"lpips": _SCORE}

    @cached_property
    def _network(self) -> tuple[Trunk, list[Tensor]]:
        path = self._context.weights(TRUNKS[self._net].name)
        trunk = load(path, self._net).to(self._device)
        return trunk.to(memory_format=torch.channels_last), linear_layers(  # type: ignore[call-overload]
            self._net, device=self._device
        )

    def observe(self, pair: Pair) -> Observation:
        compared = compared_frames(pair, self._skip_identity)
        size = pair.generated.size
        if size < SMALLEST[self._net]:
            raise ClipFailure(
                f"frames of {size} pixels: lpips with {self._net} needs at least {SMALLEST[self._net]}"
            )
        return Observation(rows={"lpips": float(self._distances(compared).mean())})

    def _distances(
        self, compared: Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    ) -> NDArray[np.float64]:
        """[n] of n pairs of frames; a batch of them is held at a time, and the numbers come down once."""
        trunk, linear = self._network
        found = []
        with torch.inference_mode(), torch.backends.cudnn.flags(benchmark=False, allow_tf32=False):
            while batch := list(islice(compared, self._batch)):
                x, y = (filled(np.stack(rows), self._batch) for rows in zip(*batch, strict=True))
                found.append(distances(x, y, trunk, linear, device=self._device)[: len(batch)])
            each: NDArray[np.float64] = torch.cat(found).cpu().numpy()
        return each

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
