"""What ends a command and what its output can show: signals, encodings, logs without a terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runs import SUITE
from thbench import progress
from thbench.engines.local import LocalEngine
from thbench.engines.shown import Shown
from thbench.progress import Progress, shown
from trainings import trained
from waiting import until

THBENCH = [sys.executable, "-m", "thbench"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_is_like_ctrl_c(workers: int, tmp_path: Path) -> None:
    """The run says how to continue, and continues."""
    suite = tmp_path / "suite.yaml"
    suite.write_text(SUITE)
    words = [*THBENCH, "run", str(suite), "--out", str(tmp_path / "run"), "--workers", str(workers)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until((tmp_path / "run" / "suite.json").exists)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 143, err
    assert "interrupted; the same command continues" in err
    assert "Traceback" not in err
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_output_that_is_not_utf_8(encoding: str, tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(SUITE)
    words = [*THBENCH, "run", str(suite), "--out", str(tmp_path / "run")]
    done = subprocess.run(
        words, capture_output=True, env=environment(PYTHONIOENCODING=encoding), check=False
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert "brightness" in text
    assert "leaderboard.md" in text


def test_a_stage_is_a_line_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("score", todo=3, done=2) as bar:
        for _ in range(3):
            bar.advance()
    assert re.fullmatch(r"score: 5/5 clips, 00:00\n", capsys.readouterr().err)
    with Progress("score", todo=0, done=5):
        pass
    assert capsys.readouterr().err == ""


def test_bytes_are_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("fetch", 3_000_000_000, unit="B") as bar:
        bar.advance(1_200_000_000)
    assert capsys.readouterr().err.startswith("fetch: 1.20G/3.00GB, 00:00, 00:00 left")


def test_items_and_the_work_of_an_engine_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(shown("load", "abc", 3)) == ["a", "b", "c"]
    engine = Shown(LocalEngine(), "prepare")
    assert engine.workers == 1
    assert sorted(engine.map(abs, [-1, -2])) == [(0, 1), (1, 2)]
    assert re.fullmatch(
        r"load: 3/3 clips, 00:00\nprepare: 2/2 clips, 00:00\n", capsys.readouterr().err
    )


def test_a_training_is_shown_in_a_log_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path, steps=2)
    assert re.search(r"^train: 2/\d+ steps, \d\d:\d\d", capsys.readouterr().err, re.M)


def test_a_long_stage_is_a_line_every_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.01)
    with Progress("generate mine", todo=4) as bar:
        bar.advance()
        said = until(lambda: capsys.readouterr().err)
    lines = said.splitlines()
    assert re.fullmatch(r"generate mine: 1/4 clips, \d\d:\d\d, \d\d:\d\d left", lines[0])
