"""Three measures of THEval that need the mesh alone, as published: for comparison with its table only.

Source: THEval (github Newbyl/THEval, commit cfe23fe of 2026-05-29). It sees 478 points of MediaPipe's
mesh with irises; the first 468, which are used here, are the same network's family but another file.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Context, Observation, Observations, Pair, Score, mean_of_rows
from thbench_expression import PointsOptions, SilentOptions, ThevalOptions
from thbench_expression.layout import Layout
from thbench_expression.mouth import spread
from thbench_expression.silent_metric import opening_of, pauses
from thbench_expression.source import face_source, require_frontal

__all__ = ["Eyebrow", "LipDynamics", "SilentLips", "eyebrow_movement", "lip_dynamics"]

SQUEEZED = 256
FEWEST = 2


def lip_dynamics(lips: NDArray[np.float64]) -> float:
    """Mean over all pairs of lip points of the standard deviation over time of their distance.

    Args:
        lips: [T, n, 2] finite, any unit; the value is in the same.
    """
    a, b = np.triu_indices(lips.shape[1], k=1)
    return float(np.linalg.norm(lips[:, a] - lips[:, b], axis=-1).std(axis=0).mean())


def eyebrow_movement(points: NDArray[np.float64], layout: Layout) -> float:
    """Mean |change| per frame of the distance of brow and eye over that of the eyes, mean of both sides.

    Args:
        points: [T, N, 2 or more] finite, T >= 2; x and y are used.
    """
    flat = points[..., :2]
    half = len(layout.eyes) // 2
    eyes = [flat[:, list(part)].mean(axis=1) for part in (layout.eyes[:half], layout.eyes[half:])]
    brows = [flat[:, list(part)].mean(axis=1) for part in (layout.brow_right, layout.brow_left)]
    apart = np.linalg.norm(eyes[0] - eyes[1], axis=-1)
    heights = [np.linalg.norm(b - e, axis=-1) / apart for b, e in zip(brows, eyes, strict=True)]
    return float(np.mean([np.abs(np.diff(h)).mean() for h in heights]))


class LipDynamics:
    """Per clip; the set's value is the mean over clips."""

    def __init__(self, options: ThevalOptions, context: Context) -> None:
        self._faces = face_source(options, context)
        self._io = options.unit == "io"
        self.scores: Mapping[str, Score] = {"theval_lip_dynamics": _lips_score(options)}

    def observe(self, pair: Pair) -> Observation:
        faces = self._faces(pair.generated)
        require_frontal(faces, FEWEST)
        lips = faces.seen[:, list(faces.layout.lips), :2]
        unit = faces.io[faces.known][:, None, None] if self._io else pair.generated.size / SQUEEZED
        return Observation({"theval_lip_dynamics": lip_dynamics(lips / unit)})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"theval_lip_dynamics": mean_of_rows(observed.generated, "theval_lip_dynamics")}


class Eyebrow:
    """Per clip; the set's value is the mean over clips."""

    def __init__(self, options: PointsOptions, context: Context) -> None:
        self._faces = face_source(options, context)
        self.scores: Mapping[str, Score] = {"theval_eyebrow": _EYEBROW}

    def observe(self, pair: Pair) -> Observation:
        faces = self._faces(pair.generated)
        require_frontal(faces, FEWEST)
        value = eyebrow_movement(faces.seen, faces.layout)
        return Observation({"theval_eyebrow": value})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"theval_eyebrow": mean_of_rows(observed.generated, "theval_eyebrow")}


class SilentLips:
    """Per clip with a pause; the set's value is the mean over clips."""

    def __init__(self, options: SilentOptions, context: Context) -> None:
        self._faces = face_source(options, context)
        self._speech = context.extractor("speech_activity", method=options.vad)
        self.scores: Mapping[str, Score] = {"theval_silent_lips": _silent_score(options)}

    def observe(self, pair: Pair) -> Observation:
        silent = pauses(self._speech, pair.generated)
        value = spread(opening_of(self._faces(pair.generated)), silent)
        if not np.isfinite(value):
            raise ClipFailure("no frame of a pause shows the mouth")
        return Observation({"theval_silent_lips": value})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"theval_silent_lips": mean_of_rows(observed.generated, "theval_silent_lips")}


_SOURCE = "THEval, github Newbyl/THEval cfe23fe"
_HERE = "Only for comparison with THEval's table, and on other points than its 478: expect the order, not the digits. "
_BRIDGED = "Frames without a face are bridged silently. "


def _lips_score(options: ThevalOptions) -> Score:
    published = options.unit == "256px"
    defects = (
        "Not divided by the face's size: a larger face scores higher. Distances are of the frame squeezed to 256 x 256, "
        "so another crop is another value. "
        if published
        else "Each frame divided by its own interocular distance, which THEval does not do. "
    )
    return Score(
        "nearer-reference", "pixels of 256" if published else "eye distances", (0.0, float("inf")), {}, ("delay",),
        description=_HERE + "Mean over the 780 pairs of 40 lip points of the standard deviation over time of their distance.",
        source=_SOURCE,
        formula="mean over pairs (i, j) of std over t of |p_i(t) − p_j(t)|, mean over clips",
        biases=defects + "Turning and nearing of the head change the distances and count as lip movement. " + _BRIDGED,
    )  # fmt: skip


_EYEBROW = Score(
    "nearer-reference", "eye distances per frame", (0.0, float("inf")), {}, ("delay",),
    description=_HERE + "Mean change per frame of the distance between brow and eye over the distance of the eyes.",
    source=_SOURCE,
    formula="mean over sides and t of |h(t + 1) − h(t)|; h: distance of the brow's centre from the eye's, over that of the eyes",
    biases="A blink moves the centre of the eye, so blinking counts as brow movement; trembling of the points adds up. "
    + _BRIDGED,
)  # fmt: skip


def _silent_score(options: SilentOptions) -> Score:
    return Score(
        "nearer-reference", "eye distances", (0.0, float("inf")), {}, (),
        description=_HERE + "Median over the frames of pauses of |x − mean of x|, x the inner lips' opening over the eyes' "
        f"distance; speech by {options.vad}" + ("." if options.vad == "silero" else ", THEval uses Silero."),
        source=_SOURCE,
        formula="median over t in pauses of |x(t) − mean of x|, mean over clips",
        biases="A mouth that trembles for a third of the pause is not seen by the median; one that hangs open is not either. "
        "THEval seeks frame by frame and sees BGR as RGB.",
    )  # fmt: skip
