"""Steps, validation, saving. Step s is a pure function of (state, seed, s)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from thbench.api import UserError
from thbench.progress import Progress as Bar
from thbench.training.checkpoint import write_checkpoint
from thbench.training.contract import Example, Phase, Trainer
from thbench.training.data import ClipStore, Sampler, ahead, tensors, validation_batches
from thbench.training.logs import CsvLog, TensorBoard
from thbench.training.options import TrainingOptions
from thbench.training.progress import Progress
from thbench.training.state import State, seed_step

STATE, BEST, LAST = "state.safetensors", "best.safetensors", "last.safetensors"
SHOWN = "shown.safetensors"
"""The weights that a row of progress.png is drawn with, while it is drawn."""
TRAIN_LOG, VALIDATION_LOG, TIMINGS = "train.csv", "validation.csv", "timings.csv"
_PRECISION = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class TrainingTask:
    """Everything a training needs; `about` is what its checkpoints say of themselves."""

    trainer: Trainer
    options: TrainingOptions
    training: ClipStore
    validation: ClipStore
    folder: Path
    device: str
    about: Mapping[str, Any]
    workers: int = 1
    tensorboard: bool = False
    progress: Progress | None = None


@dataclass
class Clock:
    """Seconds since the start, and those of them inside the networks."""

    started: float = field(default_factory=time.perf_counter)
    networks: float = 0.0
    steps: int = 0

    def row(self) -> dict[str, float]:
        wall = time.perf_counter() - self.started
        rate = self.steps / wall if wall else 0.0
        outside = 1 - self.networks / wall if wall else 0.0
        return {"seconds": wall, "steps_per_second": rate, "share_outside_networks": outside}


def learning_rate(options: TrainingOptions, base: float, step: int) -> float:
    """Of step `step`, counted from 0."""
    rise = min(1.0, (step + 1) / options.warmup) if options.warmup else 1.0
    if options.schedule == "constant":
        return base * rise
    return base * rise * (1 + math.cos(math.pi * step / options.steps)) / 2


class Loop:
    """One training; `run` goes on from `state` to the last step."""

    def __init__(self, task: TrainingTask, state: State) -> None:
        self.task, self.state = task, state
        options = task.options
        self.sampler = Sampler(
            task.training, task.trainer, options.seed, options.batch, options.accumulate
        )
        self.logs = {
            name: CsvLog(task.folder / name) for name in (TRAIN_LOG, VALIDATION_LOG, TIMINGS)
        }
        self.board = TensorBoard(task.folder / "tensorboard") if task.tensorboard else None
        self.clock = Clock()
        self._since: list[dict[str, float]] = []

    def run(self) -> None:
        """Raises UserError where a loss is no longer finite or memory runs out."""
        for log in self.logs.values():
            log.start(self.state.step or -1)  # before the first saved state nothing counts
        if self.task.progress:
            self.task.progress.forget(self.state.step or -1)
        try:
            self._run()
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"out of memory at step {self.state.step} with batches of {self.task.options.batch}",
                "halve training.batch and double training.accumulate: the same training in half "
                "the memory",
            ) from error
        finally:
            for log in self.logs.values():
                log.close()
            if self.board:
                self.board.close()

    def _run(self) -> None:
        options, state = self.task.options, self.state
        remaining = range(state.step, options.steps)
        calls = ((s, p) for s in remaining for p in range(options.accumulate))
        batches = ahead(self.sampler, calls, self.task.workers)
        with Bar("train", len(remaining), state.step, "step") as bar:
            if not state.step and len(self.task.validation):
                self._validate()  # what the training starts from: an epoch 0 to compare with
            if not state.step:
                self._show()
            for step in remaining:
                values = self._step(step, [next(batches) for _ in range(options.accumulate)])
                state.step = step + 1
                bar.advance()
                self._after(values)

    # -- one step -----------------------------------------------------------------------------------

    def _step(self, step: int, parts: list[Example]) -> dict[str, float]:
        batches = [tensors(part, self.task.device) for part in parts]
        start = time.perf_counter()
        values: dict[str, float] = {}
        for phase in self.task.trainer.phases:
            values |= self._phase(phase, step, batches)
        for name, averaged in self.state.averaged.items():
            averaged.update(self.task.trainer.networks[name], step)
        self.clock.networks += time.perf_counter() - start
        self.clock.steps += 1
        return values

    def _phase(
        self, phase: Phase, step: int, batches: list[Mapping[str, Tensor]]
    ) -> dict[str, float]:
        options, state = self.task.options, self.state
        learned, optimiser = state.learned[phase.name], state.optimisers[phase.name]
        self._only(phase.name)
        optimiser.zero_grad(set_to_none=True)
        sums: dict[str, float] = {}
        for part, batch in enumerate(batches):
            seed_step(options.seed, step, part)
            with self._arithmetic():
                loss, logged = self.task.trainer.loss(phase.name, batch)
            state.scaler.scale(loss / len(batches)).backward()  # type: ignore[no-untyped-call]
            for name, value in {phase.name: loss.detach(), **logged}.items():
                sums[name] = sums.get(name, 0.0) + float(value) / len(batches)
        self._check(sums, phase, step)
        state.scaler.unscale_(optimiser)
        if options.clip_grad is not None:
            torch.nn.utils.clip_grad_norm_(learned, options.clip_grad)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(options, phase.learning_rate, step)
        state.scaler.step(optimiser)
        state.scaler.update()
        return sums

    def _only(self, phase: str) -> None:
        """Gradients for this phase's weights and no others."""
        for learned in self.state.learned.values():
            for parameter in learned:
                parameter.requires_grad_(False)
        for parameter in self.state.learned[phase]:
            parameter.requires_grad_(True)

    def _arithmetic(self) -> Any:
        kind = _PRECISION.get(self.task.options.precision)
        device = self.task.device.partition(":")[0]
        return torch.autocast(device, dtype=kind, enabled=kind is not None)

    def _check(self, values: Mapping[str, float], phase: Phase, step: int) -> None:
        wrong = [name for name, value in values.items() if not math.isfinite(value)]
        if wrong:
            raise UserError(
                f"{phase.name}: {', '.join(wrong)} is not finite at step {step + 1}",
                f"lower its learning rate; {STATE} holds the last sound state",
            )

    # -- between steps ------------------------------------------------------------------------------

    def _after(self, values: dict[str, float]) -> None:
        options, step = self.task.options, self.state.step
        last = step == options.steps
        self._since.append(values)
        # at every save too: a resumed training starts its means anew there
        if step % options.log_every == 0 or step % options.save_every == 0 or last:
            self._log(TRAIN_LOG, _means(self._since))
            self._since.clear()
        if (step % options.validate_every == 0 or last) and len(self.task.validation):
            self._validate()
        if last or (options.progress_every and step % options.progress_every == 0):
            self._show()
        if step % options.save_every == 0 or last:
            self._save()

    def _log(self, name: str, values: Mapping[str, float]) -> None:
        self.logs[name].append(self.state.step, self.sampler.epoch(self.state.step), values)
        if self.board:
            self.board.append(name.removesuffix(".csv"), self.state.step, values)

    def _validate(self) -> None:
        values = self.validation()
        self._log(VALIDATION_LOG, values)
        name = criterion(self.task)
        if name is None:
            return
        best = self.state.best
        sign = 1 if self.task.trainer.criteria[name] == "lower" else -1
        if best is None or best["name"] != name or sign * values[name] < sign * best["value"]:
            self.state.best = {"name": name, "value": values[name], "step": self.state.step}
            self._publish(BEST)

    @torch.no_grad()
    def validation(self) -> dict[str, float]:
        """Means over all validation examples, with the weights that would be published."""
        options, trainer = self.task.options, self.task.trainer
        sums: dict[str, float] = {}
        batches = validation_batches(self.task.validation, trainer, options.seed, options.batch)
        with self.state.evaluating():
            for part, (n, batch) in enumerate(batches):
                seed_step(options.seed, -1, part)
                with self._arithmetic():
                    found = trainer.validate(tensors(batch, self.task.device))
                for name, value in found.items():
                    sums[name] = sums.get(name, 0.0) + float(value) * n
        return {name: value / len(self.task.validation) for name, value in sums.items()}

    def _publish(self, name: str) -> None:
        tensors = self.state.published()
        if self.task.options.published == "fp16":
            tensors = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
        write_checkpoint(self.task.folder / name, tensors, self._about())

    def _show(self) -> None:
        """A row of progress.png."""
        if self.task.progress is None:
            return
        file = self.task.folder / SHOWN
        try:
            self._publish(SHOWN)
            self.task.progress.show(self.state.step, file)
        finally:
            for left in (file, file.with_suffix(".json")):
                left.unlink(missing_ok=True)

    def _save(self) -> None:
        """Logs first, the state last: whatever a kill leaves, the state's own past is complete."""
        self._log_time()
        for log in self.logs.values():
            log.flush()
        self._publish(LAST)
        write_checkpoint(self.task.folder / STATE, self.state.pack(), self._about())

    def _log_time(self) -> None:
        self.logs[TIMINGS].append(
            self.state.step, self.sampler.epoch(self.state.step), self.clock.row()
        )

    def _about(self) -> dict[str, Any]:
        return {**self.task.about, "step": self.state.step, "chosen_by": self.state.best}


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def criterion(task: TrainingTask) -> str | None:
    """The validation value that chooses the published checkpoint; None: the last one is taken.

    Raises UserError for an unknown name.
    """
    known = list(task.trainer.criteria)
    name = task.options.criterion or known[0]
    if name == "last" or not len(task.validation):
        return None
    if name not in known:
        raise UserError(
            f"training.criterion '{name}' is unknown", f"one of: {', '.join([*known, 'last'])}"
        )
    return name
