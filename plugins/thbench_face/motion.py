"""The metric `landmark_motion`: how far the face's landmarks move from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thbench.api import (
    ClipFailure,
    Context,
    Observation,
    Observations,
    Pair,
    Score,
    mean_of_rows,
)
from thbench_face import LandmarkMotionOptions

__all__ = ["LandmarkMotion", "displacements"]


def displacements(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """[T - 1] mean over the landmarks of how far each moves to the next frame, in eye distances, >= 0.

    NaN where either frame has no face.

    The eye distance is that of the outer corners (36, 45), its median over the clip, so that neither
    the resolution nor the size of the face counts.

    Args:
        landmarks: [T, 68, 2], iBUG order, T >= 2.

    Raises:
        ClipFailure: fewer than two frames, or no two neighbours with a face.
    """
    if len(landmarks) < 2:
        raise ClipFailure("1 frame: motion needs at least 2")
    points = landmarks.astype(np.float64)
    eyes = np.nanmedian(np.linalg.norm(points[:, 36] - points[:, 45], axis=-1))
    moved = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=-1)
    if np.isnan(moved).all():
        raise ClipFailure(f"no face in any two neighbouring frames of {len(points)}")
    return np.asarray(moved / eyes)


class LandmarkMotion:
    """Mean displacement per clip; the set's value is the mean of the clips' means."""

    scores: Mapping[str, Score] = {
        "landmark_motion": Score(
            better="nearer-reference",
            unit="eye distances per frame",
            range=(0.0, float("inf")),
            reacts_to={"freeze": "-", "mouth": "-", "head": "-"},
            ignores=("delay",),
            description="Mean distance that a landmark of the face moves from one frame to the next.",
            source="drift of autoregressive generators: Han et al., section 6.1.1, seen in landmarks",
            formula="1/(68 (T − 1)) Σ_t Σ_k |p_k(t + 1) − p_k(t)| / median over t of |p_36(t) − p_45(t)|",
            biases="A frozen clip scores 0, so neither direction is better. The trembling of the landmark "
            "network counts as motion, in the ground truth too.",
        )
    }

    def __init__(self, options: LandmarkMotionOptions, context: Context) -> None:
        self._landmarks = context.extractor(
            "landmarks68", network=options.network, max_missing=options.max_missing
        )

    def observe(self, pair: Pair) -> Observation:
        """Row landmark_motion; array displacement [T - 1], between consecutive frames, NaN without a face."""
        found = displacements(self._landmarks(pair.generated))
        return Observation({"landmark_motion": float(np.nanmean(found))}, {"displacement": found})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"landmark_motion": mean_of_rows(observed.generated, "landmark_motion")}
