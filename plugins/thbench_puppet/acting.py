"""What an emotion does to voice and face, and how strongly a level plays it."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Acting:
    """Deviations from calm speech; all zero is neutral.

    pitch, spread, tempo   relative change of mean pitch, of its range and of speed
    loudness               decibels; breath and tension of the voice in 0..1
    brow_inner, brow_outer how far the ends of the brows rise, half image widths
    furrow                 how far the brows come together
    corner                 how far the mouth's corners rise, half image widths
    stretch                relative widening of the mouth
    sneer                  how far the upper lip rises, half image widths
    lids                   relative opening of the eyes; squint lifts the lower lids, 0..1
    part                   lips held apart at rest, 0..1
    nod                    head pitch in degrees, positive up
    vigour                 relative size of mouth and head movements
    """

    pitch: float = 0.0
    spread: float = 0.0
    tempo: float = 0.0
    loudness: float = 0.0
    breath: float = 0.0
    tension: float = 0.0
    brow_inner: float = 0.0
    brow_outer: float = 0.0
    furrow: float = 0.0
    corner: float = 0.0
    stretch: float = 0.0
    sneer: float = 0.0
    lids: float = 0.0
    squint: float = 0.0
    part: float = 0.0
    nod: float = 0.0
    vigour: float = 0.0


FULL = {
    "ANG": Acting(
        pitch=0.24, spread=0.6, tempo=0.02, loudness=5, tension=1, brow_inner=-0.060,
        brow_outer=0.012, furrow=0.030, corner=-0.022, stretch=-0.02, sneer=0.006, lids=-0.05,
        squint=0.30, nod=-2.5, vigour=0.25,
    ),
    "DIS": Acting(
        pitch=-0.06, spread=0.1, tempo=-0.14, loudness=0.5, tension=0.4, brow_inner=-0.036,
        brow_outer=-0.018, furrow=0.018, corner=-0.026, stretch=0.02, sneer=0.024, lids=-0.32,
        squint=0.65, nod=2.0, vigour=-0.05,
    ),
    "FEA": Acting(
        pitch=0.34, spread=0.3, tempo=0.03, loudness=1, breath=0.6, tension=0.3,
        brow_inner=0.056, brow_outer=0.022, furrow=0.014, corner=-0.012, stretch=0.12,
        lids=0.30, part=0.16, nod=1.0, vigour=0.05,
    ),
    "HAP": Acting(
        pitch=0.26, spread=0.7, tempo=0.06, loudness=2, brow_inner=0.018, brow_outer=0.022,
        corner=0.042, stretch=0.22, sneer=0.004, lids=-0.08, squint=0.55, part=0.05, nod=1.5,
        vigour=0.15,
    ),
    "NEU": Acting(),
    "SAD": Acting(
        pitch=-0.10, spread=-0.45, tempo=-0.09, loudness=-5, breath=0.8, brow_inner=0.046,
        brow_outer=-0.024, furrow=0.012, corner=-0.036, stretch=-0.05, lids=-0.22, nod=-4.0,
        vigour=-0.22,
    ),
}  # fmt: skip
STRENGTH = {"LO": 0.40, "MD": 0.70, "HI": 1.0, "XX": 0.80}


def acting(emotion: str, level: str) -> Acting:
    """The deviations of `emotion` played at `level`."""
    full, strength = FULL[emotion], STRENGTH[level]
    return Acting(**{f.name: strength * getattr(full, f.name) for f in fields(Acting)})
