"""The stage of scoring: its rows in order, systems that are left out, and records kept in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runs import SUITE, start
from thbench.engines.local import LocalEngine
from thbench.files.cache import Cache
from thbench.run.folder import VideoFolder
from thbench.score.reduce import RowKey
from thbench.score.stage import CachedInMemory, _answers, entrants, observe_part, score

TWO = (
    SUITE.replace(
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
    assert cache.get("ab" * 32) is first
    assert cache.get("cd" * 32) is None
    Cache(tmp_path).put("cd" * 32, {"x": 2.0})
    later = cache.get("cd" * 32)
    assert later is not None and later.rows == {"x": 2.0}


def test_a_system_that_is_left_out_has_its_reason_for_every_clip_it_lacks(tmp_path: Path) -> None:
    run = start(tmp_path, SUITE)
    who = run.suite.systems[0].who
    job = replace(run.job, lacking={who: "needs weights"})
    row = RowKey("echo", "system", 32, VideoFolder(tmp_path, tmp_path))
    stored = {"1001_AAA": {"digest": "d"}}
    found = _answers(job, run.split, row, stored)
    assert found["1001_AAA"] == {"digest": "d"}
    assert found["1001_BBB"] == {"failure": "needs weights"} and len(found) == 9
    assert _answers(run.job, run.split, row, stored) is stored
    assert _answers(job, run.split, replace(row, kind="control"), stored) is stored


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stage")
    start(root, TWO.replace("{name: toy}", "{name: toy, n_actors: 2}")).generate()
    return root


def test_every_row_is_scored_and_a_part_fills_the_same_cache(folder: Path) -> None:
    run = start(folder, TWO.replace("{name: toy}", "{name: toy, n_actors: 2}"))
    observe_part(run.job, run.split, LocalEngine(1))
    rows = score(run.job, run.split, LocalEngine(1))
    assert [r.entrant.name for r in rows] == [r.name for r in entrants(run.job)]
    assert all(r.cells[0, "spread"].value is not None for r in rows)
    truth = next(r for r in rows if r.entrant.name == "ground-truth")
    assert truth.cells[0, "spread"].value == 0.0
    assert truth.cells[0, "brightness"].n == 6


def test_halves_that_no_metric_needs_are_no_row(folder: Path) -> None:
    text = TWO.replace("{name: toy}", "{name: toy, n_actors: 2}")
    text = text.replace("[toy-brightness]", "[toy-extracted]").replace(
        "primary: brightness", "primary: level"
    )
    run = start(folder, text)
    names = [r.entrant.name for r in score(run.job, run.split, LocalEngine(1))]
    assert names == ["ground-truth", "echo", "ground-truth", "wide"]
