"""--estimate and doctor --benchmark: what is tried, what is counted, what is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from guards import some
from runs import SUITE, start
from thbench import estimate as estimating
from thbench import machine
from thbench.cli.main import cli
from thbench.estimate import Estimate, Expected, as_text, clock, estimate
from thbench.pipeline import Stages
from thbench.progress import Progress

STAGES = [
    "references 32 px",
    "ground-truth 32 px",
    "still-identity 32 px",
    "generate echo",
    "score",
]


def test_three_clips_are_tried_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    run = start(tmp_path, SUITE)
    made: list[str] = []
    whole = estimating.run_generate
    monkeypatch.setattr(
        estimating, "run_generate", lambda j, s, e: (made.append(s.clips[-1].id), whole(j, s, e))
    )
    found = estimate(run.job, run.split, 1, Stages())
    clips = [c.id for c in run.split.clips]
    assert (found.tried, len(set(made))) == (3, 3)
    assert clips[0] in made
    assert clips[-1] in made
    assert [s.stage for s in found.stages] == STAGES
    assert all(s.left == len(clips) and len(s.each) == 2 for s in some(found.stages))
    assert not run.job.run.root.exists()
    assert not list((tmp_path / "cache").rglob("*.npz"))


def test_a_begun_run_is_its_own_pilot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(tmp_path, SUITE)
    run.generate()
    monkeypatch.setattr(estimating, "_pilot", lambda *_: iter(()))
    videos_only = estimate(run.job, run.split, 1, Stages(score=False))
    assert videos_only.tried == 0
    assert {s.left for s in videos_only.stages} == {0}
    run.score()
    assert {s.left for s in estimate(run.job, run.split, 1, Stages()).stages} == {0}


def test_the_ends_are_those_of_the_quickest_and_the_slowest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimating, "usable_cores", lambda: 2)
    found = Estimate(
        [Expected("score", 100, (1.0, 3.0), 10.0), Expected("x", 0, (5.0,), 9.0)], 4, 3, 7
    )
    assert found.stages[0].range == (110, 310)
    assert found.stages[1].seconds == 0
    assert found.wall([s.seconds for s in found.stages]) == 10 + 200 / 2  # two cores, not four
    text = "\n".join(as_text(found, "demo"))
    assert "in all about 1:50 with 4 processes on 2 cores; 1:00 to 2:40" in text
    lonely = Estimate([Expected("score", 2, (1.0,))], 1, 1, 1)
    assert "too few clips to say how sure that is" in "\n".join(as_text(lonely, "demo"))
    assert [clock(s) for s in (4, 750, 11100, 200_000)] == ["0:04", "12:30", "3:05:00", "2.3 days"]


def test_the_command_says_it_and_makes_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE + "limits: {clips: 2}\n")
    words = ["run", str(tmp_path / "suite.yaml"), "--out", str(tmp_path / "run"), "--estimate"]
    cli(words, standalone_mode=False)
    shown = capsys.readouterr()
    assert "in all about" in shown.out
    assert "generate echo" in shown.out
    assert shown.err == ""
    assert not (tmp_path / "run").exists()


def test_rates_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(machine, "SIDE", 32)
    monkeypatch.setattr(machine, "FRAMES", 4)
    monkeypatch.setattr(machine, "ROUNDS", 1)
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path))
    cli(["doctor", "--benchmark", "--json"], standalone_mode=False)
    found = {rate["name"]: rate for rate in json.loads(capsys.readouterr().out)}
    assert len(found) == 10
    assert all(rate["value"] > 0 and 0 < rate["slowest"] <= 1 for rate in some(found.values()))
    assert not list(tmp_path.iterdir())


def test_remaining_time_says_how_sure_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("thbench.progress.time.monotonic", lambda: now[0])
    bar = Progress("score", 20)
    for seconds in (2, 2, 2, 2):
        now[0] += seconds
        bar.advance()
    assert "±" not in bar._line()
    now[0] += 2
    bar.advance()
    assert "00:30 left (± 00:00)" in bar._line()
    for seconds in (1, 3, 1, 3, 2):
        now[0] += seconds
        bar.advance()
    assert "00:20 left (± 00:0" in bar._line()
    assert "(± 00:00)" not in bar._line()
    bar._over.set()
