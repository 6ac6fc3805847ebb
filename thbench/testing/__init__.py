"""The conformance suite: what every plugin must hold, for built-in and third-party plugins.

    from thbench.testing import check_generator

    def test_conformance() -> None:
        check_generator("mine")

`thbench check NAME` runs the same checks and prints each. A plugin is given by the name under which
it is installed, or as a Plugin whose module implements the hooks. The checks ask it for a few frames
of two clips of a shipped suite; `suite`, `size` and `frames` choose others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thbench.api import Dataset, Generator, Metric, Plugin
from thbench.testing.checks import Check, Checks, Outcome, require, run_checks
from thbench.testing.datasets import DatasetChecks
from thbench.testing.generators import GeneratorChecks
from thbench.testing.material import FRAMES, SUITE, Material, material_from
from thbench.testing.metrics import MetricChecks
from thbench.testing.subject import Subject, subject_of

__all__ = [
    "KINDS",
    "Check",
    "Checks",
    "Material",
    "Outcome",
    "check_dataset",
    "check_generator",
    "check_metric",
    "checks_for",
    "material_from",
    "run_checks",
]

KINDS: Mapping[str, type[Checks]] = {
    "generator": GeneratorChecks,
    "metric": MetricChecks,
    "dataset": DatasetChecks,
}
"""Kinds of plugins that have a conformance suite."""


def check_generator(
    plugin: str | Plugin[Generator, Any],
    options: Mapping[str, Any] | None = None,
    *,
    suite: str | Path = SUITE,
    size: int | None = None,
    frames: int = FRAMES,
) -> None:
    """Raise AssertionError naming every check that a generator fails.

    It is asked for videos of up to `frames` (and once three times as many) frames at `size` x `size`
    pixels, by default the first resolution of `suite`, made from that suite's first two clips.
    """
    _assert(checks_for("generator", plugin, options, suite=suite, size=size, frames=frames))


def check_metric(
    plugin: str | Plugin[Metric, Any],
    options: Mapping[str, Any] | None = None,
    *,
    suite: str | Path = SUITE,
    size: int | None = None,
    frames: int | None = None,
) -> None:
    """Raise AssertionError naming every check that a metric fails.

    It sees the first two clips of `suite`, whole or `frames` frames of each, as they are and corrupted.
    """
    _assert(checks_for("metric", plugin, options, suite=suite, size=size, frames=frames))


def check_dataset(
    plugin: str | Plugin[Dataset, Any],
    options: Mapping[str, Any] | None = None,
    *,
    size: int | None = None,
) -> None:
    """Raise AssertionError naming every check that a dataset fails. Two of its clips are loaded."""
    _assert(checks_for("dataset", plugin, options, size=size))


def checks_for(
    kind: str,
    plugin: str | Plugin[Any, Any],
    options: Mapping[str, Any] | None = None,
    *,
    suite: str | Path = SUITE,
    size: int | None = None,
    frames: int | None = None,
) -> list[Check]:
    """The checks of one plugin, to be run one by one. Raises UserError for bad names and options."""
    subject: Subject = subject_of(kind, plugin, options or {})
    material = Material(suite, size, frames)
    return KINDS[kind](subject, material).checks()


def _assert(checks: list[Check]) -> None:
    failed = [f"{o.title}: {o.error}" for o in run_checks(checks) if o.error is not None]
    require(not failed, "\n".join(failed))
