"""What a run will do and what it lacks, before anything heavy is built."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from thbench.api import Dataset, Fetchable, Missing, bf16_speed, fast_bf16
from thbench.environment import Settings
from thbench.plugins.missing import Lack, plugin_lacks
from thbench.run.folder import RunFolder
from thbench.run.job import Job
from thbench.suite import Part, Suite
from thbench.suite.clips import selection
from thbench.suite.split import Split, select


def job_for(suite: Suite, out: Path, settings: Settings) -> Job:
    """The job of one invocation. Selected systems and picked precisions enter the document, so that workers agree."""
    data = dict(suite.document.data)
    names = {s.name for s in suite.systems}
    data["systems"] = {n: s for n, s in (data.get("systems") or {}).items() if n in names}
    data["metrics"] = [
        _with_picked(given, part)
        for given, part in zip(data.get("metrics") or [], suite.metrics, strict=True)
    ]
    data["controls"] = list(suite.controls)
    data["resolutions"] = list(suite.also_at)
    document = replace(suite.document, data=data)
    return Job(secrets.token_hex(8), document, RunFolder(out.absolute()), settings)


def _with_picked(given: object, part: Part) -> object:
    """A metric of the document with the precision that `auto` picked here: a worker elsewhere might pick another."""
    if isinstance(given, dict) and given.get("precision") == "auto":
        return {**given, "precision": part.resolved["precision"]}
    return given


def lacks(suite: Suite, settings: Settings) -> list[Lack]:
    """Everything missing with its command; each thing once. Fast, builds the dataset only."""
    found: dict[tuple[str, str], Lack] = {}
    for lack in _all_lacks(suite, settings):
        found.setdefault((lack.missing.what, lack.missing.command), lack)
    return list(found.values())


def lacks_apart(suite: Suite, settings: Settings) -> tuple[list[Lack], dict[str, str]]:
    """What nothing can be scored without, and for each system and metric that lacks something what it is.

    The mapping goes from `who` of the part to what it lacks with the commands that bring it.
    """
    names = [*(s.who for s in suite.systems), *(m.who for m in suite.metrics)]
    parts: dict[str, list[str]] = {name: [] for name in names}
    everyone = []
    for lack in _all_lacks(suite, settings):
        if lack.who not in parts:
            everyone.append(lack)
        elif lack.text not in parts[lack.who]:
            parts[lack.who].append(lack.text)
    return everyone, {who: f"lacks {'; '.join(of)}" for who, of in parts.items() if of}


def slow_precisions(suite: Suite, settings: Settings) -> list[str]:
    """A warning for every metric and system that asks a CPU without bfloat16 for it: emulated, it is several times
    slower."""
    if not settings.device.startswith("cpu"):
        return []
    asking = [
        *(m.who for m in suite.metrics if m.resolved.get("precision") == "bf16"),
        *(s.who for s in suite.systems if s.part and s.part.resolved.get("precision") == "bf16"),
    ]
    if not asking or fast_bf16():
        return []
    return [
        f"{who}: precision bf16 is emulated by this processor, {1 / max(bf16_speed(), 1e-3):.2g} times slower than "
        "float32 in a matrix product; fp32, or auto where the metric has it, is faster"
        for who in asking
    ]


def unused_files(suite: Suite, dataset: Dataset) -> list[str]:
    """What lies in the folders of systems and answers no clip of the dataset, a line each."""
    clips = [clip.id for clip in dataset.clips()]
    return [
        f"{system.name}: {line.replace('systems.NAME.', f'systems.{system.name}.')}"
        for system in suite.systems
        if system.part is not None
        for line in system.part.plugin.unused_files(system.part.options, clips)
    ]


def gone_files(suite: Suite, run: RunFolder) -> list[str]:
    """Systems whose files are no longer where an earlier command read them, a line each."""
    found = []
    for system in suite.systems:
        root = getattr(system.part.options, "root", None) if system.part else None
        if not isinstance(root, Path):
            continue
        gone = run.system(system.name).gone_files()
        if inside := [file for file in gone if file.is_relative_to(root.absolute())]:
            found.append(
                f"{system.name}: {len(inside)} video(s) were read by an earlier command and are gone from "
                f"{root}: {inside[0].name}, ...; they stay scored as they were stored, another --out "
                "starts without them"
            )
    return found


def _all_lacks(suite: Suite, settings: Settings) -> Iterator[Lack]:
    dataset: Dataset = suite.dataset.build(settings)
    who = f"dataset {suite.dataset.plugin.name}"
    yield from (Lack(who, m) for m in _dataset_lacks(suite, dataset))
    yield from _part_lacks(who, suite.dataset)
    for system in suite.systems:
        if system.part is not None:
            for lack in _part_lacks(system.who, system.part):
                yield Lack(lack.who, _named(lack.missing, system.name))
    for metric in suite.metrics:
        yield from _part_lacks(metric.who, metric)


def _dataset_lacks(suite: Suite, dataset: Dataset) -> Sequence[Missing]:
    """Of a dataset that is fetched only what this suite's clips need, with words that choose them."""
    if not isinstance(dataset, Fetchable):
        return dataset.missing()
    return dataset.missing_of(select(suite, dataset.clips(), partial=True).clips, selection(suite))


def _named(missing: Missing, system: str) -> Missing:
    """With the system's name, which its plugin does not know."""
    command = re.sub(r"\bNAME\b", system, missing.command)
    return replace(missing, command=command)


def _part_lacks(who: str, part: Part) -> Iterator[Lack]:
    return plugin_lacks(who, part.registered, part.options, part.registry)


def describe(suite: Suite, split: Split) -> list[str]:
    """The plan in words."""
    lines = [
        f"suite {suite.name} (digest {suite.digest[:12]})",
        f"dataset {suite.dataset.plugin.name}: {len(split.clips)} clips of {len(split.actors)} actors, "
        f"split {split.name}, {len(split.excluded)} excluded",
    ]
    for system in suite.systems:
        state = f"broken: {system.broken}" if system.part is None else system.generator
        lines.append(f"system {system.name} at {system.resolution} px: {state}")
    lines.append("controls: " + (", ".join(suite.controls) or "none"))
    names = [m.column(m.plugin.name) for m in suite.metrics]
    lines.append("metrics: " + (", ".join(names) or "none"))
    lines += [f"changed on the command line: {o}" for o in suite.overrides]
    return lines
