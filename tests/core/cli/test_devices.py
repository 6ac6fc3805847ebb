"""A device that is not there is one line before any work, and is not looked at without work."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from thbench.cli.main import cli
from thbench.engines import engine_for
from thbench.environment import Settings
from thbench.errors import UserError

ABSENT = "gpu"


@pytest.mark.parametrize("command", [["run", "smoke"], ["train", "puppet_models", "gan"]])
def test_a_device_that_does_not_exist_is_refused_before_anything_is_made(
    command: list[str], tmp_path: Path
) -> None:
    words = [*command, "--device", ABSENT, "--out", str(tmp_path / "run")]
    with pytest.raises(UserError, match=r"--device gpu: .* — cpu, or what `thbench doctor` finds"):
        cli(words, standalone_mode=False)
    assert not list(tmp_path.rglob("*.mkv"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_here_is_refused() -> None:
    engine = engine_for(1, Settings(device="cuda:0"))
    with pytest.raises(
        UserError, match=r"--device cuda:0: .* — cpu, or what `thbench doctor` finds"
    ):
        list(engine.map(str, [1]))


def test_without_work_no_device_is_looked_at() -> None:
    """A run that GPUs made is merged on a machine without one."""
    assert list(engine_for(1, Settings(device=ABSENT)).map(str, [])) == []
