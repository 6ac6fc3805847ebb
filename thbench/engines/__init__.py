"""Where work runs. An engine calls one function on many tasks and yields results as they finish."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from thbench.api import Engine, PersistentWorkers
from thbench.environment import Settings
from thbench.files.cache import cache_root
from thbench.files.yamlfile import Document
from thbench.plugins.context import build
from thbench.plugins.discovery import registry
from thbench.plugins.options import resolve_options

DEFAULT = "local"


def engine_for(
    workers: int,
    settings: Settings,
    name: str = DEFAULT,
    address: str | None = None,
    gpus: Sequence[str] = (),
) -> Engine:
    """The engine `name` with its options. Raises UserError, for an unknown name with the nearest right one.

    `address` and `gpus` are given only where a person has given them: an engine that has no such option
    says so. There is one worker for each GPU.
    """
    registered = registry().find("engine", name)
    given: dict[str, Any] = {"workers": len(gpus) or workers}
    if gpus:
        given["gpus"] = list(gpus)
    if address is not None:
        given["address"] = address
    document = Document("command line", given)
    options = resolve_options(registered.plugin, given, document, (), "engine")
    engine: Engine = build(registered, options, registry(), settings)
    return engine


def usable_cores() -> int:
    """Cores this process may use: fewer than the machine has where a scheduler gave it some."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def serving(engine: Engine, run: Path) -> AbstractContextManager[None]:
    """The engine's workers stay until the block ends and see the run folder and the cache."""
    if not isinstance(engine, PersistentWorkers):
        return nullcontext()
    cache = cache_root().absolute()
    ours = {name: value for name, value in os.environ.items() if name.startswith("THBENCH_")}
    return engine.serve([run.absolute(), cache], {**ours, "THBENCH_CACHE": str(cache)})
