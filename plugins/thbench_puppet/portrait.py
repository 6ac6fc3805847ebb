"""The still portrait of an actor: everything that only moves with the head, painted once.

Background, shoulders, neck, hair, ears and the face without eyes, brows and lips. Light falls from
the upper left on a height field of the face, so nose, cheeks and eye sockets are modelled by shading.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from thbench_puppet.actors import Actor, Face, actor, mix
from thbench_puppet.canvas import Canvas, Field, ellipse, smooth_path
from thbench_puppet.hair import paint_hair_behind, paint_hair_front
from thbench_puppet.outline import face_outline
from thbench_puppet.skin import paint_beard, paint_freckles, paint_marks_of_age

GREEN = (0.32, 0.56, 0.38)
LIGHT = np.array([-0.42, -0.50, 0.76], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Portrait:
    """Treat the arrays as read-only.

    head   [size, size, 3] uint8 RGB: what moves with the head, neck and background
    shirt  [rows, size, 3] float32 grey levels: what stands still in front of the lowest rows,
           weighted by its opacity; `seen` [rows, size, 1] is what it leaves of the head
    """

    head: NDArray[np.uint8]
    shirt: NDArray[np.float32]
    seen: NDArray[np.float32]


@lru_cache(maxsize=4)
def portrait(name: str, size: int) -> Portrait:
    """The actor's portrait at `size` px."""
    who = actor(name)
    shirt, opacity = _shirt(Canvas(size), who)
    top = int(np.flatnonzero(opacity.any(axis=1))[0])
    opacity = opacity[top:, :, None]
    return Portrait(_head_and_neck(who, size), 255 * shirt[top:] * opacity, 1 - opacity)


def _head_and_neck(who: Actor, size: int) -> NDArray[np.uint8]:
    canvas = Canvas(size)
    _background(canvas)
    paint_hair_behind(canvas, who)
    _neck(canvas, who)
    _ears(canvas, who)
    _head(canvas, who)
    paint_marks_of_age(canvas, who)
    paint_beard(canvas, who)
    paint_hair_front(canvas, who)
    return canvas.bytes()


def _background(canvas: Canvas) -> None:
    glow = 1.06 - 0.16 * (canvas.x**2 + canvas.y**2)
    canvas.image[:] = np.asarray(GREEN, dtype=np.float32) * glow[..., None]


def _neck(canvas: Canvas, who: Actor) -> None:
    wide = who.face.half_width * (0.66 if who.sex == "male" else 0.56)
    right = smooth_path(
        [(wide, 0.30), (wide * 0.98, 0.58), (wide * 1.10, 0.74), (wide * 1.5, 0.90)], 30
    )
    neck = np.concatenate([right, [[wide * 1.5, 1.1], [-wide * 1.5, 1.1]], right[::-1] * [-1, 1]])
    mask = canvas.mask(neck)
    rounding = 1.02 - 0.35 * np.clip(np.abs(canvas.x + 0.06) / (wide * 1.3), 0, 1) ** 2
    canvas.paint(
        mask, np.asarray(mix(who.skin, (0.45, 0.2, 0.12), 0.10), np.float32) * rounding[..., None]
    )
    outline = face_outline(who.face)
    canvas.shade(mask * canvas.mask(outline + np.array([0.02, 0.10]), 0.045), 0.52)
    throat = canvas.line(np.array([[-wide * 0.62, 0.66], [-wide * 0.16, 0.90]]), 0.02)
    canvas.shade(mask * throat, 0.96)
    canvas.shade(
        mask * canvas.line(np.array([[wide * 0.62, 0.66], [wide * 0.16, 0.90]]), 0.02), 0.96
    )


def _shirt(canvas: Canvas, who: Actor) -> tuple[NDArray[np.float32], Field]:
    """The shirt's picture and its opacity."""
    wide = who.face.half_width * (0.66 if who.sex == "male" else 0.56)
    reach = 1.12 if who.sex == "male" else 0.98
    right = smooth_path(
        [(wide * 1.18, 0.715), (reach * 0.70, 0.785), (reach * 0.94, 0.875), (reach * 1.04, 1.1)],
        30,
    )
    depth = {"crew": 0.80, "vee": 0.815, "collar": 0.85}[who.neckline]
    if who.neckline == "vee":
        neck = [[-wide * 1.18, 0.715], [0, depth], [wide * 1.18, 0.715]]
    else:
        neck = smooth_path(
            [
                (-wide * 1.18, 0.715),
                (-wide * 0.6, depth - 0.02),
                (0, depth),
                (wide * 0.6, depth - 0.02),
                (wide * 1.18, 0.715),
            ]
        ).tolist()
    body = np.concatenate([right, right[::-1] * [-1, 1], np.asarray(neck)])
    mask = canvas.mask(body)
    folds = 1.0 - 0.22 * canvas.x**2 + 0.10 * (0.95 - canvas.y) - 0.10 * canvas.x
    canvas.image[:] = np.asarray(who.shirt, np.float32) * folds[..., None]
    hem = canvas.line(
        np.asarray(neck, dtype=np.float64)[::6] if len(neck) > 10 else np.asarray(neck), 0.014
    )
    canvas.shade(hem, 0.72)
    canvas.shade(canvas.mask(face_outline(who.face) + np.array([0.03, 0.20]), 0.06), 0.80)
    if who.neckline == "collar":
        mask = np.maximum(mask, _collar(canvas, who, wide))
    return np.clip(canvas.image, 0, 1), mask


def _collar(canvas: Canvas, who: Actor, wide: float) -> Field:
    covered = np.zeros_like(canvas.x)
    for side in (-1, 1):
        wing = np.array(
            [
                [wide * 1.22, 0.68],
                [wide * 0.98, 0.74],
                [0.03, 0.865],
                [0.17, 0.97],
                [wide * 1.5, 0.80],
            ]
        )
        mask = canvas.mask(wing * [side, 1])
        canvas.paint(mask, np.clip(np.asarray(who.shirt, np.float32) * (1.18 - 0.06 * side), 0, 1))
        canvas.shade(canvas.line(wing[2:] * [side, 1], 0.012), 0.75)
        covered = np.maximum(covered, mask)
    return np.asarray(covered)


def _ears(canvas: Canvas, who: Actor) -> None:
    face = who.face
    for side in (-1, 1):
        x, y = side * (face.half_width + 0.012), face.eye_y + 0.085
        mask = canvas.mask(ellipse(x, y, 0.052, 0.118))
        canvas.paint(mask, mix(who.skin, (0.75, 0.35, 0.28), 0.16))
        canvas.shade(mask * canvas.spot(x - side * 0.004, y - 0.01, 0.026, 0.07), 0.70)
        canvas.shade(mask, 0.92 if side < 0 else 0.80)


def _heights(canvas: Canvas, face: Face) -> Field:
    """The face's relief, half image widths towards the viewer."""
    x, y = canvas.x / face.half_width, (canvas.y + 0.02) / 0.66
    relief = 0.44 * np.sqrt(np.clip(1.12 - x * x * 0.95 - y * y * 0.75, 0.02, None))
    relief += _nose_height(canvas, face)
    for side in (-1, 1):
        relief -= 0.030 * canvas.spot(side * face.eye_x, face.eye_y - 0.01, 0.11, 0.062)
        relief += 0.022 * canvas.spot(side * face.half_width * 0.55, face.eye_y + 0.17, 0.12, 0.09)
        relief += 0.016 * canvas.spot(
            side * face.eye_x * 0.95, face.eye_y - face.brow_gap, 0.13, 0.045
        )
    relief += 0.030 * canvas.spot(0, face.mouth_y, face.mouth_width * 1.15, 0.085)
    relief += 0.026 * canvas.spot(0, face.chin_y - 0.085, 0.10, 0.055)
    relief -= 0.016 * canvas.spot(0, face.mouth_y + face.lower_lip + 0.045, 0.09, 0.022)
    return np.asarray(relief, dtype=np.float32)


def _nose_height(canvas: Canvas, face: Face) -> Field:
    top, tip = face.eye_y - 0.03, face.nose_y - 0.035
    along = np.clip((canvas.y - top) / (tip - top), 0, 1)
    below = np.clip((canvas.y - tip) / 0.055, 0, None)
    height = 0.088 * along**1.25 * np.exp(-(below**2)) + 0.012 * np.exp(
        -(((canvas.y - top) / 0.06) ** 2)
    )
    ridge = np.exp(-((canvas.x / (0.030 + 0.30 * face.nose_width * along)) ** 2))
    wings = sum(
        canvas.spot(side * face.nose_width * 0.72, face.nose_y - 0.022, 0.032, 0.034)
        for side in (-1, 1)
    )
    return np.asarray(height * ridge + 0.030 * wings, dtype=np.float32)


def _light(canvas: Canvas, heights: Field) -> Field:
    """Brightness of the relief, about 1."""
    step = 2 / canvas.size
    dy, dx = np.gradient(canvas.blurred(heights, 0.012), step)
    length = np.sqrt(dx * dx + dy * dy + 1)
    lambert = (-dx * LIGHT[0] - dy * LIGHT[1] + LIGHT[2]) / length
    return np.asarray(0.52 + 0.62 * np.clip(lambert, 0, None), dtype=np.float32)


def _head(canvas: Canvas, who: Actor) -> None:
    face = who.face
    mask = canvas.mask(face_outline(face))
    light = _light(canvas, _heights(canvas, face))
    tint = np.stack([light**0.85, light, light**1.06], axis=-1)
    canvas.paint(mask, np.asarray(who.skin, np.float32) * tint)
    _colours_of_the_face(canvas, who, mask)
    _nostrils(canvas, who)
    shine = canvas.spot(-0.012, face.nose_y - 0.045, 0.018, 0.028) + 0.6 * canvas.spot(
        -0.10, face.eye_y - 0.30, 0.16, 0.09
    )
    canvas.paint(np.clip(shine, 0, 1) * mask, (1.0, 0.96, 0.92), 0.20)


def _colours_of_the_face(canvas: Canvas, who: Actor, mask: Field) -> None:
    face = who.face
    flush = mix(who.skin, (0.85, 0.30, 0.28), 0.5)
    for side in (-1, 1):
        cheek = canvas.spot(side * face.half_width * 0.58, face.eye_y + 0.20, 0.13, 0.10)
        canvas.paint(cheek * mask, flush, 0.26 if who.sex == "female" else 0.16)
        canvas.shade(canvas.spot(side * face.eye_x, face.eye_y + 0.005, 0.105, 0.055) * mask, 0.86)
    canvas.paint(canvas.spot(0, face.nose_y - 0.03, 0.07, 0.05) * mask, flush, 0.16)
    canvas.shade(canvas.spot(0, face.mouth_y + face.lower_lip + 0.035, 0.075, 0.018) * mask, 0.86)
    if who.freckles:
        paint_freckles(canvas, who, mask)


def _nostrils(canvas: Canvas, who: Actor) -> None:
    face = who.face
    dark = mix(who.skin, (0.18, 0.06, 0.04), 0.72)
    for side in (-1, 1):
        canvas.paint(
            canvas.spot(side * face.nose_width * 0.42, face.nose_y - 0.004, 0.023, 0.0125),
            dark,
            0.95,
        )
        wing = smooth_path(
            [
                (side * face.nose_width * 0.78, face.nose_y - 0.055),
                (side * face.nose_width * 0.98, face.nose_y - 0.025),
                (side * face.nose_width * 0.80, face.nose_y + 0.002),
            ],
            8,
        )
        canvas.shade(canvas.line(wing, 0.011), 0.66)
    canvas.shade(canvas.spot(0, face.nose_y + 0.016, face.nose_width * 0.7, 0.014), 0.86)
    canvas.shade(canvas.spot(0.0, (face.nose_y + face.mouth_y) / 2 + 0.01, 0.016, 0.05), 0.93)
