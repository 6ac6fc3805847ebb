"""Where the points of a face come from: the mesh network, or the network trained on puppets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Context, Video
from thbench_expression import PointsOptions
from thbench_expression.layout import IBUG, MESH, Layout
from thbench_face.mesh import TURNED

__all__ = [
    "Faces",
    "face_source",
    "faces_of_mesh",
    "faces_of_puppet",
    "require_frontal",
    "require_known",
]

FaceSource = Callable[[Video], "Faces"]


@dataclass(frozen=True, eq=False)
class Faces:
    """The face of every frame of one video.

    points  [T, N, D] float64, pixels, NaN where no face was found; D is 3 for the mesh, 2 for landmarks
    turned  [T] degrees by which the face looks past the camera to either side, >= 0, as the network reads
            them; NaN where unknown
    pose    [T, 3] pitch, yaw, roll in degrees, where the network says it
    openness  [T] eye aspect ratio over the clip's median, where the network says it
    """

    layout: Layout
    points: NDArray[np.float64]
    turned: NDArray[np.float64]
    pose: NDArray[np.float64] | None = None
    openness: NDArray[np.float64] | None = None

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """[T] frames with a face."""
        return np.asarray(np.isfinite(self.points).all(axis=(1, 2)))

    @property
    def seen(self) -> NDArray[np.float64]:
        """[n, N, D] points of the frames with a face; not copied where all have one: a long clip's are large."""
        return self.points if self.known.all() else self.points[self.known]

    @cached_property
    def io(self) -> NDArray[np.float64]:
        """[T] interocular distance: from the middle of one eye's six points to the other's."""
        middles = [
            self.points[:, list(eye)].mean(axis=1) for eye in (self.layout.right, self.layout.left)
        ]
        return np.asarray(np.linalg.norm(middles[0] - middles[1], axis=-1))

    @cached_property
    def frontal(self) -> NDArray[np.bool_]:
        """[T] frames whose face is seen and turned away by at most `TURNED`."""
        return np.asarray(self.known & (self.turned <= TURNED))


def face_source(options: PointsOptions, context: Context) -> FaceSource:
    """A function from a video to its faces. It raises ClipFailure as the extractor does."""
    if options.points == "mesh":
        mesh = context.extractor("face_mesh", max_missing=options.max_missing)
        return lambda video: faces_of_mesh(mesh(video))
    puppet = context.extractor("puppet_face")
    return lambda video: faces_of_puppet(puppet(video))


def faces_of_mesh(mesh: NDArray[np.void]) -> Faces:
    """Of the array [T] that the extractor `face_mesh` gives."""
    points = mesh["points"].astype(np.float64)
    points[~mesh["found"]] = np.nan
    return Faces(MESH, points, mesh["turned"].astype(np.float64))


def faces_of_puppet(found: NDArray[np.floating]) -> Faces:
    """Of the array [T, 140] that the extractor `puppet_face` gives."""
    points = np.asarray(found[:, :136], np.float64).reshape(-1, 68, 2)
    yaw, pitch, roll = np.asarray(found[:, 136:139], np.float64).T
    openness = np.asarray(found[:, 139], np.float64)
    return Faces(IBUG, points, np.abs(yaw), np.stack([pitch, yaw, roll], axis=1), openness)


def require_frontal(faces: Faces, needed: int, whose: str = "a face") -> None:
    """Raises ClipFailure where fewer than `needed` frames show a face, or one that does not look away."""
    require_known(faces.known, needed, whose)
    require_known(faces.frontal, needed, f"{whose} turned away by less than {TURNED:g} degrees")


def require_known(known: NDArray[np.bool_], needed: int, what: str) -> None:
    """Raises ClipFailure where fewer than `needed` frames of [T] are known."""
    found = int(np.count_nonzero(known))
    if found < needed:
        raise ClipFailure(f"{what} in {found} of {len(known)} frames: at least {needed} needed")
