"""One clip under one corruption, seen by every metric. What crosses process boundaries is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from thbench.api import Clip, ClipFailure, Dataset, Pair, Source, UserError
from thbench.environment import apply_threads
from thbench.files.cache import Entry
from thbench.plugins.context import build
from thbench.plugins.discovery import registry
from thbench.plugins.options import resolve_options
from thbench.run.job import Job, dataset_of, metric_of, suite_of
from thbench.score.observe import observe_once
from thbench.selftest.plan import CLEAN, Plan
from thbench.video import MemoryVideo


@dataclass(frozen=True)
class Trial:
    """A job and the plan it follows; equal jobs are equal trials."""

    job: Job
    plan: Plan = field(compare=False, repr=False)


@dataclass(frozen=True)
class TrialTask:
    """One clip under all amounts of one corruption, or as it is (`CLEAN`)."""

    clip: Clip
    corruption: str


@dataclass(frozen=True)
class Lost:
    """An observation that could not be made. `unforeseen`: the metric raised what it should not.

    `lacking`: nothing is wrong with metric or clip, something must be fetched first.
    """

    reason: str
    unforeseen: bool = False
    lacking: bool = False


Seen = Mapping[tuple[int, float], Entry | Lost]
"""By metric and amount."""


def observe(trial: Trial, task: TrialTask) -> Seen:
    """Load the clip clean and damaged once each, and show both to every metric."""
    apply_threads(trial.job.settings.threads)
    count = len(suite_of(trial.job).metrics)
    amounts = (
        (0.0,) if task.corruption == CLEAN else trial.plan.corruptions[task.corruption].amounts
    )
    try:
        clean = dataset_of(trial.job).load(task.clip, trial.plan.resolution)
    except ClipFailure as failure:
        return {(i, a): Lost(failure.reason) for i in range(count) for a in amounts}
    reference = MemoryVideo(clean.frames, clean.audio, clean.annotations)
    seen: dict[tuple[int, float], Entry | Lost] = {}
    for amount in amounts:
        try:
            source = clean if amount == 0 else _damaged(trial, task, amount)
        except ClipFailure as failure:
            seen.update({(i, amount): Lost(failure.reason) for i in range(count)})
            continue
        # the ground truth of a corrupted clip is no part of what a system would deliver
        pair = Pair(task.clip, MemoryVideo(source.frames, source.audio), reference)
        seen.update({(i, amount): _seen(trial, i, pair) for i in range(count)})
    return seen


def _seen(trial: Trial, metric: int, pair: Pair) -> Entry | Lost:
    try:
        entry = observe_once(metric_of(trial.job, metric), pair)
    except UserError as error:
        return Lost(str(error), lacking=True)
    if isinstance(entry, str):
        return Lost(entry, unforeseen=True)
    return entry if entry.reason is None else Lost(entry.reason)


def _damaged(trial: Trial, task: TrialTask, amount: float) -> Source:
    return _corrupted(trial, task.corruption, amount).load(task.clip, trial.plan.resolution)


@lru_cache(maxsize=64)
def _corrupted(trial: Trial, corruption: str, amount: float) -> Dataset:
    """The dataset that hands out damaged clips. Raises UserError where it lacks the two options."""
    suite, plan = suite_of(trial.job), trial.plan
    given = {
        **suite.dataset.given,
        plan.corruption_option: corruption,
        plan.amount_option: amount,
    }
    plugin, document = suite.dataset.plugin, trial.job.document
    options = resolve_options(plugin, given, document, ("corruptions", corruption), "dataset")
    built: Dataset = build(suite.dataset.registered, options, registry(), trial.job.settings)
    return built


def check_corruptions(trial: Trial) -> None:
    """Build every corrupted dataset once. Raises UserError before any clip is rendered."""
    for corruption, damage in trial.plan.corruptions.items():
        for amount in damage.amounts:
            _corrupted(trial, corruption, amount)
