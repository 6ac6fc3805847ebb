"""One row in tasks: one for each metric that has something to say of it, and what they gave put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runs import SUITE, Run, start
from thbench.run.folder import Record, VideoFolder
from thbench.score.keys import keybook_of, observation_cache
from thbench.score.numbers import Numbers
from thbench.score.packing import Packing
from thbench.score.reduce import Reduced, ReducedScore, RowKey
from thbench.score.rows import REFERENCES, Row

FOLDER = VideoFolder(Path("/nowhere"), Path("/nowhere/systems/s"))
SYSTEM = RowKey("s", "system", 32, FOLDER)
TRUTH, HALVES = (
    RowKey("ground-truth", "control", 32, FOLDER),
    RowKey("reference-halves", "control", 32, FOLDER),
)
TWO = SUITE.replace("[toy-brightness]", "[toy-extracted, toy-brightness]")


class Made:
    def __init__(self, folder: Path) -> None:
        self.run: Run = start(folder, TWO)
        clips = self.run.split.clips
        self.references: dict[str, Record] = {
            c.id: {"digest": f"r{c.id}", "n_frames": 8} for c in clips
        }
        self.records: dict[str, Record] = {
            c.id: {"digest": f"g{c.id}", "n_frames": 8} for c in clips
        }
        job, book = self.run.job, keybook_of(self.run.job)
        self.packing = Packing(job, self.run.split, book, observation_cache())

    def row(self, entrant: RowKey = SYSTEM) -> Row:
        return Row(entrant, self.records, self.references)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_one_task_for_each_metric_and_of_halves_for_those_of_sets(made: Made) -> None:
    made.records["1001_BBB"] = {"failure": "refused"}
    first, second = made.row().tasks(made.run.job, made.packing)
    keys = made.packing.keys(made.records, made.references)
    assert [first.metric, second.metric] == [0, 1]
    assert first.generated.places.tolist() == [0, *range(2, 9)]
    assert np.array_equal(second.generated.keys, keys.keys[1])
    assert len(second.reference.keys) == 9 and second.span is None and second.packs == ()
    (halves,) = made.row(HALVES).tasks(made.run.job, made.packing)
    assert halves.metric == 1 and halves.entrant.is_halves and not second.entrant.is_halves


def test_packs_of_a_row_are_the_references_and_its_own(made: Made) -> None:
    assert [p.name for p in made.row().packed] == [REFERENCES, "system s"]
    assert [p.name for p in made.row(TRUTH).packed] == [REFERENCES]
    assert [p.name for p in made.row(HALVES).packed] == [REFERENCES]
    made.packing.is_large = True
    tasks = list(made.row().tasks(made.run.job, made.packing))
    assert [len(task.packs) for task in tasks] == [2, 2]
    assert len({name for task in tasks for name in task.packs}) == 4


def test_what_tasks_gave_becomes_the_row(made: Made) -> None:
    made.records["1001_BBB"] = {"failure": "refused"}
    row = made.row()
    task = list(row.tasks(made.run.job, made.packing))[1]
    observed = np.array([0, 2], np.int32)
    numbers = Numbers(("brightness",), np.array([[1.5], [2.5]]))
    reduced = Reduced({"brightness": ReducedScore(2.0, 2)}, {"1001": {"spread": None}})
    reduced.observed, reduced.numbers, reduced.failures = observed, numbers, {2: "too dark"}
    scored = row.collected(made.run.split, made.packing, [(task, reduced)])
    assert scored.cells == {(1, "brightness"): ReducedScore(2.0, 2)}
    assert scored.without == {1: {"1001": {"spread": None}}}
    assert scored.failures == {(1, "1001_BBB"): "refused", (1, "1001_CCC"): "too dark"}
    # places of what was observed are among the clips that were asked for: the refused one is not
    assert dict(scored.rows[1]) == {
        "1001_AAA": {"brightness": 1.5}, "1002_AAA": {"brightness": 2.5},
    }  # fmt: skip
    keys = made.packing.keys(made.records, made.references).keys[1]
    assert scored.keys[1]["1002_AAA"] == keys[2].tobytes().hex()
    alone = replace(row, entrant=HALVES).collected(
        made.run.split, made.packing, [(task, Reduced({"spread": ReducedScore(1.0, 4)}))]
    )
    assert (alone.failures, alone.rows, list(alone.cells)) == ({}, {}, [(1, "spread")])
