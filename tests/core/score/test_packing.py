"""Which observations of a large split are read from packs, and when packs are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import thbench.score.packing
from guards import some
from runs import EVERY_CONTROL, Run, start, written
from thbench.engines.local import LocalEngine
from thbench.files.cache import Cache
from thbench.pipeline import Stages, merge_shards, run_score, run_shard
from thbench.score.keys import keybook_of, observation_cache
from thbench.score.packing import Packing
from thbench.score.packs import Pack, pack_cache
from thbench.score.reduce import ReduceTask

ROWS = EVERY_CONTROL.replace("{name: toy}", "{name: toy, n_actors: 4}") + (
    "controls: [ground-truth, delayed-audio, reference-halves]\n"
)
CLIPS = 12


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thbench.score.packing.FEWEST", CLIPS)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of observations that are read from their own files."""
    found: list[str] = []
    original, folder = Cache.get, observation_cache().root

    def get(self: Cache, key: str) -> object:
        entry = original(self, key)
        if self.root == folder and entry is not None:
            found.append(key)
        return entry

    monkeypatch.setattr(Cache, "get", get)
    return found


def forget_reductions(run: Run) -> None:
    """What is cached of whole rows, so that they are reduced again."""
    for file in observation_cache().root.rglob("*.npz"):
        entry = observation_cache().get(file.stem)
        if entry is not None and "levels" not in entry.arrays:
            file.unlink()


def packs() -> list[Path]:
    return sorted(pack_cache().root.rglob("*.npz"))


@pytest.mark.slow
def test_a_second_scoring_reads_no_observation_from_its_file(
    tmp_path: Path, opened: list[str]
) -> None:
    run = start(tmp_path, ROWS)
    run.both()
    first, bytes_of = written(run.job.run.root), {p: p.read_bytes() for p in packs()}
    assert (
        len(bytes_of) == 3
    )  # references, delayed audio, the system; the ground truth is the references
    forget_reductions(run)
    opened.clear()
    run.score()
    reductions = 4
    assert len(opened) <= reductions
    assert written(run.job.run.root) == first
    assert {p: p.read_bytes() for p in packs()} == bytes_of


@pytest.mark.slow
def test_shards_pack_what_they_observe_and_the_merge_reads_it(
    tmp_path: Path, opened: list[str]
) -> None:
    whole = start(tmp_path / "whole", ROWS)
    whole.both()
    run = start(tmp_path / "parts", ROWS)
    for text in ("1/2", "2/2"):
        run_shard(run.job, run.split, LocalEngine(1), text, Stages())
    assert len(packs()) == 3 + 2 * 3
    forget_reductions(run)
    opened.clear()
    merge_shards(run.job, LocalEngine(1))
    assert written(run.job.run.root) == written(whole.job.run.root)
    assert len(opened) <= 4


@pytest.mark.slow
def test_what_is_new_is_observed_and_packed(tmp_path: Path, opened: list[str]) -> None:
    run = start(tmp_path, ROWS)
    run.both()
    first = written(run.job.run.root)
    gone = first_observation(run)
    gone.unlink()  # with its array
    before = [p.read_bytes() for p in packs()]
    forget_reductions(run)
    run.score()
    assert gone.exists() and written(run.job.run.root) == first
    assert [p.read_bytes() for p in packs()] == before


def first_observation(run: Run) -> Path:
    clip = run.split.clips[0]
    references = run.job.run.references(32).stored()
    record = run.job.run.system("echo").stored()[clip.id]
    key = keybook_of(run.job).observation(0, clip, record, references[clip.id])
    return observation_cache().path(key)


@pytest.mark.slow
def test_damaged_packs_are_as_none(tmp_path: Path, opened: list[str]) -> None:
    run = start(tmp_path, ROWS)
    run.both()
    first, before = written(run.job.run.root), [p.read_bytes() for p in packs()]
    for file in packs():
        file.write_bytes(file.read_bytes()[:-9])
    opened.clear()
    run.score()
    assert len(set(opened)) >= 3 * CLIPS
    assert written(run.job.run.root) == first and [p.read_bytes() for p in packs()] == before


@pytest.mark.slow
def test_a_small_split_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thbench.score.packing.FEWEST", CLIPS + 1)
    start(tmp_path, ROWS).both()
    assert packs() == []


def test_keys_of_a_row_are_those_of_its_clips(tmp_path: Path) -> None:
    run = start(tmp_path, ROWS)
    book, clips = keybook_of(run.job), run.split.clips
    references = {c.id: {"digest": c.id, "n_frames": 8} for c in clips}
    records: dict[str, dict[str, object]] = {
        c.id: {"digest": "g" + c.id, "n_frames": 8} for c in clips[2:]
    }
    records[clips[3].id] = {"failure": "refused"}
    references[clips[4].id] = {"failure": "no face"}
    packing = Packing(run.job, run.split, book, observation_cache())
    row = packing.keys(records, references)
    assert packing.keys(records, references) is row
    assert ids(row.clips) == ids([*clips[2:3], *clips[5:]])
    assert row.lacking == {
        clips[0].id: "not generated", clips[1].id: "not generated", clips[3].id: "refused",
        clips[4].id: "no face",
    }  # fmt: skip
    first = row.clips[0]
    spelled = book.observation(0, first, records[first.id], references[first.id])
    assert row.keys.shape == (1, 8, 32) and row.keys[0, 0].tobytes().hex() == spelled


@pytest.mark.slow
def test_workers_give_the_same_bytes_and_open_the_packs_of_their_metric_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(tmp_path, ROWS.replace("[toy-brightness]", "[toy-brightness, toy-extracted]"))
    run.both()
    first = written(run.job.run.root)
    forget_reductions(run)
    opened: list[set[str]] = []
    original = thbench.score.packing.read_pack

    class Watching(LocalEngine):
        """Notes which packs each task opens; two processes would do the same, one after another here."""

        def map(self, work: Any, tasks: Sequence[Any], died: Any = None) -> Iterator[Any]:
            for i, task in enumerate(tasks):
                opened.append({str(task.metric)} if isinstance(task, ReduceTask) else set())
                yield i, work(task)

    def read(name: str, *rest: Any) -> Pack | None:
        opened[-1].add(name)
        return original(name, *rest)

    monkeypatch.setattr("thbench.score.packing.read_pack", read)
    run_score(run.job, run.split, Watching(1))
    assert written(run.job.run.root) == first
    book, rows = keybook_of(run.job), ("references", "control delayed-audio", "system echo")
    of = [{book.pack(m, run.split.digest, 32, row, "") for row in rows} for m in range(2)]
    joining, reducing = opened[: 2 * len(rows)], opened[2 * len(rows) :]
    assert [len(names) for names in joining] == [1] * len(joining)
    assert len(reducing) == 4 + 3  # halves say nothing of a mean over clips
    for names in some(reducing):
        metric = min(names, key=len)
        assert names - {metric} <= of[int(metric)]


@pytest.mark.slow
def test_two_workers_merge_and_score_as_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for workers in (1, 2):
        monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / f"cache{workers}"))
        run = start(tmp_path / str(workers), ROWS)
        for text in ("1/2", "2/2"):
            run_shard(run.job, run.split, LocalEngine(1), text, Stages())
        forget_reductions(run)
        merge_shards(run.job, LocalEngine(workers))
        merged = written(run.job.run.root)
        forget_reductions(run)
        run.score(workers)
        assert written(run.job.run.root) == merged
        found.append((merged, {p.name: p.read_bytes() for p in packs()}))
    assert found[0] == found[1] and found[0][0]


def ids(clips: Sequence[object]) -> list[str]:
    return [clip.id for clip in clips]  # type: ignore[attr-defined]
