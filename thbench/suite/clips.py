"""Which dataset and which clips a data command is about: what a suite says, and nothing else of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from thbench.api import Clip, ClipFailure, DataReport, Dataset, Fetchable, UserError
from thbench.environment import Settings, default_offline
from thbench.files.yamlfile import Document, read_yaml
from thbench.plugins.discovery import registry
from thbench.suite import (
    Suite,
    apply_override,
    apply_overrides,
    benchmarks_folder,
    build_suite,
    find_suite,
)
from thbench.suite.split import select

KEPT = ("schema", "name", "dataset", "split", "seed", "limits")
"""Keys of a suite that say which clips it is about."""


def reduced_suite(
    dataset: str, name: str | None, overrides: Sequence[str], where: Mapping[str, Path | None]
) -> Suite:
    """A suite without systems and metrics: the named one, else the shipped one of the dataset's name.

    `where` are path options of the dataset from the command line. Raises UserError.
    """
    registry().find("dataset", dataset)
    document = _document(dataset, name)
    if not isinstance(document.data.get("dataset"), dict):
        document.data["dataset"] = {"name": document.data.get("dataset")}
    apply_overrides(document, overrides)
    document.data = {k: v for k, v in document.data.items() if k in KEPT}
    document.overrides = tuple(overrides)
    used = document.data["dataset"]["name"]
    if used != dataset:
        raise UserError(f"suite '{name}' is about dataset '{used}'", f"thbench data ... {used}")
    for key, path in where.items():
        if path is not None:
            apply_override(document, f"dataset.{key}={json.dumps(str(path.absolute()))}")
    return build_suite(document, registry())


def _document(dataset: str, name: str | None) -> Document:
    shipped = benchmarks_folder() / f"{dataset}.yaml"
    if name is None and not shipped.is_file():
        made: dict[str, Any] = {"schema": 1, "name": dataset, "dataset": dataset, "split": "all"}
        return Document(f"dataset '{dataset}'", made)
    return read_yaml(find_suite(name) if name else shipped)


def built(suite: Suite, device: str) -> tuple[Dataset, Sequence[Clip]]:
    """The suite's dataset and all its clips."""
    settings = Settings(device=device, offline=default_offline())
    dataset: Dataset = suite.dataset.build(settings)
    return dataset, dataset.clips()


def fetchable(suite: Suite, device: str) -> tuple[Fetchable, Sequence[Clip]]:
    """The same. Raises UserError for a dataset without data commands."""
    dataset, clips = built(suite, device)
    return as_fetchable(dataset, suite.dataset.plugin.name), clips


def as_fetchable(dataset: Dataset, name: str) -> Fetchable:
    """Raises UserError for a dataset without data commands."""
    if not isinstance(dataset, Fetchable):
        raise UserError(f"dataset '{name}' has nothing to fetch or prepare", "run it as it is")
    return dataset


def load_all(dataset: Dataset, clips: Iterable[Clip], size: int) -> DataReport:
    """Load every clip as a run would, and name each that cannot be used, with the reason."""
    problems, count = [], 0
    for clip in clips:
        count += 1
        try:
            dataset.load(clip, size)
        except ClipFailure as failure:
            problems.append(f"{clip.id}: {failure.reason}")
    lines = [f"{count} clips: {count - len(problems)} can be used"]
    return DataReport(lines, problems)


def clips_of_names(clips: Sequence[Clip], names: Sequence[str], dataset: str) -> list[Clip]:
    """Raises UserError for a clip the dataset lacks."""
    by_id = {c.id: c for c in clips}
    if unknown := [n for n in names if n not in by_id]:
        near = get_close_matches(unknown[0], by_id, n=1)
        remedy = f"did you mean '{near[0]}'?" if near else "check its name"
        raise UserError(f"dataset '{dataset}' has no clip '{unknown[0]}'", remedy)
    return [by_id[n] for n in dict.fromkeys(names)]


def clips_of_part(suite: Suite, clips: Sequence[Clip], part: str) -> tuple[list[Clip], list[str]]:
    """Clips of `test`, `validation`, `train` or `all`, and a note for each that the split excludes.

    Only clips that the dataset has: a manifest or a folder may hold a few of them.
    """
    if not clips:  # a dataset whose clips are known from its files alone
        return [], [f"no clip of {suite.dataset.plugin.name} is here yet"]
    split = select(suite, clips, partial=True)
    everyone = frozenset(c.actor for c in clips)
    parts = {"test": split.actors, "train": split.train, "validation": split.validation}
    actors = parts.get(part, everyone) & everyone
    own = [c for c in clips if c.actor in actors]
    chosen = list(split.clips) if part == "test" else [c for c in own if c.id not in split.excluded]
    if not chosen:
        raise UserError(
            f"split '{split.name}' names no {part} actors that have clips here",
            "choose another --split, or --split all",
        )
    notes = [f"{len(chosen)} clips of {len(actors)} actors ({part} of split {split.name})"]
    left_out = [c.id for c in own if c.id in split.excluded]
    return chosen, notes + [f"excluded {c}: {split.excluded[c]}" for c in left_out]


def selection(suite: Suite) -> str:
    """The words with which a data command finds the same clips and folders as `suite`."""
    file = Path(suite.file)
    shipped = file.parent == benchmarks_folder()
    name = file.stem if shipped else suite.file
    words = [] if shipped and name == suite.dataset.plugin.name else ["--suite", name]
    for override in suite.overrides:
        if override.partition("=")[0].split(".")[0] in KEPT:
            words += ["--set", override]
    return shlex.join(words)
