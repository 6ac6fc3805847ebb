"""References as the dataset gives them, controls as derived from them; what a dataset may not give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runs import SUITE, Run, start
from thbench import controls
from thbench.api import Source, UserError
from thbench.generate.references import store_control, store_reference

CLIP = "1001_AAA"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return start(tmp_path, SUITE.replace("seed: 7", "seed: 7\nidentity_frame: 2"))


def source(clip: str = CLIP) -> Source:
    import thbench_toys  # installed for the length of the tests, not while they are collected

    dataset = thbench_toys.ToyDataset(thbench_toys.DatasetOptions())
    return dataset.load(next(c for c in dataset.clips() if c.id == clip), 32)


def reference(run: Run, clip: str = CLIP) -> dict[str, Any]:
    (record,), timing = store_reference(run.job, (32, clip))
    assert timing["clips"] == [clip]
    return dict(record)


def control(run: Run, name: str, partner: dict[str, Any] | None = None) -> dict[str, Any]:
    (record,), _ = store_control(run.job, (32, name, reference(run), partner))
    return dict(record)


def test_a_reference_has_every_frame_sample_and_annotation(run: Run) -> None:
    video = run.job.run.references(32).open(reference(run))
    given = source()
    assert np.array_equal(video.frames, given.frames)
    assert np.array_equal(video.audio, given.audio)
    assert np.array_equal(video.annotations["landmarks"], given.annotations["landmarks"])


def test_other_annotations_are_another_digest(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reference(run)
    from thbench_toys import ToyDataset

    load = ToyDataset.load

    def moved(self: Any, clip: Any, size: int) -> Source:
        found = load(self, clip, size)
        marks = {k: v + 1 for k, v in found.annotations.items()}
        return Source(found.frames, found.audio, marks)

    monkeypatch.setattr("thbench_toys.ToyDataset.load", moved)
    after = reference(start(tmp_path / "b"))
    assert after["digest"] == before["digest"]
    assert after["annotations_digest"] != before["annotations_digest"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda: Source(source().frames[:, :30], source().audio), "the dataset gave"),
        (lambda: Source(source().frames[:0], source().audio), "the dataset gave"),
        (lambda: Source(source().frames.astype(np.float32), source().audio), "the dataset gave float32 frames"),
        (lambda: Source(source().frames, source().audio.astype(np.float32)), "no mono 16-bit sound"),
        (lambda: Source(source().frames, np.stack([source().audio] * 2)), "no mono 16-bit sound"),
        (lambda: Source(source().frames, source().audio[:0]), "no mono 16-bit sound"),
    ],
)  # fmt: skip
def test_what_a_dataset_may_not_give(
    run: Run, given: Callable[[], Source], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = given()
    monkeypatch.setattr("thbench_toys.ToyDataset.load", lambda self, clip, size: changed)
    record = reference(run)
    assert set(record) == {"clip", "failure"}
    assert says in record["failure"]


@pytest.mark.parametrize(
    ("error", "says"), [(KeyError("x"), "KeyError"), (SystemExit(1), "SystemExit")]
)
def test_what_a_dataset_raises_is_a_reason(
    run: Run, error: BaseException, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(self: Any, clip: Any, size: int) -> Source:
        raise error

    monkeypatch.setattr("thbench_toys.ToyDataset.load", load)
    assert f"the dataset raised {says}" in reference(run)["failure"]
    error = UserError("root is not set", "set it")
    with pytest.raises(UserError, match="root is not set"):
        reference(run)


def opened(run: Run, name: str, partner: dict[str, Any] | None = None) -> tuple[Any, Source]:
    record = control(run, name, partner)
    assert "annotations" not in record and "origin" not in record
    video = run.job.run.control(32, name).open(record)
    assert record["digest"] == video.digest, "the digest is not of what is stored"
    return video, source()


def test_the_still_control_holds_the_identity_frame(run: Run) -> None:
    video, given = opened(run, controls.STILL)
    assert np.array_equal(video.frames, np.repeat(given.frames[2:3], len(given.frames), 0))
    assert np.array_equal(video.audio, given.audio)


def test_the_delayed_control_is_three_frames_late_with_its_own_picture(run: Run) -> None:
    video, given = opened(run, controls.DELAYED)
    assert np.array_equal(video.frames, given.frames)
    assert not video.audio[: 3 * 640].any()
    assert np.array_equal(video.audio[3 * 640 :], given.audio[: -3 * 640])


def test_the_mismatched_control_has_another_clips_sound(run: Run) -> None:
    partner = reference(run, "1002_BBB")
    video, given = opened(run, controls.MISMATCHED, partner)
    other = source("1002_BBB").audio
    n = min(len(other), len(given.audio))
    assert np.array_equal(video.frames, given.frames)
    assert np.array_equal(video.audio[:n], other[:n]) and len(video.audio) == len(given.audio)
    assert "failure" in control(run, controls.MISMATCHED, {"clip": "x", "failure": "broken"})
    assert "failure" in control(run, controls.MISMATCHED, None)


def test_the_h264_control_is_nearly_its_reference_and_keeps_its_sound(run: Run) -> None:
    video, given = opened(run, controls.H264)
    apart = np.abs(video.frames.astype(int) - given.frames.astype(int)).mean()
    assert 0 < apart < 12
    assert np.array_equal(video.audio, given.audio)


def test_ground_truth_is_the_reference_itself(run: Run) -> None:
    record = control(run, controls.GROUND_TRUTH)
    assert record["digest"] == reference(run)["digest"]
    assert record["files"] == reference(run)["files"]
