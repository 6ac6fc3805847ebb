"""The 68 points of iBUG (300-W), exact: the same curves that are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench_puppet.actors import Face
from thbench_puppet.motion import Motion
from thbench_puppet.outline import jaw_line
from thbench_puppet.shapes import Mouth, brow_of, eye_of
from thbench_puppet.timeline import Score
from thbench_puppet.warp import Warp

OUTER_EYE_CORNERS = (36, 45)
INNER_LIPS = (62, 66)


def nose_points(face: Face) -> NDArray[np.float64]:
    """[9, 2] four down the bridge, five along the base."""
    bridge_y = np.linspace(face.eye_y + 0.005, face.nose_y - 0.052, 4)
    base_x = face.nose_width * np.array([-0.80, -0.40, 0, 0.40, 0.80])
    base_y = face.nose_y + np.array([0.004, 0.014, 0.021, 0.014, 0.004])
    x = np.concatenate([np.zeros(4), base_x])
    return np.stack([x, np.concatenate([bridge_y, base_y])], axis=1)


def _still(points: NDArray[np.float64], n_frames: int) -> NDArray[np.float64]:
    return np.broadcast_to(points, (n_frames, *points.shape))


def _eye_points(score: Score, motion: Motion, side: int) -> NDArray[np.float64]:
    eye = eye_of(score.actor.face, score.acting, motion, side)
    upper = eye.upper(np.array([-1, -0.38, 0.38, 1]))
    return np.concatenate([upper, eye.lower(np.array([0.38, -0.38]))], axis=1)


def _mouth_points(mouth: Mouth) -> NDArray[np.float64]:
    return np.concatenate(
        [
            mouth.outer_upper(np.array([-1, -0.60, -0.22, 0, 0.22, 0.60, 1])),
            mouth.outer_lower(np.array([0.60, 0.25, 0, -0.25, -0.60])),
            mouth.inner_upper(np.array([-1, -0.42, 0, 0.42, 1])),
            mouth.inner_lower(np.array([0.42, 0, -0.42])),
        ],
        axis=1,
    )


def landmarks_of(score: Score, motion: Motion, mouth: Mouth, warp: Warp) -> NDArray[np.float64]:
    """[T, 68, 2] in face coordinates."""
    face, n = score.actor.face, score.n_frames
    brow_s = np.linspace(-0.96, 0.96, 5)
    head = np.concatenate(
        [
            brow_of(face, score.acting, motion, -1, brow_s),
            brow_of(face, score.acting, motion, 1, brow_s),
            _still(nose_points(face), n),
            _eye_points(score, motion, -1),
            _eye_points(score, motion, 1),
            _mouth_points(mouth),
        ],
        axis=1,
    )
    jaw = warp.to_frame(_still(jaw_line(face), n).astype(np.float32), jaw=True)
    return np.concatenate([jaw, warp.to_frame(head.astype(np.float32))], axis=1)


def aperture(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """[T] inner-lip opening over the distance of the outer eye corners."""

    def distance(pair: tuple[int, int]) -> NDArray[np.floating]:
        return np.asarray(np.linalg.norm(landmarks[:, pair[0]] - landmarks[:, pair[1]], axis=-1))

    return (distance(INNER_LIPS) / distance(OUTER_EYE_CORNERS)).astype(np.float32)
