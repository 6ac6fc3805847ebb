"""What this installation can and cannot do: versions, codecs, devices, caches, plugins, weights."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Literal, TypeAlias

from thbench.api import UserError, bf16_speed, fast_bf16
from thbench.engines import usable_cores
from thbench.environment import Settings, provenance
from thbench.errors import in_one_line
from thbench.files.cache import Cache, cache_root
from thbench.plugins import weights
from thbench.plugins.discovery import KINDS, Registry
from thbench.plugins.same_bytes import unequal
from thbench.run.plan import lacks, slow_precisions
from thbench.suite import Suite
from thbench.video.codecs import codecs_here, ffmpeg_versions

State: TypeAlias = Literal["ok", "note", "missing", "broken"]
_VARIABLES = ("THBENCH_CACHE", "THBENCH_WEIGHTS", "THBENCH_OFFLINE", "THBENCH_DISABLE")
_LOW_SPACE = 2 * 10**9


@dataclass(frozen=True)
class Diagnosis:
    """One line of the report. `missing` can be got with `command`; `broken` must be fixed."""

    section: str
    name: str
    state: State
    about: str
    command: str = ""


def examine(registry: Registry, settings: Settings, suite: Suite | None = None) -> list[Diagnosis]:
    """Everything there is to say. Imports torch, PyAV and OpenCV; builds a dataset only for a suite."""
    findings = [
        *_versions(settings),
        *_codecs(),
        *_devices(),
        *_caches(),
        *_plugins(registry),
        *_weights(registry),
    ]
    return [*findings, *_suite(suite, registry, settings)] if suite else findings


def is_broken(findings: Iterable[Diagnosis]) -> bool:
    """Whether something must be fixed; what is merely missing counts for the suite asked about."""
    return any(f.state == "broken" or (f.section == "suite" and f.state != "ok") for f in findings)


def _versions(settings: Settings) -> Iterator[Diagnosis]:
    about = provenance(settings)
    for name in ("thbench", "python", "platform"):
        yield Diagnosis("versions", name, "ok", str(about[name]))
    yield Diagnosis("versions", "interpreter", "ok", sys.executable)
    if commit := about["git"]["commit"]:
        dirty = " with uncommitted changes" if about["git"]["dirty"] else ""
        yield Diagnosis("versions", "git", "ok", f"{commit}{dirty}")
    for name, version in about["libraries"].items():
        absent = version == "absent"
        command = f"pip install {name}" if absent else ""
        yield Diagnosis("versions", name, "broken" if absent else "ok", version, command)
    yield from _opencv_builds()


def _opencv_builds() -> Iterator[Diagnosis]:
    """Builds of OpenCV overwrite each other's files; whichever was installed last wins."""
    names = {str(d.metadata["Name"]).lower() for d in distributions()}
    builds = sorted(n for n in names if n.startswith("opencv-"))
    if len(builds) > 1:
        about = f"{', '.join(builds)} overwrite each other"
        yield Diagnosis("versions", "OpenCV", "broken", about, f"pip uninstall {builds[-1]}")


def _codecs() -> Iterator[Diagnosis]:
    try:
        libraries, found = ffmpeg_versions(), codecs_here()
    except ImportError as error:
        yield Diagnosis("codecs", "PyAV", "broken", str(error), "pip install av")
        return
    yield Diagnosis("codecs", "PyAV", "ok", ", ".join(f"{n} {v}" for n, v in libraries.items()))
    for (name, role), here in found.items():
        if here:
            yield Diagnosis("codecs", name, "ok", role)
        else:
            yield Diagnosis("codecs", name, "broken", f"no {role}", "pip install --upgrade av")


def _devices() -> Iterator[Diagnosis]:
    yield Diagnosis("devices", "cpu", "ok", f"{usable_cores()} of {os.cpu_count()} cores usable")
    try:
        import torch
    except Exception as error:  # a torch that was built for another system raises anything
        yield Diagnosis("devices", "torch", "broken", in_one_line(error))
        return
    yield _bf16()
    yield Diagnosis(
        "devices", "threads", "ok", f"torch would use {torch.get_num_threads()}, runs 1"
    )
    if not torch.cuda.is_available():
        yield Diagnosis("devices", "cuda", "note", "none: everything runs on the cpu")
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        about = f"{card.name}, {card.total_memory / 2**30:.0f} GiB"
        yield Diagnosis("devices", f"cuda:{index}", "ok", about)


def _bf16() -> Diagnosis:
    """bfloat16 against float32 in one matrix product, measured."""
    about = f"{bf16_speed():.2g} times the speed of float32 in a matrix product"
    if fast_bf16():
        return Diagnosis("devices", "bfloat16", "ok", f"{about}: precision auto picks it")
    advice = "emulated or slow: leave precision at fp32 or auto"
    return Diagnosis("devices", "bfloat16", "note", f"{about}, {advice}")


def _caches() -> Iterator[Diagnosis]:
    root = cache_root()
    for name in _VARIABLES:
        if name in os.environ:
            yield Diagnosis("caches", name, "note", os.environ[name])
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        about = f"{root}: {error.strerror}"
        yield Diagnosis(
            "caches", "cache", "broken", about, "set THBENCH_CACHE to a writable folder"
        )
        return
    free = shutil.disk_usage(root).free
    state: State = "note" if free < _LOW_SPACE else "ok"
    yield Diagnosis("caches", "cache", state, f"{root}, {_size(free)} free")
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        yield Diagnosis("caches", folder.name, "ok", _size(Cache(folder).size()))
    for line in unequal():
        yield Diagnosis("caches", "same_bytes", "note", line)


def _plugins(registry: Registry) -> Iterator[Diagnosis]:
    for kind in KINDS:
        if names := registry.names(kind):
            yield Diagnosis("plugins", f"{kind}s", "ok", ", ".join(names))
    for (kind, name), owners in sorted(registry.owners.items()):
        if len(owners) > 1:
            both = " and ".join(str(r.owner) for r in owners)
            command = f"pip uninstall {owners[-1].owner.distribution}"
            yield Diagnosis("plugins", f"{kind} {name}", "broken", f"owned twice: {both}", command)
    for broken in registry.broken:
        command = f"pip uninstall {broken.owner.distribution}"
        yield Diagnosis("plugins", str(broken.owner), "broken", broken.reason, command)
    for owner in registry.disabled:
        yield Diagnosis("plugins", str(owner), "note", "disabled by THBENCH_DISABLE")


def _weights(registry: Registry) -> Iterator[Diagnosis]:
    try:
        items = registry.weights()
    except UserError as error:
        yield Diagnosis("weights", "registry", "broken", error.message, error.remedy)
        return
    yield Diagnosis("weights", "folder", "ok", str(weights.store()))
    for name, item in items.items():
        state = weights.status(name, items)
        about = f"{_size(item.size)}, {item.licence}"
        if state == "present":
            yield Diagnosis("weights", name, "ok", about)
            continue
        missing = weights.missing(name, items)
        command = missing.command if missing else ""
        kind: State = "missing" if state == "missing" else "broken"
        yield Diagnosis("weights", name, kind, f"{state}; {about}", command)


def _suite(suite: Suite, registry: Registry, settings: Settings) -> Iterator[Diagnosis]:
    found = lacks(suite, settings)
    for lack in found:
        size = f", {_size(lack.missing.size)}" if lack.missing.size else ""
        about = f"{lack.missing.what}{size}"
        yield Diagnosis("suite", lack.who, "missing", about, lack.missing.command)
    for system in suite.systems:
        if system.part is None:
            yield Diagnosis("suite", f"system {system.name}", "broken", system.broken)
    for warning in slow_precisions(suite, settings):
        yield Diagnosis("suite", "precision", "ok", warning)
    if not found:
        yield Diagnosis("suite", suite.name, "ok", f"has everything: thbench run {suite.name}")


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count = round(count / 1000)
    return f"{count} GB"


def as_text(findings: Iterable[Diagnosis]) -> str:
    """The report for people: sections, one line each, what to type below what is missing."""
    lines: list[str] = []
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            lines.append(f"{section}:")
        mark = {"ok": " ", "note": "-", "missing": "?", "broken": "!"}[finding.state]
        lines.append(f"{mark} {finding.name:<18} {finding.about}")
        if finding.command:
            lines.append(f"    -> {finding.command}")
    return "\n".join(lines)
