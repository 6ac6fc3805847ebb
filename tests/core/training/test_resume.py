"""Stopping costs nothing but time: the bytes are those of a training that was never stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from thbench.api import UserError
from thbench.training.checkpoint import read_checkpoint
from trainings import bytes_of, setting, suite_file, trained


@pytest.mark.slow
def test_ten_steps_and_ten_more_are_twenty(tmp_path: Path) -> None:
    whole = trained(tmp_path, name="whole")
    trained(tmp_path, name="parts", steps=10)
    assert read_checkpoint(tmp_path / "parts" / "state.safetensors", "gan").about["step"] == 10
    parts = trained(tmp_path, name="parts")
    assert bytes_of(parts) == bytes_of(whole)
    assert (
        len(bytes_of(whole)) == 9
    )  # three checkpoints with their descriptions, two logs, training.json


@pytest.mark.parametrize("workers", [0, 3])
def test_loading_ahead_changes_no_byte(tmp_path: Path, workers: int) -> None:
    one = trained(tmp_path, name="one", steps=6)
    other = trained(tmp_path, name="other", steps=6, workers=workers)
    assert bytes_of(one) == bytes_of(other)


@pytest.mark.slow
def test_another_seed_is_another_training(tmp_path: Path) -> None:
    one = trained(tmp_path, name="one", steps=2)
    other = trained(tmp_path, setting(seed=1), name="other", steps=2)
    assert bytes_of(one)["last.safetensors"] != bytes_of(other)["last.safetensors"]


@pytest.mark.slow
@pytest.mark.parametrize("moments", [(12,), pytest.param((7, 12, 17), marks=pytest.mark.long)])
def test_killed_again_and_again_it_ends_in_the_same_bytes(
    tmp_path: Path, moments: tuple[int, ...]
) -> None:
    calm = trained(tmp_path, name="calm")
    file, run = suite_file(tmp_path), tmp_path / "killed"
    words = [sys.executable, "-m", "thbench", "train", str(file), "gan", "--out", str(run)]
    kills = 0
    for wanted in moments:  # once a state is there, kill -9 in the middle of what follows
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and lines(run / "train.csv") < wanted + 1:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        saved = read_checkpoint(run / "state.safetensors", "gan").about["step"]
        assert saved >= lines(run / "train.csv") - 1 - 5  # at most one interval is lost
    assert kills
    subprocess.run(words, check=True, capture_output=True)
    assert contents(run) == contents(calm)


def contents(run: Path) -> dict[str, object]:
    """As `bytes_of`, but for the code's version: somebody may commit while this test runs."""
    found: dict[str, object] = {p.name: p.read_bytes() for p in run.glob("[tv][ra][al]*.csv")}
    for file in run.glob("*.safetensors"):
        checkpoint = read_checkpoint(file, "gan")
        tensors = {k: v.numpy().tobytes() for k, v in checkpoint.tensors.items()}
        found[file.name] = tensors, {k: v for k, v in checkpoint.about.items() if k != "code"}
    assert len(found) == 5
    return found


def lines(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_another_training_is_not_continued(tmp_path: Path) -> None:
    trained(tmp_path, steps=1)
    with pytest.raises(UserError, match=r"another training: training\.batch \(wanted 3, has 2\)"):
        trained(tmp_path, setting(batch=3), steps=2)
    with pytest.raises(UserError, match=r"options\.lambda_pixel"):
        trained(tmp_path, ["systems.gan.lambda_pixel=7"], steps=2)
    with pytest.raises(UserError, match="dataset"):
        trained(tmp_path, ["dataset.n_actors=3", "split.train=[1001, 1002]", "split.validation=[]",
                           *setting(criterion="last")], steps=2)  # fmt: skip


@pytest.mark.slow
def test_another_choice_of_checkpoint_begins_anew(tmp_path: Path) -> None:
    trained(tmp_path, steps=5)
    run = trained(tmp_path, setting(validation_clips=3), steps=10)
    chosen = read_checkpoint(run / "state.safetensors", "gan").about["chosen_by"]
    assert chosen["step"] == 10


def test_two_trainings_of_one_folder_are_refused(tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(UserError, match="in use"):
        trained(tmp_path, steps=1)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    run = trained(tmp_path, steps=1)
    state = run / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-1000])
    with pytest.raises(UserError, match="damaged or cut off"):
        trained(tmp_path, steps=2)
