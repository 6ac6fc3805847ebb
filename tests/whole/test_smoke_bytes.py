"""smoke.yaml: one worker, two workers, and three shards with a merge end in the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runs import videos, written


def thbench(cache: Path, *words: object) -> None:
    environment = {**os.environ, "THBENCH_CACHE": str(cache)}
    command = [sys.executable, "-c", "from thbench.cli.main import main; main()", *map(str, words)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.long
def test_workers_and_shards_change_no_byte_of_smoke(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    thbench(tmp_path / "a", "run", "smoke", "--out", one)
    thbench(tmp_path / "b", "run", "smoke", "--workers", 2, "--out", two)
    for k in (1, 2, 3):
        thbench(tmp_path / "c", "run", "smoke", "--shard", f"{k}/3", "--out", three)
    thbench(tmp_path / "d", "merge", three)  # with the shards' observations out of sight
    assert len(written(one)) == 16  # 7 rows with a result and a table each, the leaderboard twice
    assert written(one) == written(two) == written(three)
    assert videos(one) == videos(two) == videos(three)
