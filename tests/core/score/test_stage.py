"""The stage of scoring: its rows in order, systems that are left out, and records kept in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runs import EVERY_CONTROL, Run, start, written
from thbench.engines.local import LocalEngine
from thbench.files.cache import Cache
from thbench.pipeline import run_score
from thbench.run.folder import VideoFolder
from thbench.score.keys import keybook_of, observation_cache
from thbench.score.reduce import ReduceTask, RowKey, Side
from thbench.score.stage import (
    CachedInMemory,
    _answers,
    _is_worth_sending,
    entrants,
    observe_part,
    readers,
    score,
)

TWO = (
    EVERY_CONTROL.replace(
        "  echo: {generator: toy-echo, resolution: 32}",
        "  wide: {generator: toy-echo, resolution: 64}\n"
        "  echo: {generator: toy-echo, resolution: 32}",
    )
    + "controls: [ground-truth, reference-halves]\n"
)


def test_controls_then_systems_by_resolution(tmp_path: Path) -> None:
    job = start(tmp_path, TWO).job
    rows = entrants(job)
    assert [(r.name, r.kind, r.resolution) for r in rows] == [
        ("ground-truth", "control", 32), ("reference-halves", "control", 32),
        ("echo", "system", 32),
        ("ground-truth", "control", 64), ("reference-halves", "control", 64),
        ("wide", "system", 64),
    ]  # fmt: skip
    assert rows[0].folder == job.run.control(32, "ground-truth")
    assert rows[5].folder == job.run.system("wide")


def test_a_record_in_memory_is_read_once(tmp_path: Path) -> None:
    Cache(tmp_path).put("ab" * 32, {"x": 1.0})
    cache = CachedInMemory(tmp_path)
    first = cache.get("ab" * 32)
    assert first is not None and first.rows == {"x": 1.0}
    cache.path("ab" * 32).unlink()
    again = cache.get("ab" * 32)
    assert again is not None and (again.rows, again.reason) == (first.rows, None)
    assert cache.get("cd" * 32) is None
    Cache(tmp_path).put("cd" * 32, {"x": 2.0})
    later = cache.get("cd" * 32)
    assert later is not None and later.rows == {"x": 2.0}


def test_records_in_memory_share_their_names_and_keep_no_object_of_their_own(
    tmp_path: Path,
) -> None:
    """A hundred thousand clips and seven metrics are over a million records."""
    keys = [f"{i:064x}" for i in range(50)]
    for i, key in enumerate(keys):
        Cache(tmp_path).put(key, {"x": float(i), "y": 1 / 3}, {"levels": np.arange(i)})
    Cache(tmp_path).put("ef" * 32, reason="no face")
    cache = CachedInMemory(tmp_path)
    for key in [*keys, "ef" * 32] * 2:
        cache.get(key)
    assert {len(key) for key in cache._found} == {32}
    assert len({id(names) for names, *_ in cache._found.values()}) == 2
    assert {type(part) for packed in cache._found.values() for part in packed} == {
        tuple, bytes, str, type(None),
    }  # fmt: skip
    last, none = cache.get(keys[-1]), cache.get("ef" * 32)
    assert last is not None and none is not None
    assert last.rows == {"x": 49.0, "y": 1 / 3}
    assert last.arrays["levels"].tolist() == list(range(49))
    assert none.reason == "no face"


def test_a_system_that_is_left_out_has_its_reason_for_every_clip_it_lacks(tmp_path: Path) -> None:
    run = start(tmp_path, EVERY_CONTROL)
    who = run.suite.systems[0].who
    job = replace(run.job, lacking={who: "needs weights"})
    row = RowKey("echo", "system", 32, VideoFolder(tmp_path, tmp_path))
    stored = {"1001_AAA": {"digest": "d"}}
    found = _answers(job, run.split, row, stored)
    assert found["1001_AAA"] == {"digest": "d"}
    assert found["1001_BBB"] == {"failure": "needs weights"} and len(found) == 9
    assert _answers(run.job, run.split, row, stored) is stored
    assert _answers(job, run.split, replace(row, kind="control"), stored) is stored


SMALL = TWO.replace("{name: toy}", "{name: toy, n_actors: 2}")


def observed(folder: Path, text: str, rows: dict[str, float]) -> Run:
    """A run whose videos are records alone, and whose observations are in the cache."""
    run = start(folder, text)
    keys = keybook_of(run.job)
    for size in (32, 64):
        references = run.job.run.references(size)
        system = run.job.run.system("echo" if size == 32 else "wide")
        for to in (references, run.job.run.control(size, "ground-truth"), system):
            to.path.mkdir(parents=True, exist_ok=True)
            kind = "g" if to == system else "r"
            for clip in run.split.clips:
                record = {"clip": clip.id, "digest": f"{kind}{size}{clip.id}", "n_frames": 8}
                to.journal.append(record)
                reference = {**record, "digest": f"r{size}{clip.id}"}
                key = keys.observation(0, clip, record, reference)
                observation_cache().put(key, rows, {"levels": np.array([size, ord(kind)])})
    return run


def test_every_row_is_scored_and_a_part_fills_the_same_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def limits(n: int) -> AbstractContextManager[None]:
        threads.append(n)
        return nullcontext()

    monkeypatch.setattr("threadpoolctl.threadpool_limits", limits)
    run = observed(tmp_path, SMALL, {"brightness": 5.0})
    observe_part(run.job, run.split, LocalEngine(1))
    rows = score(run.job, run.split, LocalEngine(1))
    assert [r.entrant.name for r in rows] == [r.name for r in entrants(run.job)]
    assert set(threads) == {1}  # sums over frames in one order
    assert all(r.cells[0, "spread"].value is not None for r in rows)
    truth = next(r for r in rows if r.entrant.name == "ground-truth")
    assert truth.cells[0, "spread"].value == 0.0
    assert truth.cells[0, "brightness"].n == 6


def test_halves_that_no_metric_needs_are_no_row(tmp_path: Path) -> None:
    text = SMALL.replace("[toy-brightness]", "[toy-extracted]")
    run = observed(tmp_path, text.replace("primary: brightness", "primary: level"), {"level": 2.0})
    names = [r.entrant.name for r in score(run.job, run.split, LocalEngine(1))]
    assert names == ["ground-truth", "echo", "ground-truth", "wide"]


def test_reading_packs_needs_no_accelerator(tmp_path: Path) -> None:
    job = start(tmp_path, SMALL).job
    engine = LocalEngine(2)
    assert readers(job, engine) is engine
    elsewhere = replace(job, settings=replace(job.settings, device="cuda:0"))
    own = readers(elsewhere, LocalEngine(1, "cuda:0"))
    assert list(own.map(str, [1, 2])) == [(0, "1"), (1, "2")]


@pytest.mark.parametrize(("workers", "sent"), [(2, [0] * 6), (1, [])])
def test_of_few_clips_workers_reduce_what_is_said_of_sets(
    tmp_path: Path, workers: int, sent: list[int]
) -> None:
    """Six rows of a metric of sets, and one of clips alone, which is reduced here."""
    run = start(tmp_path, TWO.replace("[toy-brightness]", "[toy-brightness, toy-extracted]"))
    run.both()
    expected, given = written(run.job.run.root), list[int]()

    class Watching(LocalEngine):
        """Notes which metrics it is to reduce; processes would do the same, one after another here."""

        def map(self, work: Any, tasks: Sequence[Any], died: Any = None) -> Iterator[Any]:
            given.extend(task.metric for task in tasks if isinstance(task, ReduceTask))
            return ((i, work(task)) for i, task in enumerate(tasks))

    run_score(run.job, run.split, Watching(workers))
    assert given == sent
    assert written(run.job.run.root) == expected


def test_on_another_device_the_command_reduces_few_clips_itself(tmp_path: Path) -> None:
    """Its workers would have to be started for it: those of the run hold the device."""
    job = start(tmp_path, TWO).job
    side = Side(np.zeros(0, np.int32), np.zeros((0, 32), np.uint8))
    task = ReduceTask(entrants(job)[0], 0, (), side, side)
    assert _is_worth_sending(job, task, LocalEngine(2))
    elsewhere = replace(job, settings=replace(job.settings, device="cuda"))
    assert not _is_worth_sending(elsewhere, task, LocalEngine(2))
