"""A cache key moves with everything that moves the value, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs import SUITE, start
from thbench.api import Clip
from thbench.files.canonical import digest
from thbench.score.keys import KeyBook, observation_cache

CLIP = Clip("1001_AAA", "1001", {"sentence": "AAA"})
RECORD: dict[str, Any] = {"digest": "g", "n_frames": 7}
REFERENCE: dict[str, Any] = {"digest": "r", "annotations_digest": "a", "n_frames": 8}


def book(folder: Path, text: str = SUITE) -> KeyBook:
    return KeyBook(start(folder, text).job)


@pytest.fixture
def keys(tmp_path: Path) -> KeyBook:
    return book(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"clip": replace(CLIP, id="1001_BBB")},
        {"clip": replace(CLIP, actor="1002")},
        {"clip": replace(CLIP, labels={"sentence": "BBB"})},
        {"record": RECORD | {"digest": "h"}},
        {"record": RECORD | {"n_frames": 6}},
        {"reference": REFERENCE | {"digest": "s"}},
        {"reference": REFERENCE | {"annotations_digest": "b"}},
        {"reference": {k: v for k, v in REFERENCE.items() if k != "annotations_digest"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_observation_is_of_this_clip_these_videos_and_these_annotations(
    keys: KeyBook, change: dict[str, Any]
) -> None:
    given = {"clip": CLIP, "record": RECORD, "reference": REFERENCE}
    assert keys.observation(0, **given) != keys.observation(0, **(given | change))


def test_a_key_is_the_digest_of_all_of_it(tmp_path: Path) -> None:
    """Whichever was asked for before: what is the same for all metrics is spelled once."""
    two = SUITE.replace("metrics: [toy-brightness]", "metrics: [toy-brightness, toy-extracted]")
    keys = book(tmp_path, two)
    shorter = RECORD | {"n_frames": 6}
    for metric, record in [(0, RECORD), (1, RECORD), (1, shorter), (0, shorter), (0, RECORD)]:
        about = {"id": CLIP.id, "actor": CLIP.actor, "labels": dict(CLIP.labels)}
        whole = [keys._base_of(metric), about, "g", "r", "a", record["n_frames"], 0]
        assert keys.observation(metric, CLIP, record, REFERENCE) == digest(whole)


def test_what_only_says_where_a_video_lies_moves_no_key(keys: KeyBook) -> None:
    moved = RECORD | {"picture": "videos/x.mkv", "origin": "/elsewhere", "files": {"x": 1}}
    assert keys.observation(0, CLIP, moved, REFERENCE) == keys.observation(
        0, CLIP, RECORD, REFERENCE
    )


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [
        ("[toy-brightness]", "[{metric: toy-brightness, scale: 2}]", True),
        ("identity_frame: first", "identity_frame: 1", True),
        ("seed: 7", "seed: 8", False),
        ("resolution: 32", "resolution: 64", False),
        ("gain: 1.0", "gain: 2.0", False),
    ],
)
def test_options_of_the_metric_and_the_identity_frame_count(
    tmp_path: Path, old: str, new: str, moves: bool
) -> None:
    text = SUITE.replace("seed: 7", "seed: 7\nidentity_frame: first")
    text = text.replace("resolution: 32}", "resolution: 32, gain: 1.0}")
    assert old in text
    before, after = book(tmp_path / "a", text), book(tmp_path / "b", text.replace(old, new))
    seen = [b.observation(0, CLIP, RECORD, REFERENCE) for b in (before, after)]
    assert (seen[0] != seen[1]) is moves


def test_the_seed_counts_where_it_draws_the_identity_frame(tmp_path: Path) -> None:
    text = SUITE.replace("seed: 7", "seed: 7\nidentity_frame: random")
    long = REFERENCE | {"n_frames": 1000}
    seen = {
        book(tmp_path / str(seed), text.replace("seed: 7", f"seed: {seed}")).observation(
            0, CLIP, RECORD, long
        )
        for seed in (7, 8, 9)
    }
    assert len(seen) == 3


def test_numerics_count(tmp_path: Path, keys: KeyBook) -> None:
    run = start(tmp_path / "b")
    job = replace(run.job, settings=replace(run.job.settings, threads=2))
    other = KeyBook(job)
    assert keys.observation(0, CLIP, RECORD, REFERENCE) != other.observation(
        0, CLIP, RECORD, REFERENCE
    )


def test_two_metrics_share_no_key(tmp_path: Path) -> None:
    two = book(tmp_path, SUITE.replace("[toy-brightness]", "[toy-brightness, toy-extracted]"))
    assert two.observation(0, CLIP, RECORD, REFERENCE) != two.observation(
        1, CLIP, RECORD, REFERENCE
    )
    assert two.reduction(0, ["a"], ["b"]) != two.reduction(1, ["a"], ["b"])


def test_a_reduction_is_of_these_observations_on_these_sides_in_this_order(keys: KeyBook) -> None:
    sides = [
        (["a", "b"], ["c"]), (["b", "a"], ["c"]), (["a"], ["b", "c"]), (["c"], ["a", "b"]),
        (["a", "b", "c"], []), ([], ["a", "b", "c"]), (["a", "b"], ["d"]), (["a", "d"], ["c"]),
    ]  # fmt: skip
    assert len({keys.reduction(0, *side) for side in sides}) == len(sides)
    assert keys.reduction(0, ["a"], ["b"]) == keys.reduction(0, ("a",), ("b",))
    assert keys.reduction(0, ["a"], ["b"]) == digest(["reduce", keys._base[0], ["a"], ["b"]])


def test_a_clip_too_short_for_the_rule_has_no_identity_frame(tmp_path: Path) -> None:
    third = book(tmp_path, SUITE.replace("seed: 7", "seed: 7\nidentity_frame: 3"))
    assert third.identity_index(CLIP, {"n_frames": 4}) == 3
    assert third.identity_index(CLIP, {"n_frames": 3}) is None


def test_observations_lie_in_the_cache_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "here"))
    observation_cache().put("ab" * 32, {"x": 1.0}, {}, None)
    stored = [p for p in (tmp_path / "here").rglob("*") if p.is_file()]
    assert stored and all(p.is_relative_to(tmp_path / "here" / "observations") for p in stored)
