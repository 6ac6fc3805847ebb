"""What a run depends on that lies in files: suite, code, data, weights, installation."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import thbench
from thbench.files.shipped import benchmarks_folder
from thbench.plugins import weights
from thbench.plugins.discovery import registry
from thbench.plugins.options import path_options
from thbench.run.job import Job, dataset_of, suite_of
from thbench.suite import Part, Suite


def is_in_files(job: Job) -> bool:
    """Whether all that the dataset holds lies in code or in files that its options name.

    Of any other (a database, an address) nobody can tell whether it has changed.
    """
    suite = suite_of(job)
    if any(system.part is None for system in suite.systems):
        return False
    if any(True for _ in _named(suite.dataset)):
        return True
    return bool(getattr(dataset_of(job), "synthetic", False))


def inputs_of(suite: Suite, words: Sequence[str]) -> list[Path]:
    """Files and folders; `words` are those of the command line, which may name some more."""
    systems = [system.part for system in suite.systems if system.part is not None]
    parts: list[Part] = [suite.dataset, *suite.metrics, *systems]
    found = {Path(suite.file), benchmarks_folder(), weights.store(), *_code()}
    for part in parts:
        found.update(_named(part))
    document = suite.document
    found.update(_existing(document.data, document.folder))
    found.update(_existing(list(words), Path()))
    return sorted(p.absolute() for p in found)


def _named(part: Part) -> Iterator[Path]:
    """Paths among the options of a plugin, whether given or by default."""
    for name in path_options(part.plugin):
        value = getattr(part.options, name, None)
        items = value if isinstance(value, list | tuple) else [value]
        yield from (Path(item) for item in items if isinstance(item, str | Path) and str(item))


def _code() -> Iterator[Path]:
    """thbench and the packages of all plugins."""
    yield Path(thbench.__file__).parent
    for registered in registry():
        spec = find_spec(registered.owner.module.partition(".")[0])
        if spec is not None and spec.origin:
            origin = Path(spec.origin)
            yield origin.parent if origin.name == "__init__.py" else origin


def _existing(value: Any, folder: Path) -> Iterator[Path]:
    """Every text in nested data that is the path of something, seen from `folder`."""
    if isinstance(value, str):
        for text in (value, value.partition("=")[2]):
            # unlike Path.exists, false of a text that is too long for a path
            if text and os.path.exists(folder / text):  # noqa: PTH110
                yield folder / text
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _existing(item, folder)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _existing(item, folder)


def installation() -> list[list[Any]]:
    """Installed distributions: the names of their folders, which hold versions, and when these were made."""
    found = []
    for place in sys.path:
        folder = Path(place or ".")
        if folder.is_dir():
            for info in folder.glob("*-info"):
                found.append([info.name, info.stat().st_mtime_ns])
    return sorted(found)
