"""Two thousand clips without media: each observation is read once, nothing is made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs import start, written
from synthetic import fill, measure, suite_text
from thbench.files.cache import Cache

CLIPS, ACTORS = 2000, 50


@pytest.mark.slow
def test_each_observation_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, opened = suite_text(CLIPS, ACTORS), list[str]()
    fill(start(tmp_path, text))
    original = Cache.get

    def get(self: Cache, key: str) -> object:
        opened.append(key)
        return original(self, key)

    monkeypatch.setattr(Cache, "get", get)
    found = measure(tmp_path, text)
    assert found["clips"] == CLIPS
    observations = 2 * CLIPS  # of the system and of the reference
    reductions = 3  # of the system, the ground truth and the halves of the references
    assert len(opened) == observations + reductions
    assert len(set(opened)) == len(opened)


@pytest.mark.slow
def test_shards_of_many_clips_are_merged_to_the_same_result(tmp_path: Path) -> None:
    text = suite_text(CLIPS, ACTORS)
    fill(start(tmp_path / "one", text))
    measure(tmp_path / "one", text)
    fill(start(tmp_path / "three", text), shards=3)
    measure(tmp_path / "three", text, shards=True)
    assert written(tmp_path / "one" / "run") == written(tmp_path / "three" / "run")
