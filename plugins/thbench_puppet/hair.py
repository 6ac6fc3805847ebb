"""Hair styles: what hangs behind the head and what lies upon it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench_puppet.actors import Actor
from thbench_puppet.canvas import Canvas, Field, ellipse, smooth_path
from thbench_puppet.seeds import generator

Outline = NDArray[np.float64]


def _half_skull(who: Actor, thick: float, low: float) -> Outline:
    """From the left side at height `low` over the crown to the right, `thick` outside the skull."""
    face = who.face
    wide, tall = face.half_width + thick * 0.55 + 0.012, face.eye_y - face.crown_y + thick
    angle = np.linspace(np.pi, 0, 60)
    x = wide * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.80
    arc = np.stack([x, face.eye_y - tall * np.sin(angle) ** 0.92], axis=1)
    return np.concatenate([[[-wide * 0.99, low]], arc, [[wide * 0.99, low]]])


def _hairline(who: Actor) -> list[tuple[float, float]]:
    """The lower edge of the hair on the head, right to left."""
    face, e = who.face, who.face.eye_y
    w = face.half_width
    lines: dict[str, list[tuple[float, float]]] = {
        "short": [(w * 1.0, e + 0.04), (w * 0.90, e - 0.16), (w * 0.74, e - 0.33), (0.0, e - 0.385), (-w * 0.74, e - 0.33), (-w * 0.90, e - 0.16), (-w * 1.0, e + 0.04)],
        "buzz": [(w * 1.0, e - 0.02), (w * 0.86, e - 0.20), (w * 0.66, e - 0.37), (0.0, e - 0.405), (-w * 0.66, e - 0.37), (-w * 0.86, e - 0.20), (-w * 1.0, e - 0.02)],
        "side": [(w * 1.0, e + 0.04), (w * 0.90, e - 0.14), (w * 0.72, e - 0.26), (w * 0.2, e - 0.31), (-w * 0.36, e - 0.42), (-w * 0.72, e - 0.34), (-w * 0.92, e - 0.15), (-w * 1.0, e + 0.04)],
        "receding": [(w * 1.0, e - 0.0), (w * 0.92, e - 0.20), (w * 0.70, e - 0.46), (w * 0.36, e - 0.52), (0.0, e - 0.455), (-w * 0.36, e - 0.52), (-w * 0.70, e - 0.46), (-w * 0.92, e - 0.20), (-w * 1.0, e - 0.0)],
        "swept": [(w * 1.0, e + 0.02), (w * 0.90, e - 0.20), (w * 0.66, e - 0.40), (0.0, e - 0.44), (-w * 0.66, e - 0.40), (-w * 0.90, e - 0.20), (-w * 1.0, e + 0.02)],
        "messy": [(w * 1.0, e + 0.05), (w * 0.90, e - 0.14), (w * 0.62, e - 0.30), (w * 0.40, e - 0.24), (w * 0.16, e - 0.33), (-w * 0.14, e - 0.25), (-w * 0.40, e - 0.33), (-w * 0.66, e - 0.26), (-w * 0.90, e - 0.14), (-w * 1.0, e + 0.05)],
        "fringe": [(w * 1.02, e + 0.30), (w * 0.90, e + 0.02), (w * 0.80, e - 0.16), (w * 0.4, e - 0.260), (0.0, e - 0.270), (-w * 0.4, e - 0.260), (-w * 0.80, e - 0.16), (-w * 0.90, e + 0.02), (-w * 1.02, e + 0.30)],
        "parted": [(w * 1.04, e + 0.40), (w * 0.93, e + 0.05), (w * 0.80, e - 0.20), (w * 0.45, e - 0.36), (0.0, e - 0.50), (-w * 0.45, e - 0.36), (-w * 0.80, e - 0.20), (-w * 0.93, e + 0.05), (-w * 1.04, e + 0.40)],
        "long": [(w * 1.04, e + 0.40), (w * 0.95, e + 0.08), (w * 0.86, e - 0.16), (w * 0.60, e - 0.29), (w * 0.1, e - 0.38), (-w * 0.42, e - 0.47), (-w * 0.80, e - 0.26), (-w * 0.95, e + 0.05), (-w * 1.04, e + 0.40)],
        "bob": [(w * 1.04, e + 0.44), (w * 0.93, e + 0.14), (w * 0.86, e - 0.14), (w * 0.56, e - 0.27), (0.0, e - 0.33), (-w * 0.56, e - 0.30), (-w * 0.86, e - 0.14), (-w * 0.93, e + 0.14), (-w * 1.04, e + 0.44)],
        "bun": [(w * 1.0, e - 0.02), (w * 0.88, e - 0.22), (w * 0.62, e - 0.39), (0.0, e - 0.45), (-w * 0.62, e - 0.39), (-w * 0.88, e - 0.22), (-w * 1.0, e - 0.02)],
        "crop": [(w * 1.0, e + 0.10), (w * 0.92, e - 0.10), (w * 0.72, e - 0.24), (w * 0.1, e - 0.27), (-w * 0.45, e - 0.36), (-w * 0.80, e - 0.24), (-w * 0.92, e - 0.08), (-w * 1.0, e + 0.10)],
    }  # fmt: skip
    lines["wavy"] = lines["long"]
    lines["curls"] = lines["curly"] = lines["short"]
    return lines[who.hair_style]


THICKNESS = {
    "short": 0.070, "buzz": 0.018, "side": 0.085, "curly": 0.140, "receding": 0.040,
    "swept": 0.115, "messy": 0.110, "long": 0.075, "bob": 0.090, "bun": 0.045, "wavy": 0.100,
    "fringe": 0.085, "crop": 0.070, "curls": 0.190, "parted": 0.060,
}  # fmt: skip
LENGTH = {"long": 1.02, "bob": 0.50, "wavy": 0.95, "fringe": 0.86, "curls": 0.42, "parted": 0.98}
"""How far down the hair behind the head reaches."""


def _thickness(who: Actor) -> float:
    return THICKNESS[who.hair_style] * (0.75 + 0.5 * who.hair_volume)


def _wobbled(outline: Outline, who: Actor) -> Outline:
    """Curls, waves and tufts along the outer edge."""
    size = {"curly": 0.022, "curls": 0.030, "wavy": 0.020, "messy": 0.020}.get(
        who.hair_style, 0.004
    )
    rng = generator("edge", who.name)
    where = np.arange(len(outline)) / len(outline)
    bumps = np.zeros_like(where)
    for rate in (13, 19, 29):
        bumps += np.sin(2 * np.pi * (rate * where + rng.random())) * (0.5 + rng.random())
    direction = outline - np.array([0.0, who.face.eye_y])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.asarray(outline + direction * (size * bumps / 2)[:, None])


def _strands(canvas: Canvas, who: Actor) -> Field:
    """Brightness along the strands, about 1, the same at every size."""
    rng = generator("strands", who.name)
    y = canvas.y - who.face.crown_y + 0.25
    fan = np.arctan2(canvas.x + 0.10 * np.sin(7 * canvas.y + rng.random()), y + 0.55)
    if who.hair_style in ("curly", "curls"):
        return _curls(canvas, rng)
    if who.hair_style == "wavy":
        fan = fan + 0.05 * np.sin(16 * canvas.y)
    fine, broad = rng.random(241), rng.random(49)
    position = (fan / np.pi + 1) / 2
    strands = 0.55 * np.interp(position * 1.0, np.linspace(0, 1, 241), fine)
    strands += 0.55 * np.interp(position, np.linspace(0, 1, 49), broad)
    return np.asarray(0.70 + 0.55 * strands, dtype=np.float32)


def _curls(canvas: Canvas, rng: np.random.Generator) -> Field:
    """Brightness of curls: light and dark tufts, about 1."""
    tufts = rng.random((36, 36), dtype=np.float32)
    smooth = cv2.resize(tufts, (canvas.size, canvas.size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(0.78 + 0.44 * smooth, dtype=np.float32)


def _gloss(canvas: Canvas, who: Actor) -> Field:
    """A band of light over the crown and shade at the sides."""
    face = who.face
    band = np.exp(-(((canvas.y - (face.crown_y + 0.10) - 0.35 * canvas.x**2) / 0.10) ** 2))
    sides = 0.30 * np.clip(np.abs(canvas.x) / 0.6, 0, 1) ** 2 + 0.10 * canvas.x
    return np.asarray(0.98 + 0.42 * band - sides, dtype=np.float32)


def _texture(canvas: Canvas, who: Actor, dim: float) -> NDArray[np.float32]:
    light = _strands(canvas, who) * _gloss(canvas, who) * np.float32(dim)
    return np.clip(np.asarray(who.hair, np.float32) * light[..., None] + 0.015, 0, 1)


def paint_hair_behind(canvas: Canvas, who: Actor) -> None:
    """Long hair and buns."""
    style, face = who.hair_style, who.face
    if style == "bun":
        bun = _wobbled(ellipse(0.02, face.crown_y - 0.085, 0.17, 0.115), who)
        canvas.paint(canvas.mask(bun), _texture(canvas, who, 0.85))
    if style not in LENGTH:
        return
    top = _half_skull(who, _thickness(who), face.eye_y)
    wide, low = abs(top[1, 0]), LENGTH[style]
    tips = _side(who, wide, low)
    outline = np.concatenate([top[1:-1], tips, tips[::-1] * [-1, 1]])
    canvas.paint(canvas.mask(_wobbled(outline, who)), _texture(canvas, who, 0.62))


def _side(who: Actor, wide: float, low: float) -> Outline:
    """The outer edge of long hair on the right, from the eyes down to the tips."""
    return smooth_path(
        [
            (wide, who.face.eye_y - 0.04),
            (wide * 1.05, 0.16),
            (wide * 1.10, 0.40),
            (wide * 1.08, max(low - 0.08, 0.46)),
            (wide * 0.84, max(low, 0.54)),
        ],
        24,
    )


def paint_hair_front(canvas: Canvas, who: Actor) -> None:
    """The hair upon the head, with its shadow on the forehead."""
    if who.hair_style == "bald":
        return
    line = smooth_path(_hairline(who), 90)
    outline = np.concatenate([_wobbled(_half_skull(who, _thickness(who), line[-1, 1]), who), line])
    soft = {"buzz": 0.014, "receding": 0.010}.get(who.hair_style, 0.003)
    mask = canvas.mask(outline, soft)
    shadow = canvas.mask(outline + np.array([0.012, 0.030]), 0.020) * (1 - mask)
    inside = canvas.mask(ellipse(0, who.face.eye_y, who.face.half_width, 0.60), 0.01)
    canvas.shade(shadow * inside, 0.76)
    canvas.paint(mask, _texture(canvas, who, 1.0), 0.86 if who.hair_style == "buzz" else 1.0)
    if who.hair_style in LENGTH and who.hair_style != "curls":
        _locks(canvas, who)


def _locks(canvas: Canvas, who: Actor) -> None:
    """Strands of long hair falling in front of the ears."""
    face, low = who.face, min(LENGTH[who.hair_style], 0.94)
    w, e = face.half_width, face.eye_y
    wide = abs(_half_skull(who, _thickness(who), e)[1, 0])
    for side in (-1, 1):
        inner = smooth_path(
            [
                (w * 0.97, e + 0.02),
                (w * 0.98, e + 0.20),
                (w * 0.93, 0.42),
                (w * 1.00, max(low, 0.54)),
            ],
            24,
        )
        lock = np.concatenate([inner, _side(who, wide, low)[-2::-1]]) * [side, 1]
        canvas.paint(canvas.mask(lock, 0.004), _texture(canvas, who, 0.90 if side < 0 else 0.78))
