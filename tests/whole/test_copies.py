"""A copy of the ground truth, however disguised, is never ranked; an honest system is not taken for one."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from guards import some
from paths import ROOT
from runs import start

sys.path.insert(0, str(ROOT / "tests" / "tools"))
from copy_rates import COPIES, honest, through_h264
from thbench.api import Frames
from thbench.engines.local import LocalEngine
from thbench.environment import Settings
from thbench.leaderboard.add import add
from thbench.leaderboard.ground import Places
from thbench.leaderboard.store import read_rows
from thbench.leaderboard.verify import Finding, Wanted, verify
from thbench.results.document import Result, SubmissionRecord
from thbench.video import write_h264, write_lossless
from thbench.video.likeness import COPY, likeness
from thbench_puppet.render import render
from thbench_puppet.scene import scene

CLIPS = ("1005_TSI_DIS_XX", "1014_IEO_ANG_MD", "1026_WSI_HAP_XX")
SUITE = """\
schema: 1
name: copies
dataset: {name: puppet}
split: puppet_v1
seed: 1
limits: {actors: 2, clips_per_actor: 1}
systems:
  mine: {generator: folder, resolution: 64, root: ROOT, sound: request}
metrics: [psnr]
primary: psnr
"""


def drawn(clip: str) -> Frames:
    seen = scene(clip)
    return render(seen.score, seen.motion, seen.mouth, seen.warp, 64)


@pytest.fixture(scope="module")
def truths() -> dict[str, Frames]:
    return {clip: drawn(clip) for clip in CLIPS}


CAUGHT = [kind for kind in COPIES if kind != "H.264, crf 35"]


@pytest.mark.parametrize("kind", CAUGHT)
def test_a_disguised_copy_is_known(truths: dict[str, Frames], kind: str) -> None:
    for truth in some(truths.values()):
        assert likeness(COPIES[kind](truth), truth) >= COPY


def test_a_perfect_mouth_with_a_movement_of_its_own_is_no_copy(truths: dict[str, Frames]) -> None:
    """As good as a system can be that is given one frame and speech: the rest does not follow from them."""
    for clip, other in zip(CLIPS, (*CLIPS[1:], CLIPS[0]), strict=True):
        video = honest(scene(clip), scene(other), 1.0, 64)
        assert likeness(video, truths[clip]) < COPY - 0.1


def test_what_says_nothing_is_no_copy(truths: dict[str, Frames]) -> None:
    first, second, *_ = truths.values()
    n = min(len(first), len(second))
    assert likeness(first[:n], second[:n]) < 0.9
    still = np.repeat(first[:1], len(first), 0)
    assert likeness(still, first) == 0
    assert likeness(still, still) == 0  # nothing moves: nothing can be told
    assert likeness(first[:5], first[:5]) == 0  # too short to tell
    assert likeness(first[:20], first) > 0.99


def mine(folder: Path, frames_of: dict[str, Frames]) -> Result:
    folder.mkdir()
    for clip, frames in frames_of.items():
        write_lossless(folder / f"{clip}.mkv", frames, None)
    run = start(folder / "run", SUITE.replace("ROOT", str(folder)))
    return run.both()["mine"]


@pytest.mark.slow
def test_references_in_a_folder_are_shown_and_never_ranked(tmp_path: Path) -> None:
    probe = start(tmp_path / "probe", SUITE.replace("ROOT", str(tmp_path)))
    clips = [c.id for c in probe.split.clips]
    truths = {clip: drawn(clip) for clip in clips}
    exact = mine(tmp_path / "exact", truths)
    assert exact.clips.copies == tuple(sorted(clips)) and not exact.ranked
    again = mine(tmp_path / "again", {c: through_h264(f, 23) for c, f in truths.items()})
    assert again.clips.copies == tuple(sorted(clips)) and not again.ranked
    assert any("2 of 2 videos are copies of the ground truth" in r for r in again.unranked_because)
    assert again.scores["psnr"].value is not None
    others = dict(zip(clips, clips[::-1], strict=True))
    own = {c: honest(scene(c), scene(o), 1.0, 64) for c, o in others.items()}
    fair = mine(tmp_path / "fair", own)
    assert fair.clips.copies == () and fair.ranked


@pytest.mark.slow
def test_verify_with_videos_refuses_copies_that_a_row_does_not_admit(tmp_path: Path) -> None:
    """Re-encoded, so that neither digests nor numbers are the ground truth's; the row says nothing of it."""
    probe = start(tmp_path / "probe", SUITE.replace("ROOT", str(tmp_path)))
    clips = [c.id for c in probe.split.clips]
    folder = tmp_path / "copies"
    result = mine(folder, {c: through_h264(drawn(c), 23) for c in clips})
    assert result.clips.copies == tuple(sorted(clips))
    (folder / "suites").mkdir()
    shutil.copy(folder / "run" / "suite.yaml", folder / "suites" / "copies.yaml")
    root, wanted = tmp_path / "board", Wanted(Places(folder / "suites"))
    add(folder / "run" / "run", root, "1", SubmissionRecord(submitter="x"), pin=True)
    path = root / "results/copies/mine/1.json"

    def verified(wanted: Wanted) -> Finding:
        return verify(path, root, read_rows(root), wanted, Settings(), LocalEngine(1))

    assert not verified(wanted).problems  # it admits its copies, and is not ranked
    data = json.loads(path.read_text())
    data["clips"]["copies"] = []
    data["ranked"], data["unranked_because"] = True, []
    path.write_text(json.dumps(data))
    assert not verified(wanted).problems  # files alone do not tell
    finding = verified(replace(wanted, videos=folder / "run/run/systems/mine/videos"))
    said = [p for p in finding.problems if "its video is a copy of the ground truth's" in p]
    assert len(said) == len(clips) and finding.tier is None


@pytest.mark.slow
def test_a_delivered_file_is_compared_as_well(tmp_path: Path) -> None:
    probe = start(tmp_path / "probe", SUITE.replace("ROOT", str(tmp_path)))
    folder = tmp_path / "files"
    folder.mkdir()
    for clip in probe.split.clips:
        write_h264(folder / f"{clip.id}.mp4", drawn(clip.id), None, crf=20)
    text = SUITE.replace("ROOT", str(folder)).replace(", sound: request", "")
    result = start(tmp_path / "run", text).both()["mine"]
    assert len(result.clips.copies or ()) == 2 and not result.ranked
