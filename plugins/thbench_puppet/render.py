"""Frames: the portrait warped by the head's movement, with eyes, brows and mouth drawn upon it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_puppet.actors import Actor, Colour, mix
from thbench_puppet.canvas import FRACTION_BITS, bleed, fixed_point, nodes, to_pixels
from thbench_puppet.motion import Motion
from thbench_puppet.portrait import Portrait, portrait
from thbench_puppet.shapes import Curve, Eye, Mouth, brow_of, brow_thickness, eye_of, iris_of
from thbench_puppet.timeline import Score
from thbench_puppet.warp import Warp

GRID = 64
"""Nodes of the warp per side; between them it is bilinear, at every size alike."""
CANVAS = 256
"""Smallest picture drawn; smaller sizes are its averages."""


@dataclass(frozen=True, eq=False)
class Shape:
    """What lies between two curves, [T, n, 2] each, per frame, and its colour."""

    upper: Curve
    lower: Curve
    colour: Colour

    def outline(self, by: float) -> Curve:
        """[T, 2 n, 2] the closed outline, moved inwards by `by`, never beyond its middle line."""
        across = (self.lower - self.upper) / 2
        width = np.linalg.norm(across, axis=-1, keepdims=True)
        step = across * np.minimum(by / np.maximum(width, 1e-9), 1)
        return np.concatenate([self.upper + step, (self.lower - step)[:, ::-1]], axis=1)


def oversampling(size: int) -> int:
    """How many drawn pixels make one pixel, per side."""
    return max(2, -(-CANVAS // size))


def render(score: Score, motion: Motion, mouth: Mouth, warp: Warp, size: int) -> Frames:
    """[T, size, size, 3] uint8 RGB."""
    side = size * oversampling(size)
    still = portrait(score.actor.name, side)
    maps = _maps(warp, score.n_frames)
    shapes = _placed(_shapes(score, motion, mouth), warp, side)
    frames = np.empty((score.n_frames, size, size, 3), dtype=np.uint8)
    for t in range(score.n_frames):
        picture = _warped(still, maps[t], side)
        for outlines, colour in shapes:
            cv2.fillPoly(picture, [outlines[t]], colour, cv2.LINE_AA, FRACTION_BITS)
        frames[t] = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return frames


def _maps(warp: Warp, n_frames: int) -> NDArray[np.float32]:
    """[T, GRID, GRID, 2] points of the portrait seen at the grid's nodes."""
    points = np.broadcast_to(nodes(GRID), (n_frames, GRID, GRID, 2))
    return np.asarray(warp.to_portrait(points), dtype=np.float32)


def _warped(still: Portrait, seen: NDArray[np.float32], side: int) -> NDArray[np.uint8]:
    """The head as this frame shows it, behind the shirt."""
    fine = cv2.resize(to_pixels(seen, side), (side, side), interpolation=cv2.INTER_LINEAR)
    picture = cv2.remap(still.head, fine, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    low = picture[side - len(still.shirt) :]
    low[:] = low * still.seen + still.shirt + np.float32(0.5)
    return np.asarray(picture)


def _placed(shapes: list[Shape], warp: Warp, side: int) -> list[tuple[Any, tuple[int, int, int]]]:
    """Shapes where the frames show them, in OpenCV's numbers."""
    outlines = [shape.outline(bleed(side)).astype(np.float32) for shape in shapes]
    fixed = fixed_point(warp.to_frame(np.concatenate(outlines, axis=1)), side)
    edges = np.cumsum([0] + [outline.shape[1] for outline in outlines])
    return [
        (np.ascontiguousarray(fixed[:, a:b]), _bytes(shape.colour))
        for a, b, shape in zip(edges[:-1], edges[1:], shapes, strict=True)
    ]


def _bytes(colour: Colour) -> tuple[int, int, int]:
    r, g, b = (round(255 * min(max(value, 0), 1)) for value in colour)
    return r, g, b


def _shapes(score: Score, motion: Motion, mouth: Mouth) -> list[Shape]:
    """Everything drawn upon the portrait, back to front."""
    who = score.actor
    shapes: list[Shape] = []
    for side in (-1, 1):
        shapes += _eye(who, eye_of(who.face, score.acting, motion, side), motion)
        shapes += _brow(score, motion, side)
    shapes += _mouth(who, mouth)
    if who.glasses:
        shapes += _glasses(who, score.n_frames)
    return shapes


def ribbon(line: Curve, half: NDArray[np.float64] | float, colour: Colour) -> Shape:
    """A stroke of varying half width along a curve."""
    along = np.gradient(line, axis=1)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-6)
    width = np.broadcast_to(np.asarray(half), line.shape[1:2])[:, None]
    return Shape(line - across * width, line + across * width, colour)


def _eye(who: Actor, eye: Eye, motion: Motion) -> list[Shape]:
    s = np.linspace(-1, 1, 19)
    upper, lower = eye.upper(s), eye.lower(s)
    upper = np.stack([upper[..., 0], np.minimum(upper[..., 1], lower[..., 1])], axis=-1)
    taper = np.clip(1 - np.abs(s) ** 4, 0.25, 1)
    lash = mix(who.brow, (0.06, 0.04, 0.04), 0.8)
    shadow = upper + np.array([0, 0.016])
    shadow = np.stack([shadow[..., 0], np.minimum(shadow[..., 1], lower[..., 1])], axis=-1)
    heavy = 0.0095 if who.sex == "female" else 0.0065
    return [
        ribbon(lower + np.array([0, 0.004]), 0.006 * taper, mix(who.skin, (0.55, 0.25, 0.2), 0.35)),
        Shape(upper, lower, (0.90, 0.885, 0.87)),
        Shape(*iris_of(eye, motion, 1.0), mix(who.iris, (0.05, 0.05, 0.05), 0.55)),
        Shape(*iris_of(eye, motion, 0.82), who.iris),
        Shape(*iris_of(eye, motion, 0.45), (0.03, 0.03, 0.03)),
        Shape(upper, shadow, mix(who.iris, (0.30, 0.24, 0.22), 0.7)),
        Shape(*iris_of(eye, motion, 0.22, aside=0.30), (0.98, 0.98, 0.98)),
        ribbon(upper, heavy * taper, lash),
        ribbon(eye.crease(s * 0.92), 0.0045 * taper, mix(who.skin, (0.30, 0.14, 0.10), 0.45)),
    ]


def _brow(score: Score, motion: Motion, side: int) -> list[Shape]:
    who = score.actor
    s = np.linspace(-1, 1, 17)
    line = brow_of(who.face, score.acting, motion, side, s)
    half = brow_thickness(who.face, side, s)
    return [
        ribbon(line, half, mix(who.brow, who.skin, 0.35)),
        ribbon(line + np.array([0, 0.002]), half * 0.62, who.brow),
    ]


def _mouth(who: Actor, mouth: Mouth) -> list[Shape]:
    s = np.linspace(-1, 1, 31)
    upper, lower = mouth.outer_upper(s), mouth.outer_lower(s)
    top, bottom = mouth.inner_upper(s), mouth.inner_lower(s)
    corner = np.clip(1 - np.abs(s) ** 6, 0.3, 1)
    dark = mix(who.lips, (0.16, 0.03, 0.04), 0.85)
    return [
        Shape(upper, lower, mix(who.lips, (0.30, 0.08, 0.08), 0.22)),
        Shape(bottom, lower, who.lips),
        _lower_shine(bottom, lower, mix(who.lips, (1.0, 0.85, 0.82), 0.30)),
        Shape(top, bottom, (0.20, 0.05, 0.06)),
        *_inside(mouth, top, bottom),
        ribbon(top, 0.0050 * corner, dark),
    ]


def _lower_shine(bottom: Curve, lower: Curve, colour: Colour) -> Shape:
    part = slice(9, 22)
    a, b = bottom[:, part], lower[:, part]
    return Shape(a + 0.30 * (b - a), a + 0.58 * (b - a), colour)


def _inside(mouth: Mouth, top: Curve, bottom: Curve) -> list[Shape]:
    """Teeth and tongue, cut by the lips."""
    part = slice(3, -3)
    top, bottom = top[:, part], bottom[:, part]
    middle = np.linspace(-1, 1, 31)[part]
    arc = (1 - 0.55 * np.abs(middle) ** 2.2)[None]
    gap = bottom[..., 1] - top[..., 1]
    shown = 0.30 + 0.55 * mouth.spread[:, None] * (1 - mouth.pout[:, None])
    teeth = np.minimum(0.030 * arc, gap * shown)
    low_teeth = np.clip(0.6 * (gap - 0.050), 0, 0.015) * arc
    tongue = (
        np.clip(gap * (0.42 + 0.30 * mouth.tongue[:, None]), 0, None)
        * (1 - np.abs(middle) ** 2.5)[None]
    )
    up = np.stack([top[..., 0], top[..., 1] + teeth], axis=-1)
    down = np.stack([bottom[..., 0], bottom[..., 1] - low_teeth], axis=-1)
    lick = np.stack([bottom[..., 0] * 0.9, bottom[..., 1] - tongue], axis=-1)
    return [
        Shape(lick, bottom * [0.9, 1], (0.62, 0.27, 0.28)),
        Shape(down, bottom, (0.64, 0.58, 0.54)),
        Shape(top, up, (0.90, 0.87, 0.82)),
    ]


def _glasses(who: Actor, n_frames: int) -> list[Shape]:
    face = who.face
    angles = np.linspace(0, 2 * np.pi, 41)
    frame: Colour = (0.10, 0.09, 0.10)
    shapes = []
    for side in (-1, 1):
        x = (
            side * face.eye_x * 1.04
            + 0.142 * np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** 0.7
        )
        y = face.eye_y + 0.022 + 0.098 * np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** 0.7
        rim = np.broadcast_to(np.stack([x, y], axis=-1), (n_frames, 41, 2))
        arm = np.array(
            [
                [side * (face.eye_x * 1.04 + 0.142), face.eye_y - 0.01],
                [side * face.half_width * 1.01, face.eye_y - 0.02],
            ]
        )
        shapes += [
            ribbon(rim, 0.0085, frame),
            ribbon(np.broadcast_to(arm, (n_frames, 2, 2)), 0.009, frame),
        ]
    bridge = np.array(
        [
            [-face.eye_x * 1.04 + 0.138, face.eye_y],
            [0, face.eye_y - 0.018],
            [face.eye_x * 1.04 - 0.138, face.eye_y],
        ]
    )
    return [*shapes, ribbon(np.broadcast_to(bridge, (n_frames, 3, 2)), 0.008, frame)]
