"""The metric `silent_mouth`: a mouth that moves while nobody speaks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thbench.api import (
    FPS,
    ClipFailure,
    Context,
    Extractor,
    Observation,
    Observations,
    Pair,
    Score,
    Video,
    mean_of_rows,
)
from thbench_expression import SilentOptions
from thbench_expression.mouth import SHORTEST, movement, opening, silent_frames
from thbench_expression.source import Faces, face_source

__all__ = ["SilentMouth", "pauses"]

SMALLEST_IO = {"mesh": 16.0, "puppet-v1": 0.0}
"""Pixels between the eyes below which the points tremble more than a silent mouth moves: on a real head of 64
pixels (11 between the eyes) a mouth that was frozen measured no less than before (docs/expression.md)."""


def pauses(speech: Extractor, video: Video) -> NDArray[np.bool_]:
    """[T] frames in pauses of 0.3 s and longer. Raises ClipFailure where there is none, or no speech at all."""
    heard = np.asarray(speech(video), bool)[: video.n_frames]
    silent = np.zeros(video.n_frames, bool)
    silent[: len(heard)] = silent_frames(heard)
    if not silent.any():
        raise ClipFailure(f"no pause of {SHORTEST:g} s in the speech")
    return silent


class SilentMouth:
    """Mean change of the mouth's opening per frame in the pauses of a clip."""

    def __init__(self, options: SilentOptions, context: Context) -> None:
        self._faces = face_source(options, context)
        self._speech = context.extractor("speech_activity", method=options.vad)
        self._smallest = SMALLEST_IO[options.points]
        self.scores: Mapping[str, Score] = {"silent_mouth": score_of(options)}

    def observe(self, pair: Pair) -> Observation:
        """Rows silent_mouth, silent_seconds; arrays opening [T] (NaN: not seen) and silent [T] 0 or 1."""
        silent = pauses(self._speech, pair.generated)
        faces = self._faces(pair.generated)
        require_large(faces, self._smallest)
        curve = opening_of(faces)
        rows = {
            "silent_mouth": movement(curve, silent),
            "silent_seconds": float(silent.sum()) / FPS,
        }
        return Observation(rows, {"opening": curve, "silent": silent.astype(np.float64)})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"silent_mouth": mean_of_rows(observed.generated, "silent_mouth")}


def require_large(faces: Faces, smallest: float) -> None:
    """Raises ClipFailure where the eyes are nearer to each other than `smallest` pixels."""
    if faces.known.any() and (typical := float(np.nanmedian(faces.io))) < smallest:
        raise ClipFailure(f"eyes {typical:.0f} px apart: a silent mouth needs {smallest:g}")


def opening_of(faces: Faces) -> NDArray[np.float64]:
    """[T] opening of the inner lips in interocular distances, NaN where the face is not seen or turned away."""
    curve = opening(faces.points, faces.layout.opening, faces.io)
    return np.where(faces.frontal, curve, np.nan)


REACTS: Mapping[str, Mapping[str, str]] = {
    "mesh": {"mouth_delay": "+"},
    "puppet-v1": {"mouth_delay": "+", "mouth": "-"},
}
"""A drawn mouth hardly moves in a pause: how much less it moves when held still, the mesh's trembling hides."""


def score_of(options: SilentOptions) -> Score:
    vad = {"energy": "energy of 300-3000 Hz", "silero": "Silero VAD"}[options.vad]
    return Score(
        "nearer-reference", "eye distances per frame", (0.0, float("inf")), REACTS[options.points],
        description=f"Mean change of the inner lips' opening per frame in pauses of {SHORTEST:g} s and longer; speech by {vad}.",
        source="silent lips of THEval, measured as movement; definition of this project",
        formula="mean over t, t and t + 1 in a pause, of |o(t + 1) − o(t)|; o: mean distance of three pairs of inner-lip points "
        "over the interocular distance; mean over clips",
        biases="Trembling of the points is its floor, more so while the head turns: on drawn faces it hides a mouth that is held still; faces whose eyes are less than 16 px apart are refused. Breath and the start of the next word move real mouths too, so nearer "
        "to the ground truth is better. Music or a second voice counts as speech.",
    )  # fmt: skip
