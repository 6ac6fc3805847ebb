"""The metrics `blinks` and `blink_duration`: over the set, because one clip is too short to say anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS, ClipFailure, Context, Observation, Observations, Observed, Pair, Score
from thbench_expression import PointsOptions
from thbench_expression.eyes import BlinkRule, blinks, eye_aspect_ratio, relative_openness
from thbench_expression.source import Faces, face_source, require_frontal
from thbench_face.mesh import TURNED

__all__ = ["BlinkDuration", "BlinkRate"]

RULE = BlinkRule()
FEWEST = 25
"""Frames of a clip with both eyes seen: a second, or its median says nothing of open eyes."""
SMALLEST_EYE = {"mesh": 8.0, "puppet-v1": 4.0}
"""Pixels of an eye's width below which blinks are missed: on real heads of 64 pixels (eyes of 6) the mesh
finds 1 of 5 blinks of one clip; drawn eyes are found down to 4 (docs/expression.md)."""
SHUT = {"mesh": 0.12, "puppet-v1": 0.45}
"""A median openness below this is that of closed eyes, whoever's they are: aspect ratios of open eyes are 0.2 to
0.4 by the mesh; drawn eyes are 1 open, and 0.6 to 1.2 as generators draw them."""
FEW = 10
"""Blinks of a set below which its rate is marked."""


class _Blinks:
    """What both metrics observe: rows blinks, seconds (seen), closed_seconds; array openness [T]."""

    def __init__(self, options: PointsOptions, context: Context) -> None:
        self._faces = face_source(options, context)
        self._smallest, self._shut = SMALLEST_EYE[options.points], SHUT[options.points]

    def observe(self, pair: Pair) -> Observation:
        faces = self._faces(pair.generated)
        ratio = self._ratio(faces)
        require_open(ratio, self._shut)
        if faces.openness is None:
            require_as_open(ratio, self._open_ratio(pair))
        openness = relative_openness(ratio)
        found = blinks(openness, RULE)
        rows = {
            "blinks": float(len(found)),
            "seconds": float(np.isfinite(openness).sum()) / FPS,
            "closed_seconds": float(sum(b.seconds for b in found)),
        }
        return Observation(rows, {"openness": openness})

    def _ratio(self, faces: Faces) -> NDArray[np.float64]:
        """[T] mean eye aspect ratio of both eyes up to a factor, NaN where they are not seen. Raises ClipFailure."""
        seen = faces.frontal
        require_frontal(faces, FEWEST)
        eyes = [faces.points[:, list(side)] for side in (faces.layout.right, faces.layout.left)]
        width = np.mean([np.linalg.norm(e[:, 0] - e[:, 3], axis=-1) for e in eyes], axis=0)
        if (typical := float(np.median(width[seen]))) < self._smallest:
            raise ClipFailure(f"eyes {typical:.1f} px wide: blinks need {self._smallest:g}")
        if faces.openness is not None:
            return np.where(seen, faces.openness, np.nan)
        return np.where(seen, np.mean([eye_aspect_ratio(e) for e in eyes], axis=0), np.nan)

    def _open_ratio(self, pair: Pair) -> float:
        """Median eye aspect ratio of the reference; 0 where that cannot be measured."""
        try:
            return float(np.nanmedian(self._ratio(self._faces(pair.reference))))
        except ClipFailure:
            return 0.0


def require_open(ratio: NDArray[np.float64], shut: float) -> None:
    """Raises ClipFailure where the median of [T] aspect ratios is below `shut`."""
    if (median := float(np.nanmedian(ratio))) < shut:
        raise ClipFailure(f"eyes closed most of the time: median aspect ratio {median:.2f}")


def require_as_open(ratio: NDArray[np.float64], of_reference: float) -> None:
    """Raises ClipFailure where the median of [T] is that of closed eyes beside the reference's median.

    By the mesh closed eyes have 0.12 to 0.20 and open ones 0.21 to 0.35, by person: what is shut is told by
    the same person's eyes.
    """
    median = float(np.nanmedian(ratio))
    if median < RULE.closed * of_reference:
        raise ClipFailure(
            f"eyes closed most of the time: median aspect ratio {median:.2f}, of the reference "
            f"{of_reference:.2f}"
        )


def sums(observed: Sequence[Observed], row: str) -> float:
    return float(sum(o.rows[row] for o in observed))


def blink_rate(observed: Sequence[Observed]) -> float:
    """Blinks per second of all clips together. Raises ClipFailure without any clip."""
    if not observed:
        raise ClipFailure("no clip was scored")
    return sums(observed, "blinks") / sums(observed, "seconds")


def blink_duration(observed: Sequence[Observed]) -> float:
    """Seconds of a blink, over all of them. Raises ClipFailure where nobody blinks."""
    count = sums(observed, "blinks")
    if not count:
        raise ClipFailure(f"no blink in {len(observed)} clips")
    return sums(observed, "closed_seconds") / count


class BlinkRate(_Blinks):
    """Blinks per second over the set."""

    def __init__(self, options: PointsOptions, context: Context) -> None:
        super().__init__(options, context)
        self.scores: Mapping[str, Score] = {"blink_rate": _rate_score(options)}

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"blink_rate": blink_rate(observed.generated)}

    def notes(self, observed: Observations) -> Sequence[str]:
        count, seconds = (sums(observed.generated, row) for row in ("blinks", "seconds"))
        return [f"few blinks: {count:.0f} in {seconds:.0f} s"] if count < FEW else []

    def without_actors(self, observed: Observations) -> Mapping[str, Mapping[str, float]] | None:
        """The rate of all other actors, from sums per actor."""
        return _without(observed, "blink_rate", "blinks", "seconds")


class BlinkDuration(_Blinks):
    """Seconds of a blink over the set."""

    def __init__(self, options: PointsOptions, context: Context) -> None:
        super().__init__(options, context)
        self.scores: Mapping[str, Score] = {"blink_duration": _duration_score(options)}

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {"blink_duration": blink_duration(observed.generated)}

    def notes(self, observed: Observations) -> Sequence[str]:
        count = sums(observed.generated, "blinks")
        return [f"few blinks: {count:.0f}"] if count < FEW else []

    def without_actors(self, observed: Observations) -> Mapping[str, Mapping[str, float]] | None:
        """The mean of all other actors' blinks, from sums per actor."""
        return _without(observed, "blink_duration", "closed_seconds", "blinks")


def _without(
    observed: Observations, name: str, above: str, below: str
) -> Mapping[str, Mapping[str, float]] | None:
    """Ratio of two sums without each actor; None where that is undefined for one of them."""
    clips = observed.generated
    totals = {row: sums(clips, row) for row in (above, below)}
    found: dict[str, Mapping[str, float]] = {}
    for actor in sorted({o.clip.actor for o in [*clips, *observed.reference]}):
        own = [o for o in clips if o.clip.actor == actor]
        rest = totals[below] - sums(own, below)
        if rest <= 0:
            return None
        found[actor] = {name: (totals[above] - sums(own, above)) / rest}
    return found


def _how(options: PointsOptions) -> str:
    points = (
        "of the 468-point mesh, mean of both eyes,"
        if options.points == "mesh"
        else "read from features of a network of puppets,"
    )
    return (
        f"Eye aspect ratio {points} over the clip's median: closed below {RULE.closed:g} "
        f"until above {RULE.opened:g}, {RULE.shortest} to {RULE.longest} frames, gaps of {RULE.bridged} frame bridged."
    )


def _biases(options: PointsOptions) -> str:
    return (
        f"Frames turned away by more than {TURNED:g} degrees do not count; clips whose eyes are closed most of the time, and clips with eyes narrower than "
        f"{SMALLEST_EYE[options.points]:g} px are refused: there blinks are missed. Blinks cut off by the clip's ends are "
        "not counted. A look down can pass for a blink. The published absolute threshold of 0.2 is not used: open eyes "
        "have 0.20 to 0.40, by network and person."
    )


def _rate_score(options: PointsOptions) -> Score:
    return Score(
        "nearer-reference", "per second", (0.0, 12.5), {"blinks": "-"}, ("delay",), set_level=True,
        description=f"Blinks of all clips over their seconds. {_how(options)}",
        source="Soukupova and Cech 2016 (eye aspect ratio); blinks per second as DAWN reports them",
        formula="Σ blinks / Σ seconds in which both eyes are seen; EAR = (|p2 − p6| + |p3 − p5|) / (2 |p1 − p4|)",
        biases=_biases(options),
    )  # fmt: skip


def _duration_score(options: PointsOptions) -> Score:
    return Score(
        "nearer-reference", "seconds", (RULE.shortest / FPS, RULE.longest / FPS), {}, ("delay",), set_level=True,
        description=f"Mean length of a blink over all blinks of the set. {_how(options)}",
        source="Soukupova and Cech 2016 (eye aspect ratio)",
        formula="Σ seconds closed / Σ blinks",
        biases="Whole frames of 40 ms: a blink of 0.1 s is two or three of them. " + _biases(options),
    )  # fmt: skip
