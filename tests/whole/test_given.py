"""`given: recording`: edits of the recording are ranked among themselves, copies of it never."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paths import ROOT
from runs import start

sys.path.insert(0, str(ROOT / "tests" / "tools"))
from copy_rates import through_h264
from edit_rates import edited
from thbench.errors import UserError
from thbench.results.document import Result
from thbench.video import write_lossless
from thbench_puppet.render import render
from thbench_puppet.scene import scene

pytestmark = pytest.mark.slow  # their common start alone is

SUITE = """\
schema: 1
name: given
dataset: {name: puppet}
split: puppet_v1
seed: 1
limits: {actors: 2, clips_per_actor: 1}
systems:
  edit: {generator: folder, resolution: 128, root: edits, sound: request, given: recording}
  copy: {generator: folder, resolution: 128, root: copies, sound: request, given: recording}
  undeclared: {generator: folder, resolution: 128, root: copies, sound: request}
  still: {generator: loudness-warp, resolution: 128}
metrics: [psnr]
primary: psnr
controls: [ground-truth]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    root = tmp_path_factory.mktemp("given")
    run = start(root, SUITE)
    clips = [c.id for c in run.split.clips]
    for folder in ("edits", "copies"):
        (root / folder).mkdir()
    for clip, other in zip(clips, clips[::-1], strict=True):
        seen = scene(clip)
        truth = render(seen.score, seen.motion, seen.mouth, seen.warp, 128)
        video = edited(seen, scene(other), 1.0, 128)
        write_lossless(root / f"edits/{clip}.mkv", video, None)
        write_lossless(root / f"copies/{clip}.mkv", through_h264(truth, 18), None)
    return run.both()


def test_an_edit_is_ranked_and_a_copy_is_not(results: dict[str, Result]) -> None:
    edit, copy = results["edit"], results["copy"]
    assert edit.system.given == "recording" and edit.ranked and edit.clips.copies == ()
    assert len(copy.clips.copies or ()) == 2 and not copy.ranked
    assert "2 of 2 videos are copies of the ground truth: no part" in copy.unranked_because[0]


def test_what_is_not_declared_is_told_apart_from_one_picture(results: dict[str, Result]) -> None:
    assert results["still"].ranked and results["still"].system.given == "image"
    undeclared = results["undeclared"]
    assert not undeclared.ranked
    assert "say so: `given: recording`" in undeclared.unranked_because[0]


def test_another_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"given"):
        start(tmp_path, SUITE.replace("given: recording", "given: video", 1))
