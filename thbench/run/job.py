"""The job sent to workers, and the objects that each worker builds once from it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from thbench.api import (
    Clip,
    Dataset,
    Generator,
    Metric,
    Observation,
    Observations,
    Pair,
    Score,
    UserError,
)
from thbench.environment import Settings, apply_threads, return_freed_memory
from thbench.files.yamlfile import Document
from thbench.plugins.discovery import registry
from thbench.run.folder import RunFolder
from thbench.suite import MetricPart, Part, Suite, System, build_suite


@dataclass(frozen=True)
class Job:
    """Everything about a run that crosses a process boundary; equal tokens mean equal jobs."""

    token: str
    document: Document = field(compare=False, repr=False)
    run: RunFolder = field(compare=False)
    settings: Settings = field(compare=False)
    lacking: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def lack(self, part: System | MetricPart) -> str | None:
        """Why a partial run leaves a system or a metric out, with the command that brings what it lacks."""
        return self.lacking.get(part.who)


class Unready:
    """Stands in for a metric that cannot be built without what it lacks: nobody knows its scores."""

    scores: Mapping[str, Score] = MappingProxyType({})

    def observe(self, pair: Pair) -> Observation:
        raise NotImplementedError("a metric that lacks something is never asked")

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        raise NotImplementedError("a metric that lacks something is never asked")


@lru_cache(maxsize=2)
def suite_of(job: Job) -> Suite:
    return build_suite(job.document, registry())


@lru_cache(maxsize=2)
def dataset_of(job: Job) -> Dataset:
    built: Dataset = _build(job, suite_of(job).dataset)
    return built


@lru_cache(maxsize=2)
def clips_of(job: Job) -> dict[str, Clip]:
    return {clip.id: clip for clip in dataset_of(job).clips()}


@lru_cache(maxsize=1)
def generator_of(job: Job, system: str) -> Generator:
    """One generator at a time: the next system's weights replace this one's."""
    part = system_of(job, system).part
    if part is None:
        raise RuntimeError(system_of(job, system).broken)
    built: Generator = _build(job, part)
    return built


@lru_cache(maxsize=64)
def batch_limit(job: Job, system: str) -> list[int]:
    """The batch this process uses for a system; one element, lowered when memory runs out."""
    return [job.settings.batch]


@lru_cache(maxsize=64)
def metric_of(job: Job, index: int) -> Metric:
    """The metric, or `Unready` where a partial run leaves it out and it cannot be built."""
    return _metric(job, index)


@lru_cache(maxsize=64)
def observing_metric_of(job: Job, index: int) -> Metric:
    """The metric that observes, and loads networks for it; `metric_of` reduces and knows its scores."""
    return _metric(job, index)


def release_networks() -> None:
    """Let go of what metrics loaded to observe, hundreds of megabytes; it is loaded again when next asked for."""
    if observing_metric_of.cache_info().currsize:
        observing_metric_of.cache_clear()
        gc.collect()
        return_freed_memory()


def _metric(job: Job, index: int) -> Metric:
    part = metric_part_of(job, index)
    try:
        built: Metric = _build(job, part)
    except UserError:
        if job.lack(part) is None:
            raise
        return Unready()
    return built


def metric_part_of(job: Job, index: int) -> MetricPart:
    return suite_of(job).metrics[index]


def system_of(job: Job, name: str) -> System:
    return next(s for s in suite_of(job).systems if s.name == name)


def _build(job: Job, part: Part) -> Any:
    built = part.build(job.settings)
    apply_threads(job.settings.threads)  # building may have imported a library that threads
    return built


Arrange = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class Order:
    """In which order work is done; results do not depend on it, and a test reverses it to prove that."""

    arrange: Arrange = list
