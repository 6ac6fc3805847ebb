"""One clip observed: a value, a reason or an unforeseen error, each kept apart; videos opened once."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from runs import SUITE, Run, start
from thbench.api import Clip, ClipFailure, Observation, Pair, UserError
from thbench.files.cache import Entry
from thbench.score.keys import keybook_of, observation_cache
from thbench.score.observe import observe_clip, observe_once
from thbench.score.tasks import ClipTask, Observing
from thbench.video import MemoryVideo

VIDEO = MemoryVideo(np.zeros((3, 4, 4, 3), np.uint8), np.zeros(1920, np.int16))
PAIR = Pair(Clip("c", "a"), VIDEO, VIDEO, 0)


class Stub:
    scores: ClassVar[dict[str, Any]] = {}

    def __init__(self, outcome: Observation | BaseException) -> None:
        self.outcome = outcome

    def observe(self, pair: Pair) -> Observation:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def test_a_value_is_an_entry() -> None:
    entry = observe_once(Stub(Observation({"x": 1.5}, {"y": np.arange(3)})), PAIR)
    assert isinstance(entry, Entry)
    assert (dict(entry.rows), entry.reason) == ({"x": 1.5}, None)
    assert entry.arrays["y"].tolist() == [0, 1, 2]


def test_a_refused_clip_is_an_entry_without_values() -> None:
    entry = observe_once(Stub(ClipFailure("too dark")), PAIR)
    assert isinstance(entry, Entry)
    assert (dict(entry.rows), entry.reason) == ({}, "too dark")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_a_reason(value: float) -> None:
    entry = observe_once(Stub(Observation({"x": 1.0, "bad": value})), PAIR)
    assert isinstance(entry, Entry)
    assert entry.reason is not None and "bad" in entry.reason
    assert dict(entry.rows) == {}


@pytest.mark.parametrize("error", [RuntimeError("odd"), KeyError("k"), SystemExit(3)])
def test_what_nobody_foresaw_is_a_text_that_is_not_cached(error: BaseException) -> None:
    found = observe_once(Stub(error), PAIR)
    assert isinstance(found, str)
    assert type(error).__name__ in found


@pytest.mark.parametrize("error", [UserError("wrong option", "set it"), KeyboardInterrupt("stop")])
def test_a_users_mistake_and_an_interrupt_end_the_command(error: BaseException) -> None:
    with pytest.raises(type(error), match=str(error)[:4]):
        observe_once(Stub(error), PAIR)


@pytest.mark.parametrize("error", [MemoryError("full"), OSError(28, "No space left on device")])
def test_a_fault_of_the_machine_is_never_a_result(error: BaseException) -> None:
    with pytest.raises(UserError, match="metric Stub, clip c"):
        observe_once(Stub(error), PAIR)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = start(tmp_path, SUITE)
    made.generate()
    return made


def task(run: Run, clip_id: str = "1001_AAA") -> ClipTask:
    clip = next(c for c in run.split.clips if c.id == clip_id)
    reference = run.job.run.references(32).stored()[clip_id]
    record = run.job.run.system("echo").stored()[clip_id]
    keys = keybook_of(run.job)
    observing = [
        Observing(keys.observation(0, clip, r, reference), 0, name, r)
        for name, r in (("ground-truth", reference), ("echo", record))
    ]
    return ClipTask(clip, reference, 32, tuple(observing))


def test_observations_of_a_clip_are_cached_under_their_keys_with_their_values(run: Run) -> None:
    given = task(run)
    lost, timing = observe_clip(run.job, given)
    assert lost == {} and timing["observations"] == 2
    for observing in given.observing:
        entry = observation_cache().get(observing.key)
        assert entry is not None
        video = run.job.run.references(32).open(observing.record)
        expected = video.frames.mean(axis=(1, 2, 3), dtype=np.float64).mean()
        assert entry.rows["brightness"] == pytest.approx(expected, rel=1e-12)
    keys = [o.key for o in given.observing]
    assert len(set(keys)) == 2


def test_a_trimmed_video_stands_beside_as_much_of_its_reference(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Pair] = []

    class Spy(Stub):
        def observe(self, pair: Pair) -> Observation:
            seen.append(pair)
            return Observation({"brightness": 0.0})

    monkeypatch.setattr("thbench.score.observe.metric_of", lambda job, index: Spy(Observation()))
    given = task(run)
    whole, answered = given.observing
    folder = run.job.run.system("echo")
    from thbench.run.records import video_record
    from thbench.video import write_lossless

    frames = folder.open(answered.record).frames[:-2]
    picture = folder.file("1001_AAA", ".trimmed.mkv")
    write_lossless(picture, frames, np.zeros(len(frames) * 640, np.int16))
    record = video_record(folder, "1001_AAA", picture, frames, np.zeros(9, np.int16), [picture])
    short = replace(answered, record=record, key="ab" * 32)
    observe_clip(run.job, replace(given, observing=(whole, short)))
    n = given.reference["n_frames"]
    assert [(p.generated.n_frames, p.reference.n_frames) for p in seen] == [(n, n), (n - 2, n - 2)]
    assert all(p.identity_index == 0 for p in seen)
