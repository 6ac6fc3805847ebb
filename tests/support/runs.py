"""Whole runs on the toy plugins, for tests of the harness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thbench.engines.local import LocalEngine
from thbench.environment import Settings
from thbench.pipeline import run_generate, run_score
from thbench.plugins.discovery import registry
from thbench.results.document import Result
from thbench.run.job import Job, Order
from thbench.run.plan import job_for
from thbench.suite import Suite, load_suite
from thbench.suite.split import Split, split_of

EVERY_CONTROL = """\
schema: 1
name: toys
dataset: {name: toy}
split: all
seed: 7
systems:
  echo: {generator: toy-echo, resolution: 32}
metrics: [toy-brightness]
primary: brightness
"""
SUITE = EVERY_CONTROL + "controls: [ground-truth, still-identity]\n"
"""What most tests need: the others double a run's work, and have tests of their own."""


def suite_from(folder: Path, text: str = SUITE, overrides: Sequence[str] = ()) -> Suite:
    file = folder / "suite.yaml"
    file.write_text(text)
    return load_suite(file, registry(), overrides)


@dataclass
class Run:
    """One invocation on one folder."""

    suite: Suite
    job: Job
    split: Split

    def generate(self, workers: int = 1, order: Order | None = None, **options: object) -> None:
        with self.job.run.locked():
            run_generate(self.job, self.split, LocalEngine(workers), order, **options)  # type: ignore[arg-type]

    def score(self, workers: int = 1, order: Order | None = None) -> dict[str, Result]:
        with self.job.run.locked():
            results = run_score(self.job, self.split, LocalEngine(workers), order)
        return {r.system.name: r for r in results}

    def both(self, workers: int = 1, order: Order | None = None) -> dict[str, Result]:
        self.generate(workers, order)
        return self.score(workers, order)


def start(
    folder: Path, text: str = SUITE, overrides: Sequence[str] = (), batch: int = 2, out: str = "run"
) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    suite = suite_from(folder, text, overrides)
    settings = Settings(batch=batch)
    job = job_for(suite, folder / out, settings)
    return Run(suite, job, split_of(suite, settings))


def written(run: Path) -> dict[str, bytes]:
    """Everything that must not depend on how a run came about."""
    names = ("result.json", "clips.csv", "leaderboard.json", "leaderboard.md")
    return {str(p.relative_to(run)): p.read_bytes() for n in names for p in sorted(run.rglob(n))}


def videos(run: Path) -> dict[str, bytes]:
    """Every stored video."""
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("videos/*"))}
