"""The metric `head_pose`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thbench.api import Context, Observation, Observations, Pair, Score, mean_of_rows
from thbench_expression import PointsOptions
from thbench_expression.pose import (
    ANGLES,
    FEWEST,
    Pose,
    distance,
    relative_pose,
    shape_of,
    steps,
    widths,
)
from thbench_expression.source import Faces, face_source, require_frontal

__all__ = ["HeadPose", "pose_of"]


class HeadPose:
    """Standard deviation and step of pitch, yaw and roll per clip, and the distance from the reference's."""

    def __init__(self, options: PointsOptions, context: Context) -> None:
        self._faces = face_source(options, context)
        self.scores: Mapping[str, Score] = scores_of(options)

    def observe(self, pair: Pair) -> Observation:
        """Rows pose_std_, pose_step_ and pose_range_ (95th minus 5th percentile) of every angle, and
        pose_distance; arrays pitch, yaw, roll [T] in degrees, NaN where no face was found."""
        ours, theirs = self._faces(pair.generated), self._faces(pair.reference)
        require_frontal(ours, FEWEST)
        require_frontal(theirs, FEWEST, "a face of the reference")
        pose = pose_of(ours, ours)
        rows = {"pose_distance": distance(pose_of(ours, theirs), pose_of(theirs, theirs))}
        for i, name in enumerate(ANGLES):
            rows[f"pose_std_{name}"] = float(widths(pose)[i])
            rows[f"pose_step_{name}"] = float(steps(pose)[i])
            rows[f"pose_range_{name}"] = float(np.subtract(*np.nanpercentile(pose[:, i], [95, 5])))
        return Observation(rows, {name: pose[:, i] for i, name in enumerate(ANGLES)})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        return {name: mean_of_rows(observed.generated, name) for name in self.scores}


def pose_of(faces: Faces, like: Faces) -> Pose:
    """[T, 3] angles relative to the mean shape of `like`, or as the network says."""
    if faces.pose is not None:
        return faces.pose
    rigid = list(faces.layout.rigid)
    return relative_pose(faces.points[:, rigid], shape_of(like.points[:, rigid]))


_MESH = (
    "Rotation by Kabsch of 24 rigid points of the 468-point mesh to the clip's mean shape, R = Rz Ry Rx: no camera "
    "and no model of a head is needed"
)
_PUPPET = "Read from features of a network of puppets by a linear map fitted to the angles they are drawn with"


def scores_of(options: PointsOptions) -> dict[str, Score]:
    how = _MESH if options.points == "mesh" else _PUPPET
    biases = (
        "Trembling of the points counts as motion (about 0.1 degrees of a step), so a still clip is not exactly 0 after "
        "compression. Mouth and jaw move some rigid points a little. "
        * (options.points == "mesh")
        + "Heads move as they like while they speak: nearer to the ground truth says alike in amount, not in time."
    )
    found: dict[str, Score] = {}
    for name in ANGLES:
        found[f"pose_std_{name}"] = Score(
            "nearer-reference", "degrees", (0.0, 180.0), {"head": "-"}, ("delay",),
            description=f"Standard deviation of {name} over a clip. {how}.",
            source="head motion as evaluators of talking heads report it; Kabsch 1976",
            formula=f"std over frames of {name}(t), mean over clips; at least {FEWEST} frames with a face",
            biases=biases,
        )  # fmt: skip
    for name in ANGLES:
        found[f"pose_step_{name}"] = Score(
            "nearer-reference", "degrees per frame", (0.0, 360.0), {"head": "-"}, ("delay",),
            description=f"Mean change of {name} from one frame to the next. {how}.",
            source="Kabsch 1976",
            formula=f"mean over t of |{name}(t + 1) − {name}(t)|, mean over clips",
            biases=biases,
        )  # fmt: skip
    found["pose_distance"] = Score(
        "lower", "degrees", (0.0, 360.0), {"head": "+"}, ("delay",),
        description="Mean difference of the three angles from those of the reference's same frame, both relative to the "
        f"reference's mean shape. {how}.",
        source="after the average pose distance of PIRenderer and StyleHEAT, which is over coefficients of a face model",
        formula="mean over frames and angles of |a_g(t) − a_r(t)|, mean over clips; a: pitch, yaw, roll",
        biases="Head motion is free given the sound: a good video may be far from this one reference. " + biases,
    )  # fmt: skip
    return found
