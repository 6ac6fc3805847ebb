"""The metric `expression_frechet`: how far the expressions of a set are from the reference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from thbench.api import ClipFailure, Context, Observation, Observations, Observed, Pair, Score
from thbench_expression import PointsOptions
from thbench_expression.expression import alternate_blocks, expression, neutral
from thbench_expression.source import Faces, face_source, require_frontal
from thbench_fid.frechet import fid_from_moments
from thbench_fid.moments import Moments, moments

__all__ = ["ExpressionFrechet"]

PARTS = ("mouth", "brow_eye")
UNIT = 1000.0
"""Values are in thousandths of a squared interocular distance."""
BLOCK = 10
FEWEST = 2 * BLOCK


class ExpressionFrechet:
    """Points of the mouth and of brows and eyes, without the head's pose and the person's neutral face."""

    def __init__(self, options: PointsOptions, context: Context) -> None:
        self._faces = face_source(options, context)
        self.scores: Mapping[str, Score] = scores_of(options)

    def observe(self, pair: Pair) -> Observation:
        """Arrays mouth and brow_eye [t, d] float32 and frame [t] of the frames with a face; row frames."""
        ours, theirs = self._faces(pair.generated), self._faces(pair.reference)
        seen = ours.frontal
        require_frontal(ours, FEWEST)
        require_frontal(theirs, FEWEST, "a face of the reference")
        like, io = _identity(theirs, pair.identity_index or 0)
        arrays: dict[str, NDArray[np.generic]] = {"frame": np.flatnonzero(seen)}
        for part in PARTS:
            rows = theirs.layout.lips if part == "mouth" else theirs.layout.brow_eye
            given = (like, theirs.layout.rigid, rows, io)
            found = expression(ours.points, *given)[seen]
            arrays[part] = (found - neutral(expression(theirs.points, *given))).astype(np.float32)
        return Observation({"frames": float(seen.sum())}, arrays)

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        with threadpool_limits(limits=1, user_api="blas"):
            found = {}
            for part in PARTS:
                theirs = _sum(observed.reference, part)
                found[f"expression_{part}"] = _distance(_sum(observed.generated, part), theirs)
                halves = [_sum(observed.reference, part, which) for which in (True, False)]
                found[f"expression_{part}_floor"] = _distance(*halves)
        return found

    def notes(self, observed: Observations) -> Sequence[str]:
        """Where frames are fewer than numbers per frame, the distance is biased upwards."""
        found = []
        for side, clips in (("generated", observed.generated), ("reference", observed.reference)):
            n = int(sum(o.rows["frames"] for o in clips))
            d = max(o.arrays[part].shape[1] for o in clips[:1] for part in PARTS) if clips else 0
            if n <= d:
                found.append(f"small n: {n} {side} frames for {d} numbers, compare only at equal n")
        return found


def _identity(faces: Faces, index: int) -> tuple[NDArray[np.float64], float]:
    """Points and interocular distance of the identity frame."""
    if not faces.known[index]:
        raise ClipFailure("no face in the identity frame")
    return faces.points[index], float(faces.io[index])


def _sum(clips: Sequence[Observed], part: str, block: bool | None = None) -> Moments:
    """Moments of all clips' frames, or of those in every second block of 10. Raises ClipFailure without any."""
    total: Moments | None = None
    for clip in clips:
        features = np.asarray(clip.arrays[part])
        if block is not None:
            frames = np.asarray(clip.arrays["frame"])
            features = features[alternate_blocks(int(frames[-1]) + 1, BLOCK)[frames] == block]
        sums = moments(features)
        total = sums if total is None else total + sums
    if total is None:
        raise ClipFailure("no clip was scored")
    return total


def _distance(a: Moments, b: Moments) -> float:
    return UNIT * fid_from_moments(a, b)


_EFID = (
    "Not E-FID. Three papers mean three things by that name: EMO the Fréchet distance of 64 expression coefficients "
    "of a reconstruction from single images (Deng et al. 2019), EchoMimic's text partly features of an Inception "
    "network, Hallo2's authors 79 coefficients of a tracker fitted to the whole clip (ER-NeRF). Their numbers can be "
    "compared with none of each other's, nor with this. "
)
_BIASES = (
    "Needs many frames: between halves of one real clip of 8 s it is 24 to 580, beyond a mouth exaggerated by half "
    "(about the floor). Order in time does not enter. Fewer frames than numbers per frame bias it upwards."
)


def scores_of(options: PointsOptions) -> dict[str, Score]:
    mesh = options.points == "mesh"
    counts = {"mouth": "40" if mesh else "20", "brow_eye": "52" if mesh else "22"}
    words = {"mouth": "lip points", "brow_eye": "points of brows and eyes"}
    found: dict[str, Score] = {}
    for part in PARTS:
        what = f"{counts[part]} {words[part]} ({'468-point mesh, x y z' if mesh else 'puppet-v1, x y'})"
        found[f"expression_{part}"] = Score(
            "lower", "thousandths of a squared eye distance", (0.0, float("inf")),
            {"mouth": "+"} if part == "mouth" else {"blinks": "+"}, ("delay",), set_level=True,
            description=f"Fréchet distance between generated and reference frames of {what}, brought onto the identity frame "
            f"by the similarity of rigid points, minus the person's neutral face. {_EFID}Read it beside its floor.",
            source="Heusel et al. 2017, eq. 6, of aligned points; definition of this project",
            formula="1000 (|m_g − m_r|² + tr(S_g + S_r − 2 (S_g S_r)^½)); m, S: mean and covariance of (A_t p_t − n) / io, A_t: "
            "least-squares similarity of rigid points, n: median of the reference clip, io: interocular distance",
            biases=_BIASES,
        )  # fmt: skip
        found[f"expression_{part}_floor"] = Score(
            "nearer-reference", "thousandths of a squared eye distance", (0.0, float("inf")), {},
            ("delay", "mouth", "head", "blinks", "identity", "blur", "freeze", "drop", "brightness", "noise"),
            set_level=True,
            description=f"The same distance between alternate blocks of {BLOCK} frames of the reference: what sampling alone "
            f"makes of {what}. A value near it says nothing.",
            source="definition of this project",
            formula=f"as expression_{part}, between blocks 1, 3, 5, ... and 2, 4, 6, ... of every reference clip",
            biases="Half the frames, so somewhat above the floor of whole sets. It says nothing of the system.",
        )  # fmt: skip
    return found
