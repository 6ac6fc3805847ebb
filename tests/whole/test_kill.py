"""kill -9 at random moments of every stage: the rerun ends in the bytes of a calm run.

The long form is `python tests/tools/kill_many.py --kills 200`.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from kill_many import Place, disturb, wait_until_it_works


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["generate", "score", "train"])
def test_a_killed_stage_ends_in_the_same_bytes(tmp_path: Path, stage: str) -> None:
    assert disturb(tmp_path, stage, kills=2, seed=1).kills == 2


@pytest.mark.long
@pytest.mark.parametrize(("workers", "device"), [(1, "cpu"), (2, "cpu"), (2, "meta")])
def test_twenty_kills(tmp_path: Path, workers: int, device: str) -> None:
    """On an accelerator, as which torch's `meta` stands here, two workers score while they generate."""
    assert disturb(tmp_path, "run", 20, 2, workers, device).kills == 20


def test_interrupting_says_how_to_continue(tmp_path: Path) -> None:
    place = Place(tmp_path, "run")
    run = place.run("run")
    process = place.start(run)
    wait_until_it_works(process, run)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=300)[1].decode()
    assert process.returncode == 130
    assert "continues where it stopped" in errors
    assert "Traceback" not in errors
