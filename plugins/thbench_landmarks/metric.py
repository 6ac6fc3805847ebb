"""The metrics: thin classes around distance.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from thbench_landmarks import LmdOptions, LvdOptions
from thbench_landmarks.alignment import FACE, MOUTH, Plane, as_plane
from thbench_landmarks.cards import lmd_scores, lvd_scores
from thbench_landmarks.distance import (
    distances,
    noise_floor,
    velocity_distance,
    warped_distance,
)

__all__ = ["LandmarkDistance", "LandmarkVelocityDistance"]


def courses(pair: Pair, landmarks: Extractor) -> tuple[Plane, Plane]:
    """[T, 68] of the generated and the reference video; NaN where no face was found.

    Raises ClipFailure where they differ in length or size, or where either has too few faces.
    """
    generated, reference = pair.generated, pair.reference
    if (generated.n_frames, generated.size) != (reference.n_frames, reference.size):
        raise ClipFailure(
            f"{generated.n_frames} frames of {generated.size} px against a reference of "
            f"{reference.n_frames} of {reference.size} px"
        )
    found = as_plane(landmarks(generated))
    try:
        return found, as_plane(landmarks(reference))
    except ClipFailure as failure:
        raise ClipFailure(f"the reference: {failure.reason}") from failure


def compared(
    generated: Plane, reference: Plane, identity: int | None, max_missing: float
) -> NDArray[np.intp]:
    """Frames with a face in both videos, without the identity frame.

    Raises ClipFailure where more than the share `max_missing` of the frames has none in one of them.
    """
    wanted = np.delete(np.arange(len(generated)), [] if identity is None else [identity])
    if not len(wanted):
        raise ClipFailure("nothing to compare beside the identity frame")
    known = np.isfinite(generated[wanted, 0]) & np.isfinite(reference[wanted, 0])
    count = int(known.sum())
    if not count or len(wanted) - count > max_missing * len(wanted):
        raise ClipFailure(f"a face in both videos in only {count} of {len(wanted)} frames")
    return wanted[known]


class LandmarkDistance:
    """LMD per clip, of the mouth and of the whole face; the set's value is the mean of the clips' means."""

    def __init__(self, options: LmdOptions, context: Context) -> None:
        self._options = options
        self._landmarks = context.extractor(
            "landmarks68", network=options.landmarks, max_missing=options.max_missing
        )
        self.scores: Mapping[str, Score] = lmd_scores(options)

    def observe(self, pair: Pair) -> Observation:
        """Rows m_lmd, f_lmd, lmd_missing (share of frames left out); array m_lmd over time, NaN where left out."""
        o = self._options
        p, q = courses(pair, self._landmarks)
        identity = pair.identity_index if o.skip_identity else None
        frames = compared(p, q, identity, o.max_missing)
        course = np.full(len(p), np.nan)
        course[frames] = distances(p[frames], q[frames], MOUTH, o.form)
        rows = {
            name: self._value(p[frames], q[frames], part)
            for name, part in (("m_lmd", MOUTH), ("f_lmd", FACE))
        }
        wanted = len(p) - (identity is not None)
        rows["lmd_missing"] = 1 - len(frames) / wanted
        return Observation(rows, {"mouth_distance": course})

    def _value(self, p: Plane, q: Plane, part: slice) -> float:
        o = self._options
        if o.dtw:
            return warped_distance(p, q, part, o.form, o.dtw)
        return float(distances(p, q, part, o.form).mean())

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {name: mean_of_rows(observed.generated, name) for name in ("m_lmd", "f_lmd")}

    def notes(self, observed: Observations) -> Sequence[str]:
        shares = [o.rows["lmd_missing"] for o in observed.generated]
        left_out = [s for s in shares if s > 0]
        if not left_out:
            return ()
        return [
            f"{np.mean(shares):.1%} of the frames have no face in one of the videos and are left out "
            f"({len(left_out)} of {len(shares)} clips)"
        ]


class LandmarkVelocityDistance:
    """LVD of the mouth per clip beside what trembling alone would give."""

    def __init__(self, options: LvdOptions, context: Context) -> None:
        self._landmarks = context.extractor(
            "landmarks68", network=options.landmarks, max_missing=options.max_missing
        )
        self.scores: Mapping[str, Score] = lvd_scores()

    def observe(self, pair: Pair) -> Observation:
        """Rows m_lvd and m_lvd_floor; array mouth_velocity_distance [T - 1], NaN without a face."""
        p, q = courses(pair, self._landmarks)
        course = velocity_distance(p, q, MOUTH)
        floor = noise_floor(p, q, MOUTH)
        if np.isnan(floor):
            raise ClipFailure(
                "no three neighbouring frames with a face: the noise floor is unknown"
            )
        rows = {"m_lvd": float(np.nanmean(course)), "m_lvd_floor": floor}
        return Observation(rows, {"mouth_velocity_distance": course})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {name: mean_of_rows(observed.generated, name) for name in ("m_lvd", "m_lvd_floor")}
