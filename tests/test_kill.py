"""kill -9 at random moments of generate and score: the rerun ends in the bytes of a calm run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runs import SUITE, videos, written

SLOW_TOYS = SUITE.replace("resolution: 32}", "resolution: 32, delay: 0.03}").replace(
    "[toy-brightness]", "[{metric: toy-brightness, cost: 0.01}]"
)


def command(folder: Path, out: str, workers: int) -> list[str]:
    file = folder / "suite.yaml"
    file.write_text(SLOW_TOYS)
    words = [
        "run",
        str(file),
        "--out",
        str(folder / out),
        "--workers",
        str(workers),
        "--batch",
        "2",
    ]
    return [sys.executable, "-m", "thbench", *words]


def is_working(run: Path) -> bool:
    """The process is past its imports and has begun to write."""
    return (run / ".lock").exists()


def kill_at(words: list[str], run: Path, delay: float) -> bool:
    """Start, wait until it works and then `delay` seconds, kill -9. False where it had finished by then."""
    (run / ".lock").unlink(missing_ok=True)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not is_working(run):
        time.sleep(0.01)
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def disturb(folder: Path, kills: int, workers: int, seed: int) -> None:
    calm = command(folder, "calm", workers)
    start = time.monotonic()
    subprocess.run(calm, check=True, capture_output=True)
    whole = time.monotonic() - start
    expected, made = written(folder / "calm"), videos(folder / "calm")
    draw, killed, round_ = random.Random(seed), 0, 0
    while killed < kills:
        round_ += 1
        run = folder / f"torn{round_}"
        words = command(folder, run.name, workers)
        while killed < kills and kill_at(words, run, draw.uniform(0, 0.5 * whole)):
            killed += 1
        subprocess.run(words, check=True, capture_output=True)
        assert written(run) == expected
        assert videos(run) == made
        assert not list(run.rglob(".thbench-*"))


def test_killed_runs_end_in_the_same_bytes(tmp_path: Path) -> None:
    disturb(tmp_path, kills=4, workers=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_twenty_kills(tmp_path: Path, workers: int) -> None:
    disturb(tmp_path, kills=20, workers=workers, seed=2)


def test_interrupting_says_how_to_continue(tmp_path: Path) -> None:
    words = command(tmp_path, "run", 1)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not is_working(tmp_path / "run") and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "continues where it stopped" in errors
    assert "Traceback" not in errors
