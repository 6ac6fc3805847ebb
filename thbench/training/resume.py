"""Resuming a training: saved state, and whether it belongs to the same training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.suite import Part
from thbench.training.checkpoint import differing, read_checkpoint
from thbench.training.loop import STATE, TrainingTask
from thbench.training.options import CHOICE, MAY_CHANGE
from thbench.training.state import State


def saved_state(task: TrainingTask, part: Part) -> State:
    """A new state, or the saved one of this folder. Raises UserError where that is another training's."""
    options = task.options
    state = State(task.trainer, options.ema, options.precision == "fp16", task.device)
    file = task.folder / STATE
    if not file.exists():
        return state
    saved = read_checkpoint(file, part.plugin.name)
    _check_same_training(task, saved.about, file)
    try:
        state.unpack(saved.tensors)
    except (RuntimeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{file} does not fit: {reason}", f"remove {task.folder} or give --out"
        ) from error
    state.step = int(saved.about["step"])
    if _choice(saved.about) == _choice(task.about):
        state.best = saved.about["chosen_by"]
    return state


def _choice(about: Any) -> dict[str, Any]:
    """What decides which checkpoint is chosen: values of other validation clips cannot be compared."""
    return {k: v for k, v in about["options"]["training"].items() if k in CHOICE}


def _check_same_training(task: TrainingTask, saved: Any, file: Path) -> None:
    wanted, found = _essence(task.about), _essence(saved)
    if wanted == found:
        return
    differs = [
        d
        for key in sorted({*wanted, *found})
        if wanted.get(key) != found.get(key)
        for d in _difference(key, wanted.get(key), found.get(key))
    ]
    raise UserError(
        f"{file.parent} holds another training: {'; '.join(differs)}",
        "--out FOLDER keeps both; or remove that folder",
    )


def _difference(key: str, wanted: Any, found: Any) -> list[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [f"{key}.{d}" for d in differing(wanted, found)]
    return [key]


def _essence(about: Any) -> dict[str, Any]:
    """What must be equal for one training to go on: not the code's version, nor how long it runs."""
    kept = ("size", "architecture", "trained_on", "dataset", "pretrained", "weights")
    training = {k: v for k, v in about["options"]["training"].items() if k not in MAY_CHANGE}
    others = {k: v for k, v in about["options"].items() if k != "training"}
    return {**{k: about[k] for k in kept}, "training": training, "options": others}
