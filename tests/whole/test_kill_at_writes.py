"""Kills and flipped bits in whole commands: the short form of tests/tools/kill_at_writes.py and flip_many.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

from paths import ROOT


def ran(tool: str, *words: str) -> str:
    """In a process of its own: it forks, which needs one without threads."""
    command = [sys.executable, str(ROOT / "tests" / "tools" / tool), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_commands_killed_at_writes_end_in_the_same_bytes_without_litter() -> None:
    assert "nothing was left" in ran("kill_at_writes.py", "--kills", "14", "--seed", "5")


@pytest.mark.slow
def test_no_flipped_bit_becomes_a_number() -> None:
    assert "no wrong number" in ran("flip_many.py", "--flips", "16", "--seed", "5")
