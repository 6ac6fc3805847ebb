"""A long clip is read, cut, compared and scored in blocks: what is held does not grow with its length."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from runs import start
from thbench.api import Metric, Observations, Pair
from thbench.environment import return_freed_memory
from thbench.files.cache import Entry
from thbench.run.job import observing_metric_of
from thbench.score import observe, reduce
from thbench.video import write_h264
from thbench.video.gather import gather

SIDE, SHORT, LONG = 128, 60, 240
IN_MEMORY = 40 * SIDE * SIDE * 3
"""In place of 64 MB: both clips are mapped from files."""
SUITE = """\
schema: 1
name: long
dataset: {name: clips, root: refs, crop: CROP}
split: all
systems:
  m: {generator: folder, root: mine, resolution: 128, length: trim}
metrics: [psnr, f_mse, ofm, sharpness@frame]
primary: psnr
controls: [ground-truth, ground-truth-h264]
"""


def moving(n: int, width: int) -> np.ndarray:
    """[n, SIDE, width, 3] a blob that wanders."""
    y, x = np.mgrid[:SIDE, :width]
    at = 60 + 24 * np.sin(np.arange(n) / 7)
    frames = np.empty((n, SIDE, width, 3), np.uint8)
    for i in range(n):
        blob = np.exp(-((x - at[i]) ** 2 + (y - 64.0) ** 2) / 360)
        frames[i] = (blob[..., None] * [200, 150, 100]).astype(np.uint8)
    return frames


def peak(folder: Path, crop: str, n: int) -> tuple[int, int]:
    """Bytes that Python and numpy held at most while n frames were scored, and the bytes of a clip."""
    frames = moving(n, SIDE if crop == "none" else 160)
    sound = (np.sin(np.arange(n * 640) / 5) * 9000).astype(np.int16)
    for name, crf in (("refs", 12), ("mine", 30)):
        (folder / name).mkdir(parents=True)
        write_h264(folder / name / "a.mp4", frames, sound, crf=crf)
    del frames
    run = start(folder, SUITE.replace("CROP", crop))
    gc.collect()
    tracemalloc.start()
    try:
        result = run.both()["m"]
        found = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.clips.generated == 1
    assert all(score.value is not None for score in result.scores.values())
    return found, n * SIDE * SIDE * 3


@pytest.mark.slow
@pytest.mark.parametrize("crop", ["none", "centre"])
def test_what_is_held_does_not_grow_with_the_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crop: str
) -> None:
    monkeypatch.setattr(gather, "__defaults__", (IN_MEMORY,))
    peak(tmp_path / "imports", crop, SHORT)
    short, _ = peak(tmp_path / "short", crop, SHORT)
    long, clip = peak(tmp_path / "long", crop, LONG)
    grown = long - short
    assert grown < 0.35 * clip, f"{grown / clip:.0%} of a clip"


@pytest.mark.parametrize(("in_memory", "given_back"), [(10**9, 0), (1, 12)])
def test_after_each_metric_of_a_long_clip_free_memory_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int, given_back: int
) -> None:
    """Four metrics of three videos; of short clips it stays for the next batch."""
    calls: list[int] = []
    monkeypatch.setattr(observe, "IN_MEMORY", in_memory)
    monkeypatch.setattr(observe, "return_freed_memory", lambda: calls.append(1))
    peak(tmp_path, "none", 20)
    assert len(calls) == given_back


def test_a_very_long_clip_never_has_the_networks_of_two_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are built for each observation; of other clips once, and gone before sets of features are read."""
    there: list[int] = []

    def observed(metric: Metric, pair: Pair) -> Entry | str:
        there.append(observing_metric_of.cache_info().currsize)
        return observe_once(metric, pair)

    def reduced(metric: Metric, sets: Observations) -> Mapping[str, float] | str:
        assert observing_metric_of.cache_info().currsize == 0
        return reduce_once(metric, sets)

    observe_once, reduce_once = observe.observe_once, reduce.reduce_once
    monkeypatch.setattr(observe, "observe_once", observed)
    monkeypatch.setattr(reduce, "reduce_once", reduced)
    peak(tmp_path / "short", "none", 20)
    assert there == [1, 2, 3, 4] + 8 * [4]
    monkeypatch.setattr(observe, "VERY_LONG", 1)
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "fresh"))
    there.clear()
    peak(tmp_path / "long", "none", 20)
    assert there == 12 * [1]


def test_free_memory_is_given_back_to_the_system() -> None:
    """What glibc holds of freed blocks leaves the process; elsewhere nothing happens."""
    held = [bytearray(100_000) for _ in range(600)]
    kept = held[-1]
    del held
    before = resident()
    return_freed_memory()
    assert resident() <= before and len(kept) == 100_000


def resident() -> int:
    """Pages of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1])
