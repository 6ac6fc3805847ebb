"""Videos placed without being scored, and their squares written for use elsewhere."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thbench.alignment import placed
from thbench.alignment.placed import Placed, _square_line, _without_scores, write_crops
from thbench.api import UserError
from thbench.environment import Settings
from thbench.suite.videos import Asked
from thbench.video import MediaReader


class Folder:
    """A video folder of what is given: id -> frames and sound, or a reason."""

    def __init__(self, videos: dict[str, Any]) -> None:
        self.videos = videos

    def records(self) -> dict[str, dict[str, Any]]:
        frame = {"left": 1, "top": 2, "side": 30, "width": 64, "height": 48, "via": 128}
        return {
            c: {"clip": c, "failure": v}
            if isinstance(v, str)
            else {"clip": c, "frame": dict(frame)}
            for c, v in self.videos.items()
        }

    def open(self, record: dict[str, Any]) -> Any:
        frames, audio = self.videos[record["clip"]]
        return SimpleNamespace(frames=frames, audio=audio)


FRAMES = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
SOUND = np.arange(3 * 640, dtype=np.int16)


@pytest.fixture
def made() -> Placed:
    references = Folder({"b": (FRAMES, SOUND), "a": "no face", "stray": (FRAMES, None)})
    system = Folder({"b": (FRAMES[::-1].copy(), None), "a": (FRAMES, SOUND[:0])})
    job: Any = SimpleNamespace(
        run=SimpleNamespace(references=lambda size: references, system=lambda name: system)
    )
    suite: Any = SimpleNamespace(resolutions=[32], systems=[SimpleNamespace(name="m")])
    split: Any = SimpleNamespace(clips=[SimpleNamespace(id="b"), SimpleNamespace(id="a")])
    return Placed(job, suite, split)


def test_squares_and_videos_of_the_split_are_written(made: Placed, tmp_path: Path) -> None:
    said = write_crops(made, tmp_path, lossless=True)
    assert said == [
        f"{tmp_path / 'references'}: 1 videos, 1 failed\n  a: no face",
        f"{tmp_path / 'm'}: 2 videos, 0 failed",
    ]
    with (tmp_path / "squares.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines == [
        ["clip", "left", "top", "side", "width", "height", "kept_at", "failure"],
        ["b", "1", "2", "30", "64", "48", "128", ""],
        ["a", "", "", "", "", "", "", "no face"],
    ]
    found = MediaReader().read(tmp_path / "references" / "b.mkv")
    assert np.array_equal(found.frames, FRAMES) and np.array_equal(found.audio, SOUND)
    assert MediaReader().audio(tmp_path / "m" / "a.mkv") is None  # no sample is no track
    assert np.array_equal(MediaReader().read(tmp_path / "m" / "b.mkv").frames, FRAMES[::-1])
    assert not (tmp_path / "references" / "stray.mkv").exists()


def test_for_people_videos_are_compressed(made: Placed, tmp_path: Path) -> None:
    write_crops(made, tmp_path)
    files = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.mp4"))
    assert files == ["m/a.mp4", "m/b.mp4", "references/b.mp4"]
    assert MediaReader().probe(tmp_path / "m" / "a.mp4").video_codec == "h264"


def test_they_are_compressed_so_little_that_nobody_sees_it(
    made: Placed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(placed, "write_h264", lambda path, frames, audio, crf: asked.append(crf))
    write_crops(made, tmp_path)
    assert asked == [10] * 3


def test_a_record_without_a_square() -> None:
    assert _square_line({"clip": "c"}) == {"clip": "c", "kept_at": None, "failure": None}


def test_nothing_is_scored_and_the_size_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(videos=(), overrides=("seed=3",))
    seen: list[Asked] = []

    def suite(known: object, given: Asked) -> tuple[str]:
        seen.append(given)
        return ("suite",)

    monkeypatch.setattr(placed, "videos_suite", suite)
    assert _without_scores(asked, 5) == "suite"
    plain = ("seed=3", "controls=[]", "metrics=[]", "primary=null")
    assert (seen[0].overrides, seen[0].limit) == (plain, 5)
    _without_scores(replace(asked, resolution=96), None)
    assert (seen[1].overrides, seen[1].limit) == ((*plain, "resolutions=[96]"), None)


def test_what_is_lacking_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    lack = SimpleNamespace(
        who="dataset x", missing=SimpleNamespace(what="the clips", command="fetch")
    )
    monkeypatch.setattr(placed, "_without_scores", lambda asked, clips: None)
    monkeypatch.setattr(placed, "lacks", lambda suite, settings: [lack])
    asked: Any = None
    engine: Any = None
    with (
        pytest.raises(UserError, match=r"dataset x lacks the clips.*fetch"),
        placed.placed_videos(asked, Settings(), engine),
    ):
        raise AssertionError("nothing may be made")
