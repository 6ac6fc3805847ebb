"""What sits on the skin: beards, freckles, lines of age."""

from __future__ import annotations

import cv2
import numpy as np

from thbench_puppet.actors import Actor, mix
from thbench_puppet.canvas import Canvas, Field, ellipse, smooth_path
from thbench_puppet.outline import face_outline
from thbench_puppet.seeds import generator


def paint_freckles(canvas: Canvas, who: Actor, mask: Field) -> None:
    rng = generator("freckles", who.name)
    for _ in range(int(26 * who.freckles)):
        x, y = rng.normal(0, 0.19), who.face.eye_y + 0.15 + rng.normal(0, 0.06)
        canvas.shade(canvas.spot(x, y, 0.009, 0.009) * mask, 0.80)


def paint_marks_of_age(canvas: Canvas, who: Actor) -> None:
    face, age = who.face, np.clip((who.age - 24) / 46, 0, 1)
    for side in (-1, 1):
        fold = smooth_path(
            [
                (side * face.nose_width * 1.0, face.nose_y - 0.02),
                (side * face.mouth_width * 0.98, face.nose_y + 0.07),
                (side * face.mouth_width * 1.22, face.mouth_y + 0.01),
            ],
            10,
        )
        canvas.shade(canvas.line(fold, 0.021), 1 - 0.05 - 0.14 * float(age))
        bag = smooth_path(
            [
                (side * (face.eye_x - 0.07), face.eye_y + 0.055),
                (side * face.eye_x, face.eye_y + 0.078),
                (side * (face.eye_x + 0.08), face.eye_y + 0.045),
            ],
            8,
        )
        canvas.shade(canvas.line(bag, 0.016), 1 - 0.05 - 0.13 * float(age))
    for level in (-0.30, -0.36, -0.42):
        if who.age > 42:
            line = np.array(
                [
                    [-0.20, face.eye_y + level],
                    [0.0, face.eye_y + level - 0.012],
                    [0.20, face.eye_y + level],
                ]
            )
            canvas.shade(canvas.line(line, 0.008), 1 - 0.16 * float(age))


def paint_beard(canvas: Canvas, who: Actor) -> None:
    if who.beard == "none":
        if who.sex == "male":
            canvas.shade(_beard_area(canvas, who, "full"), 0.93)
        return
    area = _beard_area(canvas, who, who.beard)
    rng = generator("beard", who.name)
    grain = canvas.blurred(_grain(canvas, rng), 0.004)
    if who.beard == "stubble":
        canvas.paint(area * np.clip(0.85 + 0.6 * grain, 0, 1), mix(who.hair, who.skin, 0.25), 0.36)
        return
    colour = np.asarray(who.hair, np.float32) * (1.0 + 0.6 * grain[..., None])
    canvas.paint(area, np.clip(colour, 0, 1), 0.88)


def _grain(canvas: Canvas, rng: np.random.Generator) -> Field:
    """Noise of the same pattern at every size, about -0.5..0.5."""
    small = rng.random((192, 192), dtype=np.float32) - 0.5
    return np.asarray(cv2.resize(small, (canvas.size, canvas.size), interpolation=cv2.INTER_LINEAR))


def _beard_area(canvas: Canvas, who: Actor, kind: str) -> Field:
    face = who.face
    outline = canvas.mask(face_outline(face))
    moustache = canvas.mask(
        np.array(
            smooth_path(
                [
                    (-face.mouth_width * 1.12, face.mouth_y + 0.012),
                    (-face.mouth_width * 0.55, face.nose_y + 0.062),
                    (0, face.nose_y + 0.050),
                    (face.mouth_width * 0.55, face.nose_y + 0.062),
                    (face.mouth_width * 1.12, face.mouth_y + 0.012),
                    (face.mouth_width * 0.5, face.mouth_y - 0.012),
                    (-face.mouth_width * 0.5, face.mouth_y - 0.012),
                ]
            )
        ),
        0.010,
    )
    if kind == "moustache":
        return moustache
    chin = canvas.mask(ellipse(0, face.chin_y - 0.035, 0.17, 0.115), 0.016) * outline
    if kind == "goatee":
        return np.asarray(np.maximum(chin, moustache))
    edge = face.mouth_y - 0.02 - 0.30 * np.clip(np.abs(canvas.x) / face.half_width, 0, 1) ** 4
    low = 1 / (1 + np.exp(-(canvas.y - edge) / 0.018))
    return np.asarray(np.maximum(outline * low, np.maximum(moustache, chin)), dtype=np.float32)
