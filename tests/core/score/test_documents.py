"""Result documents: what was scored and what was not, counted with reasons, beside the right ground truth."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs import SUITE, Run, start
from thbench.api import Aggregation, Score, TrainedOn
from thbench.files.canonical import digest
from thbench.results.document import Reason, Result
from thbench.results.finished import finished_rows
from thbench.run.folder import Record, VideoFolder
from thbench.score.columns import Columns, columns_of
from thbench.score.documents import _ground_truth, plugin_record, write_results
from thbench.score.reduce import ReducedScore, RowKey, Scored, interval_of
from thbench.video.edits import EDIT_COPY
from thbench.video.likeness import COPY

TWO = SUITE.replace(
    "  echo: {generator: toy-echo, resolution: 32}",
    "  echo: {generator: toy-echo, resolution: 32}\n  wide: {generator: toy-echo, resolution: 64}",
)
IDS = [f"{actor}_{s}" for actor in ("1001", "1002", "1003") for s in ("AAA", "BBB", "CCC")]


class Made:
    """A run of the toys whose rows are made up."""

    def __init__(self, folder: Path, text: str = TWO) -> None:
        self.run: Run = start(folder, text)
        self.root = self.run.job.run
        self.columns: Columns = columns_of(self.run.job)
        for size in (32, 64):
            for clip in IDS:
                self.refer(size, {"clip": clip, "digest": f"r{size}{clip}", "n_frames": 8})

    def refer(self, size: int, record: Record) -> None:
        self.root.references(size).path.mkdir(parents=True, exist_ok=True)
        self.root.references(size).journal.append(record)

    def row(self, name: str, size: int = 32, kind: str = "system", value: float = 5.0) -> Scored:
        """Every clip with the same brightness, and a spread of half as much."""
        folder: VideoFolder = (
            self.root.control(size, name) if kind == "control" else self.root.system(name)
        )
        folder.path.mkdir(parents=True, exist_ok=True)
        records = {c: {"clip": c, "digest": f"g{c}", "n_frames": 8, "likeness": 0.0} for c in IDS}
        row = Scored(RowKey(name, kind, size, folder), records)
        row.cells[0, "brightness"] = ReducedScore(value, 9)
        row.cells[0, "spread"] = ReducedScore(value / 2, 9, notes=("few",), counts={"frames": 72})
        row.rows[0] = {c: {"brightness": value} for c in IDS}
        return row

    def bounded(self, row: Scored) -> Scored:
        """The row with the intervals of its values."""
        actors = {c.id: c.actor for c in self.run.split.clips}
        for column in self.columns:
            cell = row.cells[column.metric, column.score]
            seen = {c: row.rows[column.metric][c] for c in actors if c in row.rows[column.metric]}
            if cell.value is not None:
                row.intervals[column.metric, column.score] = interval_of(
                    *(column.score, column.meaning, cell.value, cell.n, list(seen.values())),
                    [actors[c] for c in seen],
                    row.without.get(column.metric, {}),
                )
        return row

    def written(self, *rows: Scored) -> list[Result]:
        return write_results(self.run.job, self.columns, self.run.split, rows)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_each_row_stands_beside_the_ground_truth_of_its_resolution(made: Made) -> None:
    rows = [
        made.row("ground-truth", 32, "control", 7.0), made.row("ground-truth", 64, "control", 1.0),
        made.row("echo", 32, value=5.0), made.row("wide", 64, value=5.0),
    ]  # fmt: skip
    results = made.written(*rows)
    gaps = [r.scores["brightness"].distance_from_reference for r in results]
    assert gaps == [0.0, 0.0, 2.0, 4.0]
    assert [r.scores["spread"].distance_from_reference for r in results] == [0.0, 0.0, 1.0, 2.0]


def test_without_the_ground_truth_of_its_resolution_there_is_no_distance(made: Made) -> None:
    rows = [made.row("ground-truth", 64, "control"), made.row("still-identity", 32, "control")]
    result = made.written(*rows, made.row("echo", 32))[-1]
    assert result.scores["brightness"].distance_from_reference is None
    assert result.scores["brightness"].reference_over_span is None


def test_a_system_of_the_name_of_the_ground_truth_is_none(made: Made) -> None:
    impostor = made.row("echo", 32, value=1.0)
    impostor.entrant = replace(impostor.entrant, name="ground-truth")
    assert _ground_truth(32, [impostor]) is None
    truth = made.row("ground-truth", 32, "control")
    assert _ground_truth(32, [impostor, truth]) is truth


def test_a_shorter_row_stands_beside_the_same_span_of_the_truth(made: Made) -> None:
    row = made.row("echo")
    row.same_span[0, "brightness"] = ReducedScore(4.5, 9)
    row.same_span[0, "spread"] = ReducedScore(None, 9, "no value")
    (_, result) = made.written(made.row("ground-truth", 32, "control", 7.0), row)
    score = result.scores["brightness"]
    assert (score.distance_from_reference, score.reference_over_span) == (0.5, 4.5)
    assert result.scores["spread"].distance_from_reference is None
    (alone,) = made.written(row)  # a span of what no row shows says nothing
    assert alone.scores["brightness"].distance_from_reference is None


def test_a_score_as_its_metric_declares_it(made: Made) -> None:
    (result,) = made.written(made.bounded(made.row("echo")))
    mean, spread = result.scores["brightness"], result.scores["spread"]
    assert (mean.metric, mean.score, mean.unit) == ("toy-brightness", "brightness", "grey levels")
    assert (mean.better, mean.set_level, mean.range) == ("nearer-reference", False, (0.0, 1e6))
    assert (mean.value, mean.n, mean.of, mean.reason) == (5.0, 9, 9, None)
    assert mean.over is not None and mean.over.column == "brightness"
    assert (spread.better, spread.set_level, spread.over) == ("lower", True, None)
    assert (spread.notes, spread.counts) == (("few",), {"frames": 72})
    assert mean.identity["resolution"] == 32 and mean.identity_digest == digest(mean.identity)
    assert result.ranked and result.unranked_because == ()


def test_an_unbounded_range_is_null(made: Made) -> None:
    scores = ({"brightness": Score("lower", over=Aggregation("brightness", "median", True, 2.0))},)
    made.columns = Columns(made.columns.parts, scores)
    (result,) = made.written(made.row("echo"))
    score = result.scores["brightness"]
    assert score.range == (None, None)
    assert set(result.scores) == {"brightness"}


def test_the_interval_is_of_the_clips_that_have_a_row_in_the_splits_order(made: Made) -> None:
    row = made.row("echo")
    row.rows[0] = {c: {"brightness": float(i)} for i, c in enumerate(reversed(IDS[1:]))}
    row.cells[0, "brightness"] = ReducedScore(3.5, 8)
    row.without[0] = {a: {"spread": v} for a, v in (("1001", 2.0), ("1002", 2.5), ("1003", 3.0))}
    (result,) = made.written(made.bounded(row))
    interval = result.scores["brightness"].interval
    assert interval is not None
    assert (interval.n_actors, interval.method) == (3, "student-t")
    jackknife = result.scores["spread"].interval
    assert jackknife is not None
    assert (jackknife.method, jackknife.n_actors) == ("jackknife", 3)
    assert jackknife.without == {"1001": 2.0, "1002": 2.5, "1003": 3.0}


def test_no_number_no_interval(made: Made) -> None:
    row = made.row("echo")
    row.cells[0, "brightness"] = ReducedScore(None, 0, "no clip was scored")
    (result,) = made.written(row)
    score = result.scores["brightness"]
    assert (score.value, score.interval, score.over) == (None, None, None)
    assert score.reason == "no clip was scored"


def test_what_is_missing_is_counted_the_most_frequent_reason_first(made: Made) -> None:
    for clip in IDS[:2]:
        made.refer(32, {"clip": clip, "failure": "no face"})
    row = made.row("echo")
    row.records = dict(row.records)
    del row.records[IDS[2]]
    row.records[IDS[3]] = {"failure": "b"}
    row.records[IDS[4]] = {"failure": "a"}
    row.records[IDS[5]] = {"failure": "b"}
    row.failures = {(0, c): "too dark" for c in (IDS[3], IDS[7], IDS[6])}
    row.cells[0, "brightness"] = ReducedScore(5.0, 1)
    (result,) = made.written(row)
    clips = result.clips
    assert (clips.n, clips.generated, clips.failed) == (7, 3, 4)
    assert clips.failures == (
        Reason(reason="b", count=2, clips=(IDS[3], IDS[5])),
        Reason(reason="a", count=1, clips=(IDS[4],)),
        Reason(reason="not generated", count=1, clips=(IDS[2],)),
    )
    assert clips.without_reference == (Reason(reason="no face", count=2, clips=tuple(IDS[:2])),)
    score = result.scores["brightness"]
    assert (score.n, score.of) == (1, 7)
    # of what was not made at all the metric says nothing again; clips in the order of the split
    assert score.failures == (Reason(reason="too dark", count=2, clips=(IDS[6], IDS[7])),)
    assert not result.ranked
    assert result.unranked_because == ("4 of 7 clips failed",)


def test_how_videos_are_stored_and_changed_is_counted(made: Made) -> None:
    row = made.row("echo")
    for i, record in enumerate(row.records.values()):
        record.update({"store": "lossless" if i else "as delivered", "trimmed": i < 2})
        record.update({"changes": ["resized", "resampled"][: i % 3]})
    row.records[IDS[0]].update(track="h264")
    row.records[IDS[1]].update(
        placement={"how": "cut", "why": "w", "square": [1, 2, 30], "picture": [64, 48]},
        registration={"beyond": ["shifted", "larger"], "first": {"right": 0.5}},
    )
    (result,) = made.written(row)
    clips = result.clips
    assert clips.stores == {"as delivered": 1, "lossless": 8}
    assert clips.tracks == {"h264": 1}
    assert clips.trimmed == 2
    assert clips.changes == {"resampled": 3, "resized": 6}
    assert clips.placements == {"cut": 1}
    assert clips.misframed == (Reason(reason="shifted; larger", count=1, clips=(IDS[1],)),)
    table = (row.entrant.folder.path / "framing.csv").read_text().splitlines()
    assert len(table) == 2 and table[1].startswith(f"{IDS[1]},cut,w,1,2,30,64,48,0.5,")


def test_nothing_registered_no_framing_table(made: Made) -> None:
    row = made.row("echo")
    made.written(row)
    assert not (row.entrant.folder.path / "framing.csv").exists()


@pytest.mark.parametrize(
    ("given", "limit"), [("", COPY), (", given: recording", EDIT_COPY)], ids=["image", "recording"]
)
def test_copies_are_named(tmp_path: Path, given: str, limit: float) -> None:
    text = TWO.replace("resolution: 32", f"resolution: 32{given}")
    made = Made(tmp_path, text)
    row = made.row("echo")
    row.records[IDS[4]]["likeness"] = limit
    row.records[IDS[2]]["likeness"] = limit + 1e-6
    row.records[IDS[3]]["likeness"] = limit - 1e-6
    (result,) = made.written(row)
    assert result.clips.copies == (IDS[2], IDS[4])
    del row.records[IDS[8]]["likeness"]
    assert made.written(row)[0].clips.copies is None


def test_a_control_is_not_compared_with_itself(made: Made) -> None:
    row = made.row("ground-truth", kind="control")
    for record in row.records.values():
        record["likeness"] = 1.0
    (result,) = made.written(row)
    assert result.clips.copies is None
    assert not result.ranked and result.unranked_because == ()
    assert result.system.about == "the references scored as a system"
    assert result.system.plugin is None


def test_halves_have_no_videos_of_their_own(made: Made) -> None:
    row = made.row("reference-halves", kind="control")
    row.records = {}
    (result,) = made.written(row)
    assert (result.clips.n, result.clips.generated, result.clips.failed) == (9, 9, 0)
    assert result.clips.videos_digest == digest([])
    assert result.scores["spread"].value == 2.5
    assert result.scores["spread"].interval is None


def test_digests_are_of_what_lies_there(made: Made) -> None:
    made.refer(32, {"clip": IDS[0], "failure": "no face"})
    row = made.row("echo")
    row.records = {**row.records, IDS[1]: {"failure": "x"}}
    (result,) = made.written(row)
    table = row.entrant.folder.clips_file.read_bytes()
    assert result.clips.table_sha256 == hashlib.sha256(table).hexdigest()
    assert result.clips.videos_digest == digest([None if c == IDS[1] else f"g{c}" for c in IDS])
    seen = [[c, None if c == IDS[0] else f"r32{c}"] for c in IDS]
    assert result.dataset.references_digest == digest(seen)
    lines = table.decode().splitlines()
    assert lines[1].startswith(f"{IDS[0]},1001,no face") and lines[2].startswith(f"{IDS[1]},1001,x")


def test_the_run_is_named_with_its_suite_split_and_parts(made: Made) -> None:
    row = made.row("echo")
    row.entrant.folder.declare_training(TrainedOn("toy", frozenset({"1002", "1001"})))
    (result,) = made.written(row)
    assert (result.suite.name, result.suite.seed, result.suite.primary) == ("toys", 7, "brightness")
    assert (result.split.n_clips, result.split.n_actors) == (9, 3)
    registered = made.run.suite.dataset.registered
    assert result.dataset.plugin == plugin_record(registered)
    assert result.dataset.plugin.name == "toy" and not result.dataset.synthetic
    system = result.system
    assert system.plugin is not None and system.plugin.name == "toy-echo"
    assert (system.kind, system.resolution, system.given) == ("system", 32, "image")
    assert system.options["gain"] == 1.0 and system.options_given == {}
    assert system.trained_on is not None and system.trained_on.actors == ("1001", "1002")
    assert result.unranked_because == ("trained on test actors 1001, 1002",)
    (again,) = finished_rows(row.entrant.folder.path)
    assert again.result == result


def test_the_same_row_gives_the_same_bytes(made: Made) -> None:
    row = made.row("echo")
    made.written(row)
    before = row.entrant.folder.result_file.read_bytes()
    made.written(row)
    assert row.entrant.folder.result_file.read_bytes() == before


def test_unknown_actors_are_said_with_every_interval(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unknown:
        version = "1"
        actors_unknown = True
        synthetic = True

    monkeypatch.setattr("thbench.score.documents.dataset_of", lambda job: Unknown())
    (result,) = made.written(made.bounded(made.row("echo")))
    interval: Any = result.scores["brightness"].interval
    assert "actors are unknown" in interval.note
    assert result.dataset.actors_unknown and result.dataset.synthetic
    assert json.loads(made.root.system("echo").result_file.read_text())["dataset"]["actors_unknown"]
