"""The plugin in a process of its own: found, asked what it lacks, built and used."""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thbench.environment import apply_threads
from thbench.errors import in_one_line
from thbench.plugins.discovery import registry
from thbench.plugins.missing import plugin_lacks
from thbench.testing.subject import SETTINGS, Reference, Subject

HEAVY = ("torch", "tensorflow", "jax")


@dataclass
class Probe:
    """What a fresh process saw.

    found     why the plugin was not found there, None where it was
    heavy     heavy modules that finding it and asking `missing` had imported
    seconds   how long that took once thbench itself was loaded, without waiting for a processor
    result    what using it gave; `error` is why it gave nothing
    """

    found: str | None = None
    heavy: list[str] = field(default_factory=list)
    seconds: float = 0.0
    result: Any = None
    error: str | None = None


def probe(reference: Reference, work: str, material: Any) -> Probe:
    """Spawn a process and try the plugin there, as the harness's workers do."""
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            return pool.submit(_probe, reference, work, material).result()
    except BrokenProcessPool:
        return Probe(error="the worker process died")


def _probe(reference: Reference, work: str, material: Any) -> Probe:
    from thbench.testing import digests

    seen, start = Probe(), time.perf_counter() - _queued()
    try:
        subject = reference.subject()
        list(plugin_lacks("", subject.registered, subject.options, registry()))
    except Exception as error:
        seen.found = seen.error = f"not found in a fresh process: {error}"
        return seen
    seen.seconds = time.perf_counter() - _queued() - start
    seen.heavy = [name for name in HEAVY if name in sys.modules]
    try:
        seen.result = _use(subject, getattr(digests, work), material)
    except Exception as error:
        seen.error = f"a worker process failed: {in_one_line(error)}"
    return seen


def _queued() -> float:
    """Seconds for which this thread could have run and other programs did; 0 where the system does not say."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _use(subject: Subject, work: Any, material: Any) -> Any:
    built = subject.build()
    apply_threads(SETTINGS.threads)
    return work(built, material)
