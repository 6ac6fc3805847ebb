"""Trainings of a very small GAN on the toy dataset, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thbench.environment import Settings
from thbench.plugins.discovery import registry
from thbench.suite import load_suite
from thbench.training.run import train

SUITE = """\
schema: 1
name: toys
dataset: {name: toy}
split: {train: [1001], validation: [1002], test: [1003]}
seed: 7
systems:
  gan:
    generator: gan
    resolution: 32
    architecture:
      {identity: scratch, identity_width: 8, audio_code: 4, noise: 2, hidden: 8, widest: 8,
       narrowest: 8, output: identity}
    discriminator_width: 4
    frames: 3
    lead: 2
    training: {steps: 20, batch: 2, ema: 0.9, validate_every: 5, save_every: 5, log_every: 1}
  echo: {generator: toy-echo, resolution: 32}
metrics: [toy-brightness]
"""


def suite_file(folder: Path, text: str = SUITE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "suite.yaml"
    file.write_text(text)
    return file


def trained(
    folder: Path,
    overrides: Sequence[str] = (),
    *,
    name: str = "run",
    system: str = "gan",
    text: str = SUITE,
    **options: Any,
) -> Path:
    """The folder of a training; its checkpoints and logs are in it."""
    suite = load_suite(suite_file(folder, text), registry(), overrides)
    train(suite, system, registry(), Settings(), folder / name, **options)
    return folder / name


def setting(**values: object) -> list[str]:
    """Overrides of the GAN's `training`."""
    return [f"systems.gan.training.{key}={value}" for key, value in values.items()]


def bytes_of(run: Path) -> dict[str, bytes]:
    """Every file that promises its bytes: all but times and what the run says of the whole plan."""
    kept = [p for p in sorted(run.iterdir()) if p.suffix in (".safetensors", ".csv", ".json")]
    return {p.name: p.read_bytes() for p in kept if p.name != "timings.csv"}
