"""Workers that share an accelerator score clips while others generate: no byte changes, nothing is made twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs import SUITE, Run, start, videos, written
from thbench.engines.local import LocalEngine
from thbench.environment import Settings
from thbench.pipeline import run_generate
from thbench.results.document import Result

TWO = SUITE.replace(
    "resolution: 32}\n",
    "resolution: 32}\n  loud: {generator: toy-echo, gain: 2.0, resolution: 32}\n",
)


def whole_run(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    *,
    scoring: bool,
    device: str = "cuda",
    workers: int = 2,
) -> tuple[Run, dict[str, Result]]:
    """Generate and score from a cold cache; toys take any device for theirs."""
    monkeypatch.setenv("THBENCH_CACHE", str(folder / "cache"))
    run = start(folder, text)
    run.job = replace(run.job, settings=Settings(device=device, batch=2))
    with run.job.run.locked():
        run_generate(run.job, run.split, LocalEngine(workers), scoring=scoring)
    return run, run.score(workers)


def events(run: Run) -> list[dict[str, Any]]:
    text = (run.job.run.root / "events.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def timings(run: Run, stage: str) -> list[str]:
    text = (run.job.run.root / "timings.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    return sorted(clip for line in lines if line["stage"] == stage for clip in line["clips"])


def promised(run: Run) -> dict[str, bytes]:
    return {**written(run.job.run.root), **videos(run.job.run.root)}


@pytest.mark.slow
def test_bytes_are_those_of_one_stage_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thbench.score.tasks.SHARE", float("inf"))  # no clip is split
    after, _ = whole_run(tmp_path / "after", monkeypatch, TWO, scoring=False)
    during, _ = whole_run(tmp_path / "during", monkeypatch, TWO, scoring=True)
    assert promised(during) == promised(after)
    stages = [e["stage"] for e in events(during)]
    assert stages.index("score") < len(stages) - stages[::-1].index("generate echo") - 1
    clips = sorted(c.id for c in during.split.clips)
    assert timings(after, "score") == clips  # controls and both systems of a clip at once
    assert timings(during, "score") == sorted(2 * clips)  # controls and echo, then loud
    assert timings(during, "generate echo") == timings(after, "generate echo") == clips


@pytest.mark.slow
def test_what_is_observed_meanwhile_is_not_observed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thbench.score.tasks.SHARE", float("inf"))  # no clip is split
    run, _ = whole_run(tmp_path, monkeypatch, SUITE, scoring=True)
    scored = [e["clip"] for e in events(run) if e["stage"] == "score" and e["state"] == "finished"]
    assert sorted(scored) == sorted(c.id for c in run.split.clips)


@pytest.mark.slow
@pytest.mark.parametrize(("device", "workers"), [("cpu", 2), ("cuda", 1)])
def test_where_nothing_would_be_idle_one_stage_follows_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, workers: int
) -> None:
    run, _ = whole_run(tmp_path, monkeypatch, SUITE, scoring=True, device=device, workers=workers)
    stages = [e["stage"] for e in events(run)]
    assert "score" not in stages[: stages.index("generate echo")]
    assert "generate echo" not in stages[stages.index("score") :]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["die", "raise", "fail"])
def test_a_fault_of_a_metric_is_not_the_generators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    text = SUITE.replace(
        "[toy-brightness]", f"[{{metric: toy-brightness, fault: {fault}, on: 1001_BBB}}]"
    )
    after, _ = whole_run(tmp_path / "after", monkeypatch, text, scoring=False)
    during, results = whole_run(tmp_path / "during", monkeypatch, text, scoring=True)
    assert promised(during) == promised(after)
    assert not results["echo"].clips.failed
    (failure,) = results["echo"].scores["brightness"].failures
    assert failure.clips == ("1001_BBB",)


@pytest.mark.slow
def test_a_generator_that_kills_its_process_fails_on_that_clip_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SUITE.replace("resolution: 32}", "resolution: 32, fault: die, on: 1001_BBB}")
    run, results = whole_run(tmp_path, monkeypatch, text, scoring=True)
    (failure,) = results["echo"].clips.failures
    assert failure.clips == ("1001_BBB",)
    assert results["echo"].scores["brightness"].n == len(run.split.clips) - 1
