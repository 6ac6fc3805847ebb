"""`fvd@puppet-v1` sees what happens in time, where FID over the same frames cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thbench.api import Clip, ClipFailure, Context, Observed, Pair, Source, UserError
from thbench.video import MemoryVideo
from thbench_fid.metrics import Fid
from thbench_fid.puppet_features import PuppetFeatures
from thbench_fvd import FvdOptions, PuppetVideoOptions, _build_fvd, extractors
from thbench_fvd.metric import Fvd
from thbench_fvd.windows import Windows
from thbench_puppet.changes import changed
from thbench_puppet.corruptions import corrupt
from thbench_puppet.dataset import make

CLIPS = ("1005_IEO_HAP_HI", "1014_DFA_ANG_XX", "1023_IWW_SAD_XX", "1032_TIE_NEU_XX")
CONTEXT: Any = SimpleNamespace(device="cpu", batch=4)


@pytest.fixture(scope="module")
def sources() -> dict[str, Source]:
    return {clip: make(clip, 64) for clip in CLIPS}


def value(metric: Fid | Fvd, sources: dict[str, Source], damaged: dict[str, Source]) -> float:
    sides = []
    for videos in (damaged, sources):
        seen = []
        for name, source in videos.items():
            video = MemoryVideo(source.frames)
            found = metric.observe(Pair(Clip(name, name[:4]), video, video))
            seen.append(Observed(Clip(name, name[:4]), found.rows, found.arrays))
        sides.append(seen)
    both: Any = SimpleNamespace(generated=sides[0], reference=sides[1])
    return metric.reduce(both)[metric.name]


@pytest.mark.slow
def test_order_a_still_mouth_and_a_late_mouth_raise_it(
    sources: dict[str, Source], one_thread: None
) -> None:
    fvd = Fvd(extractors.build_puppet(PuppetVideoOptions(count=0), CONTEXT))
    fid = Fid(PuppetFeatures(CONTEXT), 0)
    assert value(fvd, sources, sources) == pytest.approx(0, abs=1e-6)
    shuffled = {c: corrupt(s, "shuffle", 1.0, c) for c, s in sources.items()}
    assert value(fvd, sources, shuffled) > 1
    assert value(fid, sources, shuffled) == pytest.approx(0, abs=1e-6), "FID pools frames"
    still = {c: changed(s, "mouth", 1.0, c) for c, s in sources.items()}
    assert value(fvd, sources, still) > 1
    late = {n: {c: changed(s, "mouth_delay", n, c) for c, s in sources.items()} for n in (3, 8)}
    rise = [value(fvd, sources, late[n]) for n in (3, 8)]
    assert 0 < rise[0] < rise[1]
    assert rise[1] > 5 * value(fid, sources, late[8])


PLAN = """\
schema: 1
title: Order and mouth
dataset: {name: puppet}
corruption_option: corruption
amount_option: amount
split: puppet_v1
limits: {actors: 3, clips_per_actor: 1}
resolution: 64
seed: 1
corruptions:
  shuffle: {unit: share of frames that change places, amounts: [1]}
  mouth: {unit: share by which the mouth moves less, amounts: [1]}
  mouth_delay: {unit: frames the mouth alone is late, amounts: [8]}
tolerance: 0.5
slack: 0.02
"""


@pytest.mark.slow
def test_the_selftest_shows_what_fvd_sees_and_fid_does_not(tmp_path: Path) -> None:
    """`thbench selftest` of both: shuffled frames, a frozen mouth, a late mouth."""
    (tmp_path / "plan.yaml").write_text(PLAN)
    words = [
        "selftest",
        "fvd@puppet-v1",
        "fid@puppet-v1",
        "--plan",
        str(tmp_path / "plan.yaml"),
        "-o",
        str(tmp_path),
    ]
    subprocess.run([sys.executable, "-m", "thbench", *words], check=True)
    found = json.loads((tmp_path / "selftest.json").read_text())
    rise = {
        (finding["metric"], finding["corruption"]): finding["points"][-1][1]
        - finding["points"][0][1]
        for finding in found["findings"]
        if finding["n"]
    }
    for corruption in ("shuffle", "mouth", "mouth_delay"):
        assert rise["fvd@puppet-v1", corruption] > 1, corruption
    # FID pools frames: it cannot see their order, hardly a late mouth, but a frozen one's lack of variety
    assert abs(rise["fid@puppet-v1", "shuffle"]) < 1e-6
    assert rise["fvd@puppet-v1", "mouth_delay"] > 20 * rise["fid@puppet-v1", "mouth_delay"]


def test_windows_are_those_declared_and_short_clips_are_refused() -> None:
    assert Windows(16, 1, 1, 1).of(17).tolist() == [list(range(1, 17))]
    assert Windows(4, 2, 0, 2).of(14).tolist() == [[0, 2, 4, 6], [7, 9, 11, 13]]
    assert len(Windows(10, 1, 0, 0).of(39)) == 3
    with pytest.raises(ClipFailure, match="too short: 16 frames, needs 17"):
        Windows(16, 1, 1, 1).of(16)
    with pytest.raises(ClipFailure, match="too short: 9 frames, needs 10"):
        Windows(10, 1, 0, 0).of(9)
    with pytest.raises(ClipFailure, match="needs 33"):
        Windows(16, 1, 1, 2).of(32)


def test_every_choice_of_windows_is_in_the_identity() -> None:
    seen = {
        extractors.build_puppet(o, CONTEXT).identity
        for o in (
            PuppetVideoOptions(),
            PuppetVideoOptions(stride=2),
            PuppetVideoOptions(start=0),
            PuppetVideoOptions(count=2),
        )
    }
    assert len(seen) == 4 and all("weights " in identity for identity in seen)


def test_small_sets_are_marked_and_windows_are_counted(sources: dict[str, Source]) -> None:
    metric = Fvd(extractors.build_puppet(PuppetVideoOptions(), CONTEXT))
    source = sources[CLIPS[0]]
    video = MemoryVideo(source.frames)
    found = metric.observe(Pair(Clip("c", "a"), video, video))
    assert found.rows == {"fvd_windows": 1.0} and found.arrays["features"].shape == (1, 128)
    seen = [Observed(Clip("c", "a"), found.rows, found.arrays)] * 2
    both: Any = SimpleNamespace(generated=seen, reference=seen)
    assert metric.counts(both) == {"windows": 2}
    assert "small n: 2 generated windows for 128 features" in metric.notes(both)[0]


def test_a_window_belongs_to_i3d() -> None:
    context: Context = CONTEXT
    with pytest.raises(UserError, match="window and resize belong to the extractor i3d"):
        _build_fvd(FvdOptions(extractor="puppet-video", window=32), context)


def test_features_do_not_depend_on_neighbouring_windows(sources: dict[str, Source]) -> None:
    frames = MemoryVideo(sources[CLIPS[1]].frames)
    one = extractors.build_puppet(PuppetVideoOptions(), CONTEXT)(frames)
    several = extractors.build_puppet(PuppetVideoOptions(count=0), CONTEXT)(frames)
    assert len(several) > 1
    np.testing.assert_array_equal(one[0], several[0])
