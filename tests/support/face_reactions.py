"""What measures of faces say of a real head under every change: pictures are made, then measured anew."""

from __future__ import annotations

from pathlib import Path

from real_changes import changes
from real_heads import HEADS, head_frames
from thbench.api import SAMPLES_PER_FRAME, Clip, ClipFailure, Metric, Observed, Pair
from thbench.testing.subject import subject_of
from thbench.video import MediaReader, MemoryVideo

__all__ = ["rows", "values"]


OTHER = {"a": "c", "b": "c", "c": "a", "d": "a"}
"""Whose pictures, said by another mouth, stand in for a clip's own: the identity swapped."""


class OneClip:
    """api.Observations of one clip."""

    def __init__(self, generated: Observed, reference: Observed) -> None:
        self.generated, self.reference = [generated], [reference]


def values(metric: Metric, pair: Pair) -> dict[str, float] | str:
    """Scores of one clip as a set of its own, or why there are none."""
    try:
        ours = metric.observe(pair)
        theirs = metric.observe(Pair(pair.clip, pair.reference, pair.reference))
        sets = OneClip(
            Observed(pair.clip, ours.rows, ours.arrays),
            Observed(pair.clip, theirs.rows, theirs.arrays),
        )
        return dict(metric.reduce(sets))
    except ClipFailure as failure:
        return failure.reason


def reference(assets: Path, name: str, size: int, part: range) -> MemoryVideo:
    """The frames `part` of a clip, with their sound."""
    heads = head_frames(assets, name, size, part.stop)[part.start :]
    sound = MediaReader().audio(assets / "clips" / HEADS[name])
    at = slice(part.start * SAMPLES_PER_FRAME, part.stop * SAMPLES_PER_FRAME)
    return MemoryVideo(heads, None if sound is None else sound[at])


def rows(
    assets: Path, name: str, size: int, part: range, metrics: dict[str, Metric]
) -> dict[str, dict[str, dict[str, float] | str]]:
    """Change -> metric -> scores of the frames `part` of one clip at one size."""
    clean = reference(assets, name, size, part)
    mesh = subject_of("extractor", "face_mesh", {}).build()(clean)
    made = {"ground truth": clean.frames}
    made |= {k: c(clean.frames) for k, c in changes(mesh["points"].astype(float), size).items()}
    made["another person"] = reference(assets, OTHER[name], size, part).frames
    found = {}
    for change, pictures in made.items():
        pair = Pair(Clip(name, name), MemoryVideo(pictures, clean.audio), clean)
        found[change] = {m: values(metric, pair) for m, metric in metrics.items()}
    return found
