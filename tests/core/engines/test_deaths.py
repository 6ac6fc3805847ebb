"""Plugins that kill their process cost the clip they do it on, and nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runs import SUITE, start
from thbench.results.document import Result, read_result
from thbench.run.events import Log, Logged, died_at

CLIP = "1001_BBB"
REASON = "the worker process died (signal 9)"


def reasons(failures: object) -> dict[str, tuple[str, ...]]:
    return {f.reason: f.clips for f in failures}  # type: ignore[attr-defined]


def clips_scored(result: Result) -> int:
    return result.scores["brightness"].n


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_metric_that_kills_its_process_fails_on_that_clip_only(tmp_path: Path) -> None:
    faulty = f"[{{metric: toy-brightness, fault: die, on: '{CLIP}'}}, toy-extracted]"
    run = start(tmp_path, SUITE.replace("[toy-brightness]", faulty))
    result = run.both(workers=2)["echo"]
    assert reasons(result.scores["brightness"].failures) == {REASON: (CLIP,)}
    assert clips_scored(result) == len(run.split.clips) - 1
    assert result.scores["level"].n == len(run.split.clips)


def command(folder: Path, workers: int) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "thbench", "run", str(folder / "suite.yaml"), "--batch", "2"]
    words += ["--out", str(folder / "run"), "--workers", str(workers)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_command_that_died_in_place_says_next_time_where_and_how_to_get_past_it(
    tmp_path: Path,
) -> None:
    fault = SUITE.replace("resolution: 32}", f"resolution: 32, fault: die, on: {CLIP}}}")
    (tmp_path / "suite.yaml").write_text(fault)
    assert command(tmp_path, 1).returncode == -signal.SIGKILL
    again = command(tmp_path, 1)
    assert again.returncode == -signal.SIGKILL
    assert again.stderr.splitlines()[:2] == [
        f"the last command here died at: generate echo, 1001_AAA, {CLIP}",
        "should this one die there too, --workers 2 gets past it",
    ]
    past = command(tmp_path, 2)
    assert past.returncode == 0, past.stderr
    result = read_result(tmp_path / "run/systems/echo/result.json")
    assert reasons(result.clips.failures) == {REASON: (CLIP,)}
    assert "died at" not in command(tmp_path, 1).stderr


def stop(_: object) -> None:
    raise KeyboardInterrupt


def test_a_run_that_was_stopped_did_not_die(tmp_path: Path) -> None:
    log = Log(tmp_path / "events.jsonl", "score")
    assert died_at(log.file) is None
    log.write(["a"], "started")
    assert died_at(log.file) == "score, a"
    with pytest.raises(KeyboardInterrupt):
        Logged(stop, log, lambda _: ["b"], lambda *_: {})(None)
    assert died_at(log.file) is None
