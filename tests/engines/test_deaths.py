"""Plugins that kill their process cost the clip they do it on, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runs import SUITE, start
from thbench.results import Result

CLIP = "1001_BBB"
REASON = "the worker process died (signal 9)"


def reasons(failures: object) -> dict[str, tuple[str, ...]]:
    return {f.reason: f.clips for f in failures}  # type: ignore[attr-defined]


def clips_scored(result: Result) -> int:
    return result.scores["brightness"].n


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))


def test_a_generator_that_kills_its_process_fails_on_that_clip_only(tmp_path: Path) -> None:
    fault = ["systems.echo.fault=die", f"systems.echo.on='{CLIP}'"]
    run = start(tmp_path, SUITE, fault, batch=2)
    result = run.both(workers=2)["echo"]
    assert reasons(result.clips.failures) == {REASON: (CLIP,)}
    assert clips_scored(result) == len(run.split.clips) - 1
    lines = (tmp_path / "run/events.jsonl").read_text().splitlines()
    events = [e for e in map(json.loads, lines) if e["stage"] == "generate echo"]
    assert [e["clip"] for e in events if e["state"] == "failed"] == [CLIP]
    assert CLIP in [e["clip"] for e in events if e["state"] == "retried"]


def test_a_metric_that_kills_its_process_fails_on_that_clip_only(tmp_path: Path) -> None:
    faulty = f"[{{metric: toy-brightness, fault: die, on: '{CLIP}'}}, toy-extracted]"
    run = start(tmp_path, SUITE.replace("[toy-brightness]", faulty))
    result = run.both(workers=2)["echo"]
    assert reasons(result.scores["brightness"].failures) == {REASON: (CLIP,)}
    assert clips_scored(result) == len(run.split.clips) - 1
    assert result.scores["level"].n == len(run.split.clips)
