"""A suite from the command line: any folders of videos against any dataset.

Which generator reads a folder and which metrics are measured stands in the shipped data file
`benchmarks/videos.yaml`, whose one system is the template of every `--videos NAME=DIR`. Every flag
is a key of that suite; what is wrong with a key is said of its flag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thbench.api import UserError
from thbench.files.yamlfile import Document, KeyPath, read_yaml
from thbench.plugins.discovery import Registry
from thbench.suite import Suite, apply_overrides, benchmarks_folder, build_suite
from thbench.suite.overrides import set_key
from thbench.suite.primary import choose_primary
from thbench.suite.sizes import check_square, default_resolutions

TEMPLATE = "videos.yaml"
_IN_FLAGS = {
    r"dataset\.root=": "--references ",
    r"dataset\.(manifest|crop|actor)=": r"--\1 ",
    r"systems\.([^.=\s]+)\.root=": r"--videos \1=",
    r"systems\.[^.=\s]+\.(pattern|resolution|given)=": r"--\1 ",
}


@dataclass(frozen=True)
class Asked:
    """What is typed: folders by `NAME=DIR`, the references, and what changes of the template."""

    videos: Sequence[str]
    references: Path | None = None
    dataset: str | None = None
    metrics: str | None = None
    limit: int | None = None
    crop: str | None = None
    resolution: int | None = None
    manifest: Path | None = None
    actor: str | None = None
    pattern: str | None = None
    given: str | None = None
    overrides: Sequence[str] = ()

    @property
    def folders(self) -> dict[str, Path]:
        """Name -> folder. Raises UserError for another form and for a name given twice."""
        found: dict[str, Path] = {}
        for text in self.videos:
            name, equals, folder = text.partition("=")
            if not equals or not folder:
                raise UserError(f"--videos {text}: not NAME=DIR", "e.g. --videos mine=outputs")
            if name in found:
                raise UserError(
                    f"--videos {text}: '{name}' is {found[name]} already", "give another name"
                )
            found[name] = Path(folder)
        return found


def videos_suite(registry: Registry, asked: Asked) -> tuple[Suite, list[str]]:
    """The suite of a command, and what was chosen for the person, in words. Raises UserError."""
    document = read_yaml(benchmarks_folder() / TEMPLATE)
    _systems(document, asked)
    if asked.dataset:
        document.data["dataset"] = {"name": asked.dataset}
    document.typed(("dataset",), f"--dataset {document.data['dataset']['name']}")
    changed = []
    for key, value, flag in _typed(asked):
        set_key(document, key, value, flag)
        if key[-1] not in ("root", "manifest"):  # where something lies is no part of a result
            changed.append(f"{'.'.join(key)}={_yaml(value)}")
    others = asked.metrics is not None or "metrics" in _keys(asked.overrides)
    if others:
        del document.data["headline"]  # that of the template's own metrics
    apply_overrides(document, asked.overrides)
    document.overrides = (*changed, *asked.overrides)
    check_square(document, asked.folders)
    notes = default_resolutions(document, asked.folders)
    suite = build_suite(document, registry)
    if not others or "primary" in _keys(asked.overrides):
        return suite, notes  # the template's primary score, or the one that was typed
    suite, primary = choose_primary(suite)
    shown = f"primary score: {primary} (--set primary=NAME chooses another)"
    return suite, [*notes, *[shown] * (primary is not None)]


def in_flags(text: str) -> str:
    """A message about a suite's keys in the flags of `score --videos`."""
    for key, flag in _IN_FLAGS.items():
        text = re.sub(rf"(?:--set )?{key}", flag, text)
    return text


def _systems(document: Document, asked: Asked) -> None:
    template = next(iter(document.data["systems"].values()))
    document.data["systems"] = {}
    document.typed(("systems",), "--videos")
    for name, folder in asked.folders.items():
        document.data["systems"][name] = {**deepcopy(template), "root": str(folder.absolute())}
        document.typed(("systems", name), f"--videos {name}={folder}")


def _typed(asked: Asked) -> Iterator[tuple[KeyPath, Any, str]]:
    """Key, value and flag of everything that was given."""
    given: list[tuple[KeyPath, str, Any]] = [
        (("dataset", "root"), "references", asked.references),
        (("dataset", "manifest"), "manifest", asked.manifest),
        (("dataset", "crop"), "crop", asked.crop),
        (("dataset", "actor"), "actor", asked.actor),
        (("metrics",), "metrics", asked.metrics),
        (("limits", "clips"), "limit", asked.limit),
    ]
    for name in asked.folders:
        given.append((("systems", name, "resolution"), "resolution", asked.resolution))
        given.append((("systems", name, "pattern"), "pattern", asked.pattern))
        given.append((("systems", name, "given"), "given", asked.given))
    for key, flag, value in given:
        if value is not None:
            yield key, _plain(key, value), f"--{flag} {value}"


def _plain(key: KeyPath, value: Any) -> Any:
    """As the document holds it: absolute paths, a list of metrics."""
    if isinstance(value, Path):
        return str(value.absolute())
    return _names(value) if key == ("metrics",) else value


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UserError("--metrics names none", "e.g. --metrics psnr,ssim")
    return names


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _keys(overrides: Sequence[str]) -> set[str]:
    return {text.partition("=")[0].strip() for text in overrides}
