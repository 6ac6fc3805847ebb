"""Measures of faces on puppets three times over: from the truth they are drawn with, from the mesh, and `@puppet-v1`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import Clip, ClipFailure, Metric, Observed, Pair, Source, Video
from thbench.testing.subject import subject_of
from thbench.video import MemoryVideo
from thbench_expression.eyes import eye_aspect_ratio, relative_openness
from thbench_expression.layout import IBUG
from thbench_face.landmarks import mouth_aperture
from thbench_puppet.changes import changed
from thbench_puppet.dataset import make

__all__ = ["CHANGES", "CLIPS", "READINGS", "SCORES", "measured"]

CLIPS = ("1005_DFA_ANG_XX", "1014_IWL_DIS_XX", "1023_TIE_NEU_XX", "1068_WSI_HAP_XX")
"""Of test actors; they blink and pause."""
CHANGES = {"as drawn": 0, "mouth": 1, "head": 1, "blinks": 1, "identity": 1, "mouth_delay": 3}
"""Name -> amount, as in `thbench_puppet.changes`."""
READINGS = ("exact", "mesh", "puppet-v1")
SCORES: Mapping[str, Sequence[str]] = {
    "head_pose": ("pose_std_pitch", "pose_std_yaw", "pose_std_roll", "pose_distance"),
    "blinks": ("blink_rate",),
    "blink_duration": ("blink_duration",),
    "expression_frechet": ("expression_mouth", "expression_brow_eye"),
    "silent_mouth": ("silent_mouth",),
    "theval_lip_dynamics": ("theval_lip_dynamics",),
    "theval_eyebrow": ("theval_eyebrow",),
    "theval_silent_lips": ("theval_silent_lips",),
    "lmd": ("m_lmd", "f_lmd"),
    "lvd": ("m_lvd", "m_lvd_floor"),
    "landmark_motion": ("landmark_motion",),
    "lip_audio_lag": ("lip_audio_lag_median", "lip_audio_correlation"),
}
_NETWORK = {"lmd": "landmarks", "lvd": "landmarks", "lip_audio_lag": "landmarks", "landmark_motion": "network"}  # fmt: skip
"""The option that says who finds the points; of all others it is `points`."""

Values = dict[str, dict[str, float] | str]


class Truth:
    """api.Context whose extractors give what a video was drawn with."""

    def __init__(self) -> None:
        self.drawn: dict[str, Source] = {}

    def extractor(self, name: str, **options: Any) -> Callable[[Video], Any]:
        if name in ("speech_activity", "speech_envelope"):
            heard: Callable[[Video], Any] = subject_of("extractor", name, options).build()
            return heard
        of = {"landmarks68": landmarks, "mouth_aperture": opening, "puppet_face": face}[name]
        return lambda video: of(self.drawn[video.digest])


def landmarks(source: Source) -> NDArray[np.float32]:
    return source.annotations["landmarks"]


def opening(source: Source) -> NDArray[np.float64]:
    return mouth_aperture(source.annotations["landmarks"])


def face(source: Source) -> NDArray[np.float64]:
    """[T, 140] as `puppet_face` gives it."""
    points = source.annotations["landmarks"].astype(np.float64)
    ratio = np.mean([eye_aspect_ratio(points[:, list(e)]) for e in (IBUG.right, IBUG.left)], axis=0)
    columns = [points.reshape(len(points), -1), source.annotations["head_pose"]]
    return np.concatenate([*columns, relative_openness(ratio)[:, None]], axis=1)


def built(metric: str, reading: str, truth: Truth) -> Metric:
    """The metric as `reading` sees a puppet; the exact one is the code of `puppet-v1` on the truth."""
    points = "mesh" if reading == "mesh" else "puppet-v1"
    subject = subject_of("metric", metric, {_NETWORK.get(metric, "points"): points})
    if reading != "exact":
        return subject.build()
    exact: Metric = subject.plugin.build(subject.options, truth)
    return exact


def measured(
    size: int, clips: Sequence[str] = CLIPS, readings: Sequence[str] = READINGS
) -> dict[str, dict[str, Values]]:
    """Change -> reading -> metric -> its scores over the set of clips, or why it has none."""
    truth = Truth()
    metrics = {r: {m: built(m, r, truth) for m in SCORES} for r in readings}
    clean = {clip: make(clip, size) for clip in clips}
    found: dict[str, dict[str, Values]] = {}
    for change, amount in CHANGES.items():
        pairs = [_pair(clip, source, change, amount, truth) for clip, source in clean.items()]
        found[change] = {
            r: {m: _over(metric, pairs) for m, metric in of.items()} for r, of in metrics.items()
        }
    return found


def _pair(clip: str, source: Source, change: str, amount: int, truth: Truth) -> Pair:
    other = source if change == "as drawn" else changed(source, change, amount, clip)
    videos = []
    for shown in (other, source):
        video = MemoryVideo(shown.frames, shown.audio)
        truth.drawn[video.digest] = shown
        videos.append(video)
    return Pair(Clip(clip, clip[:4]), *videos, identity_index=0)


def _over(metric: Metric, pairs: Sequence[Pair]) -> dict[str, float] | str:
    """The set of all clips that can be scored."""
    sets: dict[str, list[Observed]] = {"generated": [], "reference": []}
    reason = ""
    for pair in pairs:
        try:
            ours = metric.observe(pair)
            theirs = metric.observe(Pair(pair.clip, pair.reference, pair.reference, 0))
        except ClipFailure as failure:
            reason = failure.reason
            continue
        sets["generated"].append(Observed(pair.clip, ours.rows, ours.arrays))
        sets["reference"].append(Observed(pair.clip, theirs.rows, theirs.arrays))
    if not sets["generated"]:
        return reason
    try:
        return dict(metric.reduce(type("Sets", (), sets)()))
    except ClipFailure as failure:
        return failure.reason
