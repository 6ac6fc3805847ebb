"""Figure 10: what each signal does alone."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from denoisers import SIZE, checkpoint
from thbench_ddpm.strength import main, strengths

pytestmark = pytest.mark.usefixtures("one_thread")

SUITE = f"""\
schema: 1
name: toys
dataset: {{name: toy}}
split: {{train: [1001], validation: [1002], test: [1003]}}
systems:
  ddpm: {{generator: ddpm, resolution: {SIZE}, steps: 2}}
  echo: {{generator: toy-echo, resolution: {SIZE}}}
metrics: [toy-brightness]
"""


def run(folder: Path, *words: str, system: str = "ddpm", landmarks: bool = True) -> Result:
    (folder / "suite.yaml").write_text(SUITE)
    file = checkpoint(folder / "tiny.safetensors", landmarks=landmarks)
    chosen = ["--set", f"systems.ddpm.checkpoint={json.dumps(str(file))}"]
    return CliRunner().invoke(main, [str(folder / "suite.yaml"), system, *chosen, *words])


@pytest.mark.slow
def test_a_table_and_a_picture(tmp_path: Path) -> None:
    out = tmp_path / "strength.png"
    done = run(tmp_path, "--clips", "1", "--frames", "0,2", "-o", str(out))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line[:16].strip() for line in lines[1:5]] == [
        "both", "audio alone", "landmarks alone", "neither",
    ]  # fmt: skip
    effects = [float(line.split()[-2]) for line in lines[1:5]]
    assert min(effects[:3]) > 0
    assert effects[3] == 0
    assert cv2.imread(str(out)).shape == (4 * SIZE, 110 + 2 * SIZE, 3)


def test_strength_is_the_distance_from_a_video_without_signals() -> None:
    silent = np.full((2, 4, 4, 3), 10, np.uint8)
    louder = silent.copy()
    louder[1] = 16
    found = strengths({"audio alone": [louder], "neither": [silent]})
    assert found["audio alone"].effect == 3
    assert found["audio alone"].magnitude == 13
    assert found["audio alone"].motion == 6
    assert found["neither"].effect == 0


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    plain = run(tmp_path, landmarks=False)
    assert plain.exit_code == 2
    assert "trained without landmarks" in plain.output
    other = run(tmp_path, system="echo")
    assert other.exit_code == 2
    assert "is no ddpm" in other.output
