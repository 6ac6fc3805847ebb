"""The map that ships with the plugin reads drawn faces it was not fitted to, and its metrics react as they say."""

from __future__ import annotations

import numpy as np
import pytest

from thbench.api import Clip, ClipFailure, Observed, Pair, Source
from thbench.testing.subject import subject_of
from thbench.video import MemoryVideo
from thbench_expression.eyes import blinks, eye_aspect_ratio, relative_openness
from thbench_expression.layout import IBUG
from thbench_expression.mouth import opening
from thbench_expression.puppet_points import PuppetFace
from thbench_expression.source import faces_of_puppet
from thbench_puppet.changes import changed
from thbench_puppet.dataset import make

CLIPS = ("1005_DFA_ANG_XX", "1014_IWL_DIS_XX", "1023_TIE_NEU_XX", "1068_WSI_HAP_XX")
"""Of test actors."""
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def sources() -> dict[str, Source]:
    return {clip: make(clip, 64) for clip in CLIPS}


def within(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_points_pose_mouth_and_eyes_of_unseen_actors(sources: dict[str, Source]) -> None:
    network = PuppetFace()
    found = {c: faces_of_puppet(network(MemoryVideo(s.frames, None))) for c, s in sources.items()}
    true = {c: s.annotations for c, s in sources.items()}
    apart = [np.linalg.norm(found[c].points - true[c]["landmarks"], axis=-1).mean() for c in CLIPS]
    assert np.mean(apart) < 1.2  # pixels of 64
    mouth = [
        within(opening(f.points, IBUG.opening, f.io), true[c]["mouth_aperture"])
        for c, f in found.items()
    ]
    assert np.mean(mouth) > 0.9
    for place, (name, least) in enumerate((("pitch", 0.6), ("yaw", 0.7), ("roll", 0.85))):
        column = {"yaw": 0, "pitch": 1, "roll": 2}[name]
        pose = [within(f.pose[:, place], true[c]["head_pose"][:, column]) for c, f in found.items()]
        assert np.mean(pose) > least, (name, pose)
    counted = all_blinks = hit = 0
    for c, f in found.items():
        points = true[c]["landmarks"].astype(float)
        ratio = np.mean(
            [eye_aspect_ratio(points[:, list(e)]) for e in (IBUG.right, IBUG.left)], axis=0
        )
        theirs, ours = blinks(relative_openness(ratio)), blinks(relative_openness(f.openness))
        counted, all_blinks = counted + len(ours), all_blinks + len(theirs)
        hit += sum(any(abs(a.start - b.start) <= 2 for a in ours) for b in theirs)
    assert all_blinks >= 4
    assert hit >= 0.7 * all_blinks and counted <= 1.3 * all_blinks


def test_size_and_neighbours_do_not_count(sources: dict[str, Source]) -> None:
    network, frames = PuppetFace(), sources[CLIPS[0]].frames
    whole = network(MemoryVideo(frames, None))
    np.testing.assert_array_equal(network(MemoryVideo(frames[5:9], None)), whole[5:9])
    large = network(MemoryVideo(frames.repeat(2, axis=1).repeat(2, axis=2), None))
    np.testing.assert_allclose((large[:, :136] + 0.5) / 2 - 0.5, whole[:, :136], atol=1e-2)
    with pytest.raises(ClipFailure, match="no frames"):
        network(MemoryVideo(frames[:0], None))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "score", "change", "sign"),
    [
        ("blinks", "blink_rate", "blinks", "-"),
        ("head_pose", "pose_std_yaw", "head", "-"),
        ("head_pose", "pose_std_roll", "head", "-"),
        ("head_pose", "pose_distance", "head", "+"),
        ("expression_frechet", "expression_mouth", "mouth", "+"),
        ("expression_frechet", "expression_brow_eye", "blinks", "+"),
        ("silent_mouth", "silent_mouth", "mouth", "-"),
    ],
)
def test_reactions(
    sources: dict[str, Source], metric: str, score: str, change: str, sign: str
) -> None:
    built = subject_of("metric", f"{metric}@puppet-v1", {"points": "puppet-v1"}).build()

    def value(how: str) -> float:
        seen = {"generated": [], "reference": []}
        for clip, source in sources.items():
            other = source if how == "none" else changed(source, how, 1, clip)
            reference = MemoryVideo(source.frames, source.audio)
            shown = MemoryVideo(other.frames, other.audio)
            for side, video in (("generated", shown), ("reference", reference)):
                found = built.observe(Pair(Clip(clip, clip[:4]), video, reference))
                seen[side].append(Observed(Clip(clip, clip[:4]), found.rows, found.arrays))
        return built.reduce(type("Sets", (), seen)())[score]

    clean, after = value("none"), value(change)
    assert (after > 1.2 * clean) if sign == "+" else (after < 0.8 * clean), (clean, after)
