"""A suite and one of its systems -> a training in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import thbench
from thbench.api import Clip, Dataset, Fetchable, TrainedOn, UserError
from thbench.environment import (
    Settings,
    apply_threads,
    check_device,
    git_state,
    library_versions,
)
from thbench.files.atomic import atomic_write, sweep
from thbench.files.canonical import digest
from thbench.plugins.context import RunContext
from thbench.plugins.discovery import Registry
from thbench.plugins.identity import weights_digest
from thbench.plugins.options import dump_options
from thbench.plugins.sources import code_digest
from thbench.suite import Part, Suite, System
from thbench.suite.clips import selection
from thbench.suite.split import Split, select
from thbench.training.clips import training_clips
from thbench.training.contract import Trainer
from thbench.training.data import ClipStore
from thbench.training.loop import BEST, LAST, Loop, TrainingTask, criterion
from thbench.training.options import TrainingOptions
from thbench.training.progress import Progress
from thbench.training.resume import saved_state
from thbench.training.samples import progress_of, write_samples
from thbench.training.state import seed_step

RUN = "training.json"
INITIAL = -2
"""Stands where a step would in the seed of the initial weights."""


def train(
    suite: Suite,
    system: str,
    registry: Registry,
    settings: Settings,
    folder: Path,
    steps: int | None = None,
    workers: int = 1,
    tensorboard: bool = False,
) -> Path:
    """Train one system of the suite on its training actors; goes on where it was stopped.

    Returns the checkpoint to use: the one the criterion chose, or the last. Raises UserError for
    what a person can fix: no training actors, another training in the folder, a broken state.
    """
    apply_threads(settings.threads)
    entrant, part = _entrant(suite, system)
    with _locked(folder):
        task = _task(suite, entrant, part, registry, settings, folder, steps, workers, tensorboard)
        state = saved_state(task, part)
        if task.options.progress_every and len(task.validation):
            task = replace(task, progress=_progress(task, suite, entrant, part, registry, settings))
        atomic_write(folder / RUN, json.dumps(_described(task), indent=1) + "\n")
        Loop(task, state).run()
        published = folder / (LAST if criterion(task) is None else BEST)
        if task.options.samples and len(task.validation):
            dataset: Dataset = _dataset(suite, registry, settings)
            write_samples(
                folder, published, suite, entrant, part, registry, settings, dataset,
                task.validation.clips, task.options.samples,
            )  # fmt: skip
        return published


def _progress(
    task: TrainingTask, suite: Suite, system: System, part: Part, registry: Registry,
    settings: Settings,
) -> Progress:  # fmt: skip
    """Rows of as many frames as samples.png has, 8 where that has none, of the first validation clip."""
    dataset, clip = _dataset(suite, registry, settings), task.validation.clips[0]
    frames = task.options.samples or TrainingOptions.samples
    return progress_of(task.folder, suite, system, part, registry, settings, dataset, clip, frames)


def _dataset(suite: Suite, registry: Registry, settings: Settings) -> Dataset:
    built: Dataset = suite.dataset.build(settings)
    return built


def _entrant(suite: Suite, name: str) -> tuple[System, Part]:
    (entrant,) = suite.only([name]).systems or (None,)
    if entrant is None:
        raise UserError(f"'{name}' is a control: there is nothing to train", "name a system")
    if entrant.part is None:
        raise UserError(f"system '{name}': {entrant.broken}", "fix or uninstall the plugin")
    if entrant.part.plugin.trainer is None:
        raise UserError(
            f"generator '{entrant.generator}' of system '{name}' cannot be trained here",
            "thbench list: trainable generators have the option `training`",
        )
    return entrant, entrant.part


def _task(
    suite: Suite,
    system: System,
    part: Part,
    registry: Registry,
    settings: Settings,
    folder: Path,
    steps: int | None,
    workers: int,
    tensorboard: bool,
) -> TrainingTask:
    options: TrainingOptions = part.options.training
    if steps is not None:
        options = replace(options, steps=steps)
    if options.precision == "fp16" and settings.device == "cpu":
        raise UserError("training.precision fp16 needs an accelerator", "bf16 works on a CPU")
    check_device(settings.device)
    seed_step(options.seed, INITIAL, 0)
    context = RunContext(registry, settings, part.plugin.name)
    assert part.plugin.trainer is not None
    trainer: Trainer = part.plugin.trainer(part.options, context, system.resolution)
    apply_threads(settings.threads)  # building may have imported a library that threads
    for network in trainer.networks.values():
        network.to(settings.device).train()
    dataset = _dataset(suite, registry, settings)
    split = select(suite, dataset.clips())
    training, validation = training_clips(dataset.clips(), split, options)
    _refuse_missing(suite, dataset, training, validation)
    stores = [
        ClipStore(dataset, clips, system.resolution, trainer, options.memory * 1_000_000)
        for clips in (training, validation)
    ]
    about = _about(suite, system, part, trainer, options, split, training, registry, settings)
    return TrainingTask(
        trainer, options, stores[0], stores[1], folder, settings.device, about, workers, tensorboard
    )


def _refuse_missing(
    suite: Suite, dataset: Dataset, training: Sequence[Clip], validation: Sequence[Clip]
) -> None:
    """Raises UserError naming all that must be fetched or prepared first, with the first command."""
    if isinstance(dataset, Fetchable):
        words = selection(suite)
        parts = (("train", training), ("validation", validation))
        missing = [m for part, clips in parts if clips
                   for m in dataset.missing_of(clips, f"{words} --split {part}".strip())]  # fmt: skip
    else:
        missing = list(dataset.missing())
    if missing:
        what = "; ".join(dict.fromkeys(m.what for m in missing))
        commands = " && ".join(dict.fromkeys(m.command for m in missing))
        raise UserError(f"training lacks {what}", commands)


def _about(
    suite: Suite,
    system: System,
    part: Part,
    trainer: Trainer,
    options: TrainingOptions,
    split: Split,
    training: Sequence[Clip],
    registry: Registry,
    settings: Settings,
) -> dict[str, Any]:
    """What every checkpoint of this training says of itself; no times, no host."""
    dataset = suite.dataset
    data = {
        "name": dataset.plugin.name,
        "version": dataset.plugin.version,
        "options": dataset.resolved,
        "code": dataset.sources,
        "clips": [c.id for c in training],
    }
    return {
        "generator": part.plugin.name,
        "size": system.resolution,
        "architecture": dict(trainer.architecture),
        "options": {**dump_options(part.plugin, part.options), "training": asdict(options)},
        "trained_on": {
            "dataset": split.dataset,
            "actors": _actors(trainer, training, split.dataset),
        },
        "validation_actors": sorted(split.validation),
        "pretrained": {k: _said(v, split.dataset) for k, v in trainer.pretrained.items()},
        "weights": {n: weights_digest(n, registry) for n in part.plugin.weights(part.options)},
        "dataset": {**{k: data[k] for k in ("name", "version", "options")}, "digest": digest(data)},
        "suite": suite.name,
        "code": {
            "thbench": thbench.__version__,
            "git": git_state(),
            "plugin": part.registered.source_digest,
            "training": code_digest(__name__),
            "torch": library_versions()["torch"],
        },
        # Of the part that wrote the file: a training may be continued with others.
        "machine": {"device": settings.device, "threads": settings.threads},
    }


def _actors(trainer: Trainer, training: Sequence[Clip], dataset: str) -> list[str]:
    """Actors that any weight has seen, as far as they are known."""
    before = [t for t in trainer.pretrained.values() if isinstance(t, TrainedOn)]
    seen = {a for t in before if t.dataset == dataset for a in t.actors}
    return sorted(seen | {c.actor for c in training})


def _said(seen: str | TrainedOn, dataset: str) -> str:
    """A checkpoint names actors of one dataset: with those of another, they are not known."""
    if isinstance(seen, str):
        return seen
    if seen.dataset != dataset:
        return "unknown"
    return f"{len(seen.actors)} actors of {dataset}"


def _described(task: TrainingTask) -> dict[str, Any]:
    """`training.json`: what `thbench plot` and a person want to know of the folder."""
    figures = [asdict(figure) for figure in task.trainer.figures]
    counts = {
        name: sum(p.numel() for p in network.parameters())
        for name, network in task.trainer.networks.items()
    }
    return {"about": dict(task.about), "figures": figures, "parameters": counts}


# -- resuming -----------------------------------------------------------------------------------


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's only lock. Raises UserError where another training holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{folder} is in use by another training", "wait, or give --out") from None
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}", "give --out") from None
    try:
        sweep(folder, older_than=0)
        yield
    finally:
        lock.release()
