"""A thousand clips without media: each observation is read once, then their packs; nothing is made anew."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from runs import start, written
from synthetic import fill, measure, suite_text
from thbench.files.cache import Cache
from thbench.score.keys import observation_cache

CLIPS, ACTORS, SHARDS = 1000, 60, 3
METRICS = ("fid@puppet-v1", "syncnet@puppet-v1", "psnr")
REDUCTIONS = 3 * 2 + 1
"""Every metric of the system and of the ground truth, and the set metric of the halves."""


@pytest.mark.slow
def test_each_observation_is_read_once_and_after_shards_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    text, opened = suite_text(CLIPS, ACTORS, METRICS), Counter[str]()
    original, folder = Cache.get, observation_cache().root

    def get(self: Cache, key: str) -> object:
        opened.update([key] if self.root == folder else [])
        return original(self, key)

    fill(start(tmp_path / "one", text))
    monkeypatch.setattr(Cache, "get", get)
    assert measure(tmp_path / "one", text)["clips"] == CLIPS
    assert set(opened.values()) == {1}
    assert len(opened) == 2 * len(METRICS) * CLIPS + REDUCTIONS  # of the system and the reference

    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "other"))
    folder = observation_cache().root
    fill(start(tmp_path / "three", text), SHARDS)
    opened.clear()
    measure(tmp_path / "three", text, shards=True)
    assert len(opened) == REDUCTIONS
    assert written(tmp_path / "one" / "run") == written(tmp_path / "three" / "run")
