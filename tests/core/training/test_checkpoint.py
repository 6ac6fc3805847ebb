"""Whatever is wrong with a checkpoint is one line for a person."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from thbench.api import TrainedOn, UserError
from thbench.training.checkpoint import (
    check_architecture,
    load_network,
    read_checkpoint,
    write_checkpoint,
)

ABOUT: dict[str, Any] = {
    "generator": "mine",
    "architecture": {"width": 3},
    "trained_on": {"dataset": "toy", "actors": ["1001", "1002"]},
    "pretrained": {},
    "size": 32,
    "step": 5,
}


def network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def written(path: Path, **changes: Any) -> Path:
    tensors = {f"generator/{k}": v for k, v in network().state_dict().items()}
    write_checkpoint(path, tensors, {**ABOUT, **changes})
    return path


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    file = written(tmp_path / "a.safetensors")
    found = read_checkpoint(file, "mine")
    other = nn.Linear(3, 2)
    load_network(other, "generator", found)
    assert torch.equal(other.weight, network().weight)
    assert found.trained_on == TrainedOn("toy", frozenset({"1001", "1002"}))
    assert json.loads(file.with_suffix(".json").read_text())["size"] == 32
    assert written(tmp_path / "b.safetensors").read_bytes() == file.read_bytes()


def test_a_frozen_part_of_unknown_training_makes_the_whole_unknown(tmp_path: Path) -> None:
    known = written(tmp_path / "a.safetensors", pretrained={"resnet": "ImageNet-1k"})
    assert read_checkpoint(known, "mine").trained_on is not None
    unknown = written(tmp_path / "b.safetensors", pretrained={"sda": "unknown"})
    assert read_checkpoint(unknown, "mine").trained_on is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator": "other"}, "is of generator 'other', not 'mine'"),
        ({"schema": 2}, "has schema 2, this thbench reads 1"),
        ({"architecture": None}, "lacks 'architecture'"),
        ({"trained_on": {"actors": []}}, "what it was trained on"),
        ({"format": "something"}, "does not say what it is"),
    ],
)
def test_a_wrong_description_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_checkpoint(written(tmp_path / "a.safetensors", **changes), "mine")


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_checkpoint(file, "mine")
    torch.save(network().state_dict(), file)
    with pytest.raises(UserError, match="is a pickle"):
        read_checkpoint(file, "mine")
    file.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(UserError, match="is a pickle"):
        read_checkpoint(file, "mine")
    file.write_bytes(b"")
    with pytest.raises(UserError, match="damaged or cut off"):
        read_checkpoint(file, "mine")
    save_file({"a": torch.ones(1)}, file)
    with pytest.raises(UserError, match="does not say what it is"):
        read_checkpoint(file, "mine")


@pytest.mark.parametrize("kept", [0.2, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    file = written(tmp_path / "a.safetensors")
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match="damaged or cut off"):
        read_checkpoint(file, "mine")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    file = tmp_path / "a.safetensors"
    write_checkpoint(file, {"generator/weight": torch.tensor([1.0, value])}, ABOUT)
    with pytest.raises(UserError, match="generator/weight holds NaN or infinity"):
        read_checkpoint(file, "mine")


def test_another_architecture_is_named_value_by_value(tmp_path: Path) -> None:
    found = read_checkpoint(written(tmp_path / "a.safetensors"), "mine")
    check_architecture(found, {"width": 3})
    with pytest.raises(UserError, match=r"width \(wanted 4, has 3\)"):
        check_architecture(found, {"width": 4})
    with pytest.raises(UserError, match="do not fit"):
        load_network(nn.Linear(4, 2), "generator", found)
