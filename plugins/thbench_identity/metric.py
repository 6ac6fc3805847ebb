"""The metric `csim`: the identity frame's person, frame after frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thbench.api import (
    ClipFailure,
    Context,
    Extractor,
    Observation,
    Observations,
    Pair,
    Score,
    mean_of_rows,
)
from thbench_identity import IdentityOptions
from thbench_identity.extractor import SMALLEST
from thbench_identity.likeness import cosines, distances

__all__ = ["SAME", "Csim"]

SAME = 0.6
"""Below this distance dlib's author calls two faces one person's."""


class Csim:
    """Per frame against the identity frame (which is left out) and against the reference's same frame."""

    def __init__(self, options: IdentityOptions, context: Context, features: Extractor) -> None:
        self._dlib = options.network == "dlib"
        self._every = options.every
        self._features = features
        self.scores: Mapping[str, Score] = (
            distance_scores() if self._dlib else cosine_scores(options.network)
        )

    def observe(self, pair: Pair) -> Observation:
        """The rows of `scores`, frames_compared; arrays [T] of the likeness per frame, NaN where unknown."""
        ours, theirs = self._features(pair.generated), self._features(pair.reference)
        index = self._identity_index(pair)
        measure = distances if self._dlib else cosines
        to_identity = measure(ours, theirs[index])
        to_identity[index] = np.nan
        to_same = measure(ours, theirs)
        rows = {
            **self._rows("reference", to_identity, "besides the identity frame"),
            **self._rows("paired", to_same, "in both videos"),
        }
        rows["frames_compared"] = float(np.isfinite(to_same).sum())
        return Observation(rows, {"to_identity": to_identity, "to_same": to_same})

    def _identity_index(self, pair: Pair) -> int:
        index = pair.identity_index
        if index is None:
            raise ClipFailure("the identity frame is none of the reference's")
        if index % self._every:
            # the nearest frame that is looked at: at most half a sampling step away
            index = min(
                round(index / self._every) * self._every,
                (pair.reference.n_frames - 1) // self._every * self._every,
            )
        return index

    def _rows(self, against: str, values: NDArray[np.float64], where: str) -> dict[str, float]:
        known = values[np.isfinite(values)]
        if not known.size:
            raise ClipFailure(f"no frame with a face {where}")
        if not self._dlib:
            return {f"csim_{against}": float(known.mean())}
        return {
            f"identity_distance_{against}": float(known.mean()),
            f"identity_same_{against}": float((known < SAME).mean()),
        }

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {name: mean_of_rows(observed.generated, name) for name in self.scores}


_LIMITS = (
    f"Faces whose box is smaller than {SMALLEST:g} px are refused: heads of 64 px are told apart, heads of 32 px "
    "not; faces in profile are refused too. Strong blur has the same effect and is not refused. "
)
_STILL = (
    "A still identity frame has the best value and real people never reach it, so nearer to the ground truth "
    "is better. "
)
_PAIRED = "Expression and pose count too: a still picture loses, a late one as well. "


def cosine_scores(network: str) -> dict[str, Score]:
    name = {"sface": "SFace", "arcface": "ArcFace"}[network]
    common = (
        f"{name}, 112 px, aligned by YuNet's five points. Papers rarely say which network, weights and frames their "
        "CSIM used: compare only within this column."
    )
    return {
        "csim_reference": Score(
            "nearer-reference", "", (-1.0, 1.0), {"identity": "-"}, (),
            description=f"Mean cosine between every generated frame and the identity frame, that frame left out. {common}",
            source="Deng et al. 2019 (ArcFace); F-SIM of EMO is the same idea",
            formula="mean over frames t, t not the identity frame, of e(g_t) · e(r_i) / (|e(g_t)| |e(r_i)|); e: embedding, "
            "r_i: identity frame",
            biases=_STILL + _LIMITS,
        ),
        "csim_paired": Score(
            "higher", "", (-1.0, 1.0), {"identity": "-"}, (),
            description=f"Mean cosine between every generated frame and the reference's same frame. {common}",
            source="Deng et al. 2019 (ArcFace)",
            formula="mean over frames t of e(g_t) · e(r_t) / (|e(g_t)| |e(r_t)|); e: embedding",
            biases=_PAIRED + _LIMITS,
        ),
    }  # fmt: skip


def distance_scores() -> dict[str, Score]:
    common = (
        "dlib's descriptor (128 features, aligned by its five points). Not a cosine and not CSIM: different people "
        "reach a cosine of 0.85 with this network."
    )
    blind = (
        "Mirrored pictures, swapped colours and half the brightness count as the same person. Two people who look "
        "alike reach 0.59, and all drawn ones: the self-test's actors are one person by this threshold. "
    )
    source = "King 2017, dlib's face_recognition_model_v1 and its threshold 0.6"
    return {
        "identity_distance_reference": Score(
            "nearer-reference", "", (0.0, float("inf")), {"identity": "+"}, (),
            description=f"Mean distance of every generated frame from the identity frame, that frame left out. {common}",
            source=source,
            formula="mean over frames t, t not the identity frame, of |e(g_t) − e(r_i)|; e: descriptor, r_i: identity frame",
            biases=_STILL + blind + _LIMITS,
        ),
        "identity_distance_paired": Score(
            "lower", "", (0.0, float("inf")), {"identity": "+"}, (),
            description=f"Mean distance of every generated frame from the reference's same frame. {common}",
            source=source,
            formula="mean over frames t of |e(g_t) − e(r_t)|; e: descriptor",
            biases=_PAIRED + blind + _LIMITS,
        ),
        "identity_same_reference": Score(
            "higher", "share of frames", (0.0, 1.0), {}, (),
            description=f"Share of frames nearer than 0.6 to the identity frame: one person's, by dlib's threshold. {common}",
            source=source,
            formula="share of frames t, t not the identity frame, with |e(g_t) − e(r_i)| < 0.6",
            biases=blind + _LIMITS,
        ),
        "identity_same_paired": Score(
            "higher", "share of frames", (0.0, 1.0), {}, (),
            description=f"Share of frames nearer than 0.6 to the reference's same frame. {common}",
            source=source,
            formula="share of frames t with |e(g_t) − e(r_t)| < 0.6",
            biases=blind + _LIMITS,
        ),
    }  # fmt: skip
