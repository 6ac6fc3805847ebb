"""The face's moving outlines: eyes, brows, mouth as curves over all frames, before the head turns.

Curves are [T, n, 2] in face coordinates. Parameters run from the picture's left (-1) to its right
(1); image-left features carry iBUG's lower numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thbench_puppet.acting import Acting
from thbench_puppet.actors import Face
from thbench_puppet.motion import Motion
from thbench_puppet.timeline import Score, Track, at_frames

Curve = NDArray[np.float64]
OPENING = 0.155
"""Inner-lip opening of a full AA, half image widths."""
REST_SMILE = 0.008
"""How far the corners of a calm mouth rise."""
UPPER_SHARE = 0.22
"""Share of the opening that the upper lip makes; the jaw makes the rest."""


def _column(values: Track) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)[:, None]


def _curve(x: NDArray[np.float64], y: NDArray[np.float64]) -> Curve:
    return np.stack(np.broadcast_arrays(x, y), axis=-1)


# -- mouth --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Mouth:
    """[T] each, half image widths unless said otherwise.

    half     half the mouth's width; opening between the inner lips; corner how far corners rise
    pout     lips pushed forward, 0..1; press 0..1; tuck 0..1; sneer; tongue 0..1
    """

    face: Face
    half: Track
    opening: Track
    corner: Track
    pout: Track
    press: Track
    tuck: Track
    sneer: Track
    tongue: Track

    @property
    def jaw(self) -> Track:
        """How far the chin is lowered."""
        return (1 - UPPER_SHARE) * self.opening

    def inner_upper(self, s: NDArray[np.float64]) -> Curve:
        rise = _column(UPPER_SHARE * self.opening) * self._bow(s)
        return self._along(s, self.inner_half(), -rise)

    def inner_lower(self, s: NDArray[np.float64]) -> Curve:
        fall = _column((1 - UPPER_SHARE) * self.opening) * self._bow(s)
        return self._along(s, self.inner_half(), fall)

    def outer_upper(self, s: NDArray[np.float64]) -> Curve:
        thick = self.face.upper_lip * (
            1 + 0.35 * self.pout - 0.45 * self.press - 0.20 * self.spread
        )
        dip = 1.12 - 0.24 * np.exp(-((s / 0.15) ** 2))
        lift = _column(UPPER_SHARE * self.opening) * self._bow(s * 0.96)
        profile = (1 - np.abs(s) ** 1.45) * dip
        return self._along(s, self.half, -(lift + _column(thick) * 1.12 * profile))

    def outer_lower(self, s: NDArray[np.float64]) -> Curve:
        thick = self.face.lower_lip * (
            1 + 0.30 * self.pout - 0.45 * self.press - 0.20 * self.spread - 0.4 * self.tuck
        )
        fall = _column((1 - UPPER_SHARE) * self.opening) * self._bow(s * 0.96)
        profile = (1 - np.abs(s) ** 2.2) ** 0.95
        return self._along(s, self.half, fall + _column(thick) * profile)

    def inner_half(self) -> Track:
        return self.half * (0.87 - 0.07 * self.pout)

    @property
    def spread(self) -> Track:
        """How far the mouth is drawn wide, 0..1."""
        return np.clip((self.half / self.face.mouth_width - 1) / 0.12, 0, 1)

    def _bow(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Opening profile: 1 in the middle, 0 at the corners; rounder when pouting."""
        power = _column(0.78 - 0.28 * self.pout)
        return np.asarray(np.clip(1 - np.abs(s) ** 2, 0, 1) ** power)

    def _along(self, s: NDArray[np.float64], half: Track, offset: NDArray[np.float64]) -> Curve:
        """Points across the mouth; the corners rise, the middle feels a sneer."""
        x = _column(half) * s
        bend = -_column(self.corner + REST_SMILE) * (np.abs(s) ** 1.8 - 0.25)
        sneer = -_column(self.sneer) * np.where(offset < 0, 1, 0.25) * (1 - 0.5 * s**2)
        return _curve(x, self.face.mouth_y + bend + sneer + offset)


def mouth_of(score: Score) -> Mouth:
    """The mouth's course over a clip."""
    face, acting = score.actor.face, score.acting
    press = at_frames(score, score.press)
    tuck = at_frames(score, score.tuck)
    opened = at_frames(score, score.open) * (1 + acting.vigour)
    opened = opened + acting.part * (1 - press) * (1 - tuck) * (1 - np.clip(opened, 0, 1))
    round_ = at_frames(score, score.round)
    width = at_frames(score, score.width)
    half = face.mouth_width * (1 + 0.10 * width - 0.24 * round_ - 0.05 * opened)
    return Mouth(
        face=face,
        half=half * (1 + acting.stretch * (1 - 0.5 * round_)),
        opening=OPENING * np.clip(opened, 0, 1.5),
        corner=np.full(score.n_frames, acting.corner) * (1 - 0.35 * round_),
        pout=np.clip(round_, 0, 1),
        press=press,
        tuck=tuck,
        sneer=np.full(score.n_frames, acting.sneer),
        tongue=at_frames(score, score.tongue),
    )


# -- eyes and brows -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye; `side` -1 is the picture's left."""

    face: Face
    side: int
    blink: Track
    lids: float
    squint: float

    def upper(self, s: NDArray[np.float64]) -> Curve:
        height = self.face.eye_height * (1 + self.lids)
        arch = np.clip(1 - np.abs(s + 0.12 * self.side * -1) ** 2.0, 0, 1) ** 0.75
        blink = _column(self.blink)
        return self._placed(s, -1.12 * height * arch * (1 - blink) + self._low(s) * blink)

    def lower(self, s: NDArray[np.float64]) -> Curve:
        return self._placed(s, self._low(s))

    def crease(self, s: NDArray[np.float64]) -> Curve:
        height = self.face.eye_height * (1.75 + 0.7 * self.lids)
        return self._placed(
            s, -_column(1 - 0.30 * self.blink) * height * np.clip(1 - 0.8 * s**2, 0, 1) ** 0.7
        )

    def _low(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """[T, n] the lower lid's height below the corners."""
        height = self.face.eye_height * (0.72 - 0.40 * self.squint)
        return _column(1 - 0.35 * self.blink) * height * np.clip(1 - s**2, 0, 1) ** 0.8

    def _placed(self, s: NDArray[np.float64], y: NDArray[np.float64]) -> Curve:
        tilt = -self.face.eye_slant * s * self.side
        return _curve(
            self.side * self.face.eye_x + self.face.eye_width * s, self.face.eye_y + tilt + y
        )


def eye_of(face: Face, acting: Acting, motion: Motion, side: int) -> Eye:
    return Eye(face, side, motion.blink, acting.lids, acting.squint)


def iris_of(eye: Eye, motion: Motion, scale: float, aside: float = 0.0) -> tuple[Curve, Curve]:
    """Upper and lower edge of the iris (scale 1), or of a smaller disc in it, cut off by the lids.

    `aside` moves the disc up and to the left, in radii of the iris.
    """
    face, angles = eye.face, np.linspace(np.pi, 0, 15)
    radius = 0.40 * face.eye_width
    x = 0.030 * _column(motion.gaze_x) + radius * (scale * np.cos(angles) - aside)
    y = face.eye_y - 0.10 * face.eye_height + 0.014 * _column(motion.gaze_y) - aside * radius
    tall = radius * scale * np.sin(angles)
    top, bottom = _lid_at(eye, x / face.eye_width)
    top = np.minimum(top, bottom)
    x = x + eye.side * face.eye_x
    return _curve(x, np.clip(y - tall, top, bottom)), _curve(x, np.clip(y + tall, top, bottom))


def _lid_at(eye: Eye, s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inside = np.clip(s, -1, 1)
    return eye.upper(inside)[..., 1], eye.lower(inside)[..., 1]


def brow_of(face: Face, acting: Acting, motion: Motion, side: int, s: NDArray[np.float64]) -> Curve:
    """The brow's middle line, from the picture's left (-1) to its right (1)."""
    inward = (1 - side * s) / 2  # 1 at the nose
    raised = acting.brow_inner * inward**1.3 + acting.brow_outer * (1 - inward)
    arch = face.brow_arch * (1 - 0.9 * (side * s - 0.12) ** 2)
    lift = 0.022 * _column(motion.lift) - 0.006 * _column(motion.blink)
    x = side * (face.eye_x + 0.018 - acting.furrow * inward) + 0.122 * s
    y = face.eye_y - face.brow_gap - arch - raised - lift + 0.024 * (1 - inward) ** 1.6
    return _curve(x, y)


def brow_thickness(face: Face, side: int, s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half thickness along the brow: full at the nose, thin at the temple."""
    outward = (1 + side * s) / 2
    return np.asarray(
        face.brow_thickness * (1 - 0.75 * outward**1.5) * np.clip(8 * (1 - outward), 0, 1) ** 0.5
    )
