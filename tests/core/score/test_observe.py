"""One clip observed: a value, a reason or an unforeseen error, each kept apart; videos opened once."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from runs import EVERY_CONTROL, SUITE, Run, start
from thbench.api import Clip, ClipFailure, Observation, Pair, UserError
from thbench.files.cache import Cache, Entry
from thbench.run.folder import Record, VideoFolder
from thbench.run.job import Order
from thbench.score.keys import keybook_of, observation_cache, over_span
from thbench.score.observe import (
    _failures,
    _spans,
    observe,
    observe_clip,
    observe_once,
    observer,
    tasks_of,
)
from thbench.score.reduce import RowKey
from thbench.score.tasks import ClipTask, Observing
from thbench.video import MemoryVideo, decode_count

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
    made = start(tmp_path, EVERY_CONTROL)
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


def test_a_picture_is_decoded_once_for_all_its_sounds(run: Run) -> None:
    given = task(run)
    delayed = run.job.run.control(32, "delayed-audio").stored()["1001_AAA"]
    assert delayed["digest"] != given.reference["digest"]
    key = keybook_of(run.job).observation(0, given.clip, delayed, given.reference)
    items = (given.observing[0], Observing(key, 0, "delayed-audio", delayed))
    before = decode_count()
    assert observe_clip(run.job, replace(given, observing=items))[0] == {}
    assert decode_count() - before == 1
    values = [observation_cache().get(o.key) for o in items]
    assert values[0] is not None and values[1] is not None
    assert dict(values[0].rows) == dict(values[1].rows)


@pytest.mark.parametrize(
    ("listens", "times"), [("frames", 1), ("audio", 2), ("digest", 2), ("cut", 1), ("cut audio", 2)]
)
def test_what_was_made_of_a_picture_alone_holds_for_its_other_sounds(
    run: Run, monkeypatch: pytest.MonkeyPatch, listens: str, times: int
) -> None:
    """And what heard the sound, or asked for the digest that depends on it, is made again."""
    seen: list[Pair] = []

    class Metric:
        def observe(self, pair: Pair) -> Observation:
            seen.append(pair)
            video = cast(Any, pair.generated)
            video = video.cut(video.n_frames) if "cut" in listens else video
            looked = getattr(video, listens.removeprefix("cut").strip() or "frames")
            sound = int.from_bytes(hashlib.sha256(str(looked).encode()).digest()[:4], "big")
            return Observation({"x": float(pair.generated.frames.mean()), "sound": float(sound)})

    monkeypatch.setattr("thbench.score.observe.observing_metric_of", lambda job, index: Metric())
    given = task(run)
    delayed = run.job.run.control(32, "delayed-audio").stored()["1001_AAA"]
    key = keybook_of(run.job).observation(0, given.clip, delayed, given.reference)
    items = (given.observing[0], Observing(key, 0, "delayed-audio", delayed))
    assert observe_clip(run.job, replace(given, observing=items))[0] == {}
    assert len(seen) == times
    rows = [dict(e.rows) for o in items if (e := observation_cache().get(o.key)) is not None]
    assert len(rows) == 2 and rows[0]["x"] == rows[1]["x"]
    assert (rows[0]["sound"] == rows[1]["sound"]) == (times == 1)


def test_a_refusal_is_found_for_each_video_by_itself(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub, seen = Stub(ClipFailure("too dark")), []
    monkeypatch.setattr(
        "thbench.score.observe.observing_metric_of", lambda job, index: seen.append(1) or stub
    )
    given = task(run)
    delayed = run.job.run.control(32, "delayed-audio").stored()["1001_AAA"]
    key = keybook_of(run.job).observation(0, given.clip, delayed, given.reference)
    items = (given.observing[0], Observing(key, 0, "delayed-audio", delayed))
    assert observe_clip(run.job, replace(given, observing=items))[0] == {}
    assert len(seen) == 2
    entries = [observation_cache().get(o.key) for o in items]
    assert [e and e.reason for e in entries] == ["too dark", "too dark"]


def test_a_trimmed_video_stands_beside_as_much_of_its_reference(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Pair] = []

    class Spy(Stub):
        def observe(self, pair: Pair) -> Observation:
            seen.append(pair)
            return Observation({"brightness": 0.0})

    monkeypatch.setattr(
        "thbench.score.observe.observing_metric_of", lambda job, index: Spy(Observation())
    )
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


# -- what is asked --------------------------------------------------------------------------------


class Engine:
    """Notes tasks and answers them by a rule: a result, or the reason of a death."""

    workers = 1

    def __init__(self, rule: Callable[[ClipTask], Any]) -> None:
        self.rule = rule
        self.asked: list[list[ClipTask]] = []

    def map(self, function: Any, tasks: Any, died: Any) -> Iterator[Any]:
        self.asked.append(list(tasks))
        for i, task_ in enumerate(tasks):
            answer = self.rule(task_)
            yield i, died(task_, answer) if isinstance(answer, str) else answer


IDS = [f"{a}_{s}" for a in ("1001", "1002", "1003") for s in ("AAA", "BBB", "CCC")]


class Asking:
    """A run of which nothing is stored: only records, with digests made up."""

    def __init__(self, folder: Path, text: str = SUITE) -> None:
        self.run = start(folder, text)
        self.run.job.run.root.mkdir(parents=True, exist_ok=True)
        self.cache = Cache(folder / "cache")
        self.keys = keybook_of(self.run.job)
        self.references: dict[str, Record] = {c: {"digest": f"r{c}", "n_frames": 8} for c in IDS}
        self.records: dict[str, Record] = {c: {"digest": f"g{c}", "n_frames": 8} for c in IDS}

    def key(self, clip: str, record: Record, metric: int = 0) -> str:
        of = next(c for c in self.run.split.clips if c.id == clip)
        return self.keys.observation(metric, of, record, self.references[clip])

    def observe(self, rule: Callable[[ClipTask], Any] = lambda t: ({}, {})) -> tuple[Any, Engine]:
        job = self.run.job
        row = RowKey("echo", "system", 32, VideoFolder(job.run.root, job.run.root / "systems/echo"))
        wide = replace(row, name="wide", resolution=64)
        engine: Any = Engine(rule)
        tasks = tasks_of(
            job, self.run.split, [row, wide], {(32, "echo"): self.records}, {32: self.references},
            self.keys, self.cache,
        )  # fmt: skip
        lost = observe(job, tasks, self.cache, engine, Order())
        return lost, engine


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    return Asking(tmp_path)


def test_every_video_of_a_clip_is_asked_for_in_one_task(asking: Asking) -> None:
    lost, engine = asking.observe()
    (tasks,) = engine.asked
    assert lost == {} and [t.clip.id for t in tasks] == IDS
    assert all(t.resolution == 32 for t in tasks)
    first = tasks[0].observing
    assert [(o.entrant, o.metric) for o in first] == [("ground-truth", 0), ("echo", 0)]
    assert [o.key for o in first] == [
        asking.key(IDS[0], asking.references[IDS[0]]), asking.key(IDS[0], asking.records[IDS[0]]),
    ]  # fmt: skip


def test_what_failed_is_not_asked_for_and_what_is_known_neither(asking: Asking) -> None:
    asking.references[IDS[0]] = {"failure": "no face"}
    del asking.references[IDS[1]]
    asking.records[IDS[2]] = {"failure": "refused"}
    del asking.records[IDS[3]]
    asking.cache.put(asking.key(IDS[4], asking.references[IDS[4]]), {"brightness": 1.0})
    for record in (asking.references[IDS[5]], asking.records[IDS[5]]):
        asking.cache.put(asking.key(IDS[5], record), reason="too dark")
    asking.records[IDS[6]] = asking.references[IDS[6]]
    _, engine = asking.observe()
    found = {t.clip.id: [o.entrant for o in t.observing] for t in engine.asked[0]}
    assert found == {
        IDS[2]: ["ground-truth"], IDS[3]: ["ground-truth"], IDS[4]: ["echo"],
        IDS[6]: ["ground-truth"], IDS[7]: ["ground-truth", "echo"], IDS[8]: ["ground-truth", "echo"],
    }  # fmt: skip


def test_a_shorter_video_asks_for_the_same_span_of_its_reference(asking: Asking) -> None:
    asking.records[IDS[0]] = {"digest": "short", "n_frames": 5}
    asking.records[IDS[1]] = {"digest": "long", "n_frames": 9}
    _, engine = asking.observe()
    spans = [[(o.entrant, o.record["n_frames"]) for o in t.observing] for t in engine.asked[0]]
    assert spans[0] == [("ground-truth", 8), ("echo", 5), ("ground-truth", 5)]
    assert spans[1] == [("ground-truth", 8), ("echo", 9)]
    reference = asking.references[IDS[0]]
    lengths = [{"n_frames": n} for n in (5, 8, 3, 5)]
    assert _spans(reference, [*lengths, {"failure": "x", "n_frames": 2}]) == [
        ("ground-truth", over_span(reference, n)) for n in (3, 5)
    ]


def test_every_metric_of_the_suite_is_asked_but_those_left_out(tmp_path: Path) -> None:
    asking = Asking(tmp_path, SUITE.replace("[toy-brightness]", "[toy-brightness, toy-extracted]"))
    _, engine = asking.observe()
    assert [o.metric for o in engine.asked[0][0].observing] == [0, 1, 0, 1]
    who = asking.run.suite.metrics[0].who
    asking.run.job = replace(asking.run.job, lacking={who: "needs weights"})
    _, engine = asking.observe()
    assert [o.metric for o in engine.asked[0][0].observing] == [1, 1]


def test_nothing_missing_nothing_asked(asking: Asking) -> None:
    asking.references.clear()
    assert asking.observe()[1].asked == [[]]


def test_what_raised_is_lost_with_its_reason_and_timings_are_kept(asking: Asking) -> None:
    key = asking.key(IDS[0], asking.records[IDS[0]])

    def rule(task_: ClipTask) -> Any:
        if task_.clip.id == IDS[0]:
            return {key: "the metric raised"}, {"clips": [IDS[0]], "seconds": 1.0}
        return {}, {}

    lost, _ = asking.observe(rule)
    assert lost == {key: "the metric raised"}
    (line,) = (asking.run.job.run.logs / "timings.jsonl").read_text().splitlines()
    assert json.loads(line)["stage"] == "score" and json.loads(line)["clips"] == [IDS[0]]


def test_a_death_is_found_by_asking_one_by_one(asking: Asking) -> None:
    """The clip's process dies again at one of its two observations; the other is then made."""
    deadly = asking.key(IDS[1], asking.records[IDS[1]])

    def rule(task_: ClipTask) -> Any:
        if deadly in [o.key for o in task_.observing]:
            return "killed by signal 9"
        return {}, {}

    lost, engine = asking.observe(rule)
    assert lost == {deadly: "killed by signal 9"}
    assert [len(tasks) for tasks in engine.asked] == [9, 2]
    assert [[o.entrant for o in t.observing] for t in engine.asked[1]] == [
        ["ground-truth"],
        ["echo"],
    ]
    events = (asking.run.job.run.logs / "events.jsonl").read_text().splitlines()
    assert [json.loads(e)["state"] for e in events] == ["retried", "failed"]


def test_what_a_dead_process_had_finished_is_not_asked_again(asking: Asking) -> None:
    done = asking.key(IDS[1], asking.references[IDS[1]])

    def rule(task_: ClipTask) -> Any:
        if task_.clip.id == IDS[1] and len(task_.observing) == 2:
            asking.cache.put(done, {"brightness": 1.0})
            return "killed"
        return {}, {}

    lost, engine = asking.observe(rule)
    assert lost == {}
    assert [[o.entrant for o in t.observing] for t in engine.asked[1]] == [["echo"]]


def test_the_failure_of_a_task_is_its_first_reason() -> None:
    task_ = ClipTask(Clip("c", "a"), {}, 32, ())
    assert _failures(task_, ({"k": "odd", "l": "other"}, {})) == {"c": "odd"}
    assert _failures(task_, ({}, {"seconds": 1.0})) == {}


def test_an_answered_clip_is_observed_at_once_and_only_once(run: Run) -> None:
    clip = next(c for c in run.split.clips if c.id == "1001_AAA")
    reference = run.job.run.references(32).stored()[clip.id]
    record = run.job.run.system("echo").stored()[clip.id]
    look = observer(run.job)
    timing = look(clip, reference, {"echo": record})
    if timing is None:  # generating has observed it already: take its cache away
        for seen in (reference, record):
            key = keybook_of(run.job).observation(0, clip, seen, reference)
            observation_cache().path(key).unlink()
        timing = look(clip, reference, {"echo": record})
    assert timing is not None
    assert (timing["stage"], timing["clips"], timing["observations"]) == ("score", [clip.id], 2)
    assert look(clip, reference, {"echo": record}) is None
    assert look(clip, reference, {"echo": {"failure": "refused"}}) is None
