"""The hooks, one line each. A plugin implements them with `thbench.api.hookimpl`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from thbench.api import (
    Dataset,
    Engine,
    Extractor,
    Generator,
    Metric,
    Plugin,
    PublishedValue,
    WeightsFile,
)

hookspec = pluggy.HookspecMarker("thbench")


@hookspec
def thbench_datasets() -> Iterable[Plugin[Dataset, Any]]:  # type: ignore[empty-body]
    """Datasets: clips and their ground truth."""


@hookspec
def thbench_generators() -> Iterable[Plugin[Generator, Any]]:  # type: ignore[empty-body]
    """Talking-head generators."""


@hookspec
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:  # type: ignore[empty-body]
    """Metrics."""


@hookspec
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:  # type: ignore[empty-body]
    """Features shared between metrics."""


@hookspec
def thbench_weights() -> Iterable[WeightsFile]:  # type: ignore[empty-body]
    """Published weights with mirrors, sha256 and licence."""


@hookspec
def thbench_published() -> Iterable[PublishedValue]:  # type: ignore[empty-body]
    """Printed numbers that official weights must give again: `thbench selftest --reference`."""


@hookspec
def thbench_engines() -> Iterable[Plugin[Engine, Any]]:  # type: ignore[empty-body]
    """Where work runs."""
