"""Everything joined: metrics chosen, clips observed in parallel, scores reduced once and judged."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from thbench.api import Clip, Engine, UserError
from thbench.environment import Settings
from thbench.errors import in_one_line
from thbench.files.yamlfile import Document
from thbench.plugins.discovery import Registry
from thbench.plugins.missing import plugin_lacks
from thbench.plugins.options import option_schema
from thbench.progress import Progress
from thbench.run.folder import RunFolder
from thbench.run.job import Job, dataset_of, metric_of, suite_of
from thbench.selftest.judge import Verdict
from thbench.selftest.measure import Everything, Reaction, findings_of
from thbench.selftest.observe import Lost, Seen, Trial, TrialTask, check_corruptions, observe
from thbench.selftest.plan import CLEAN, Plan, suite_document
from thbench.suite import Suite, build_suite
from thbench.suite.split import select


@dataclass(frozen=True)
class TrialOutcome:
    """Everything a self-test found; `unavailable` says why a metric could not be tested at all."""

    plan: Plan
    dataset: Mapping[str, object]
    clips: tuple[str, ...]
    tested: tuple[str, ...]
    unavailable: Mapping[str, str]
    findings: tuple[Reaction, ...]

    @property
    def failed(self) -> list[Reaction]:
        return [f for f in self.findings if f.verdict.word == "FAILED"]


def run(
    plan: Plan,
    document: Document,
    names: Sequence[str],
    registry: Registry,
    settings: Settings,
    engine: Engine,
) -> TrialOutcome:
    """Test the metrics `names`, or every installed one; those that lack something are listed as such.

    Raises UserError for a name that is no metric, and for a dataset without the plan's options.
    """
    usable, unavailable = _usable(plan, document, names, registry)
    suite_text = suite_document(plan, document, usable)
    job = Job(secrets.token_hex(8), suite_text, RunFolder(Path()), settings)
    trial, findings = Trial(job, plan), list[Reaction]()
    check_corruptions(trial)
    built = _build(trial, usable, unavailable, findings)
    clips = select(suite_of(job), dataset_of(job).clips()).clips
    seen = _observe(trial, clips, engine) if built else {}
    for index, name in built.items():
        if lacking := _lacking(seen, index):
            unavailable[name] = lacking
        else:
            findings += findings_of(name, index, metric_of(job, index), plan, clips, seen)
    part = suite_of(job).dataset
    return TrialOutcome(
        plan=plan,
        dataset={"name": part.plugin.name, "version": part.plugin.version, **part.given},
        clips=tuple(c.id for c in clips),
        tested=tuple(n for n in usable if n not in unavailable),
        unavailable=unavailable,
        findings=tuple(findings),
    )


# -- choosing -------------------------------------------------------------------------------------


def installed(registry: Registry) -> list[str]:
    """Every metric with its default options and as every variant, in suite spelling."""
    names = []
    for name in registry.names("metric"):
        variants = registry.owners["metric", name][0].plugin.variants
        names += [name, *(f"{name}@{variant}" for variant in variants)]
    return names


def _usable(
    plan: Plan, document: Document, names: Sequence[str], registry: Registry
) -> tuple[list[str], dict[str, str]]:
    """Names that resolve and have what they need, and why the others cannot be tested."""
    for name in names:
        registry.find("metric", name.partition("@")[0].partition(":")[0])
    usable: list[str] = []
    unavailable = {}
    for name in dict.fromkeys(names or installed(registry)):
        try:
            if not names and (wanting := _wants(name, registry)):
                unavailable[name] = wanting
                continue
            suite = build_suite(suite_document(plan, document, [name]), registry)
        except UserError as error:
            if names:
                raise
            unavailable[name] = str(error)
            continue
        if lacks := _lacks(suite, registry):
            unavailable[name] = "; ".join(lacks)
        else:
            usable.append(name)
    return usable, unavailable


def _wants(name: str, registry: Registry) -> str:
    """What a person must say before a metric without usable defaults can be built."""
    plugin = registry.find("metric", name.partition("@")[0]).plugin
    argument = plugin.argument
    if "@" in name or argument is None or "default" in option_schema(plugin)[argument]:
        return ""
    return f"needs {argument}: thbench selftest {name}:{argument.upper()}"


def _lacks(suite: Suite, registry: Registry) -> list[str]:
    part = suite.metrics[0]
    lacks = plugin_lacks(part.plugin.name, part.registered, part.options, registry)
    return list(dict.fromkeys(f"{m.missing.what}: {m.missing.command}" for m in lacks))


def _build(
    trial: Trial, names: Sequence[str], unavailable: dict[str, str], findings: list[Reaction]
) -> dict[int, str]:
    """Metrics by index that could be built; the others are written down where they belong."""
    built = {}
    for index, name in enumerate(names):
        try:
            metric_of(trial.job, index)
            built[index] = name
        except UserError as error:
            unavailable[name] = str(error)
        except Exception as error:
            why = f"cannot be built: {in_one_line(error)}"
            findings.append(Reaction(name, "", "", Verdict("FAILED", why)))
    return built


# -- observing ------------------------------------------------------------------------------------


def _observe(trial: Trial, clips: Sequence[Clip], engine: Engine) -> Everything:
    """Clean clips first: what a dataset renders and an extractor keeps is made once."""
    kinds = [CLEAN, *trial.plan.corruptions]
    tasks = [TrialTask(clip, kind) for kind in kinds for clip in clips]
    seen: dict[tuple[str, str], Seen] = {}
    with Progress("selftest", len(tasks)) as progress:
        for index, entries in engine.map(partial(observe, trial), tasks):
            seen[tasks[index].clip.id, tasks[index].corruption] = entries
            progress.advance()
    return seen


def _lacking(seen: Everything, index: int) -> str:
    """What a metric found missing only when it worked."""
    lost = (
        entry.reason
        for entries in seen.values()
        for (metric, _), entry in entries.items()
        if metric == index and isinstance(entry, Lost) and entry.lacking
    )
    return next(lost, "")
