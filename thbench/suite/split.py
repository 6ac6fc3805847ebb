"""Dataset + actor lists -> clips. Opens no media.

An actor is identified by (dataset, actor id): equal ids in two datasets are different actors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from thbench.api import Clip, Dataset, TrainedOn, UserError
from thbench.environment import Settings
from thbench.files.canonical import digest, same_id, same_name
from thbench.files.yamlfile import Document, read_yaml, validated
from thbench.suite import Suite, SuiteLimits, benchmarks_folder

EVERYTHING = "all"
"""The split that tests on every clip of a dataset and knows of no training actors."""


class Manifest(BaseModel):
    """`benchmarks/splits/*.yaml`: which actors are held out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = Field(alias="schema")
    dataset: str
    title: str = ""
    source: str = ""
    licence: str = ""
    test: tuple[str, ...] = Field(min_length=1)
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    exclude: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _actors_are_text(cls, data: Any) -> Any:
        """YAML reads 1001 as a number; actors are names."""
        if isinstance(data, dict):
            for part in ("test", "train", "validation"):
                if isinstance(data.get(part), list):
                    data[part] = [str(a) for a in data[part]]
        return data

    @model_validator(mode="after")
    def _disjoint(self) -> Manifest:
        parts = {"test": self.test, "train": self.train, "validation": self.validation}
        owner: dict[str, str] = {}
        for part, actors in parts.items():
            for actor in actors:
                if actor in owner:
                    raise ValueError(f"actor {actor} is in {owner[actor]} and in {part}")
                owner[actor] = part
        return self


@dataclass(frozen=True)
class Split:
    """The clips to test on, and who may be trained on."""

    name: str
    dataset: str
    digest: str
    clips: tuple[Clip, ...]
    train: frozenset[str]
    validation: frozenset[str]
    excluded: Mapping[str, str]

    @property
    def actors(self) -> frozenset[str]:
        return frozenset(c.actor for c in self.clips)

    def leaked(self, trained_on: TrainedOn | None) -> frozenset[str]:
        """Test actors the generator was trained on; empty where unknown (which is shown as unknown)."""
        if trained_on is None:
            return frozenset()
        if same_name(trained_on.dataset) != same_name(self.dataset):
            return frozenset()
        seen = {same_id(actor) for actor in trained_on.actors}
        return frozenset(actor for actor in self.actors if same_id(actor) in seen)


def load_manifest(path: Path) -> Manifest:
    """Read one manifest. Raises UserError naming file and key; overlapping actors are refused."""
    return _parse(read_yaml(path))


def _parse(document: Document) -> Manifest:
    return validated(document, Manifest, dict(document.data), "docs/suites.md")


def known_manifests() -> dict[str, Path]:
    """Shipped split manifests by name."""
    return {p.stem: p for p in sorted((benchmarks_folder() / "splits").glob("*.yaml"))}


def _manifest_of(suite: Suite, clips: Sequence[Clip]) -> tuple[str, Manifest]:
    if not isinstance(suite.split, str):
        data = {"schema": 1, "dataset": suite.dataset.plugin.name, **suite.split}
        lines = {k[1:]: n for k, n in suite.document.lines.items() if k[0] == "split" and k[1:]}
        document = Document(suite.file, data, lines)
        return "inline", _parse(document)
    if suite.split == EVERYTHING:
        actors = sorted({c.actor for c in clips})
        if not actors:
            raise UserError(
                f"dataset '{suite.dataset.plugin.name}' has no clips", "check its options"
            )
        data = {"schema": 1, "dataset": suite.dataset.plugin.name, "test": actors}
        return EVERYTHING, Manifest.model_validate(data)
    known = known_manifests()
    path = known.get(suite.split, suite.folder / suite.split)
    if not path.is_file():
        raise suite.document.error(
            ("split",),
            f"no split manifest '{suite.split}'",
            f"known: {', '.join(known)}, {EVERYTHING}",
        )
    return path.stem, load_manifest(path)


def select(suite: Suite, clips: Sequence[Clip], partial: bool = False) -> Split:
    """The test clips of a suite, sorted by id, after exclusions and limits.

    `partial`: only some of the dataset's clips are given, and perhaps none of a test actor's.

    Raises UserError where the manifest is for another dataset, names actors the dataset lacks, or
    leaves no clip.
    """
    name, manifest = _manifest_of(suite, clips)
    dataset = suite.dataset.plugin.name
    if manifest.dataset != dataset:
        raise suite.document.error(
            ("split",),
            f"'{name}' splits dataset '{manifest.dataset}', not '{dataset}'",
            "choose another",
        )
    if not partial and (unknown := set(manifest.test) - {c.actor for c in clips}):
        raise suite.document.error(
            ("split",),
            f"actors {', '.join(sorted(unknown))} have no clip in '{dataset}'",
            f"check both; --set split={EVERYTHING} takes every clip there is",
        )
    tested = set(manifest.test)
    test = [c for c in clips if c.actor in tested and c.id not in manifest.exclude]
    chosen = _limit(sorted(test, key=lambda c: c.id), suite.limits, suite.seed)
    if not chosen and not partial:
        raise suite.document.error(("split",), "leaves no clip to test on", "check the exclusions")
    return Split(
        name=name,
        dataset=dataset,
        digest=digest(
            {
                "dataset": dataset,
                "clips": [[c.id, c.actor] for c in chosen],
                "excluded": dict(manifest.exclude),
            }
        ),
        clips=tuple(chosen),
        train=frozenset(manifest.train),
        validation=frozenset(manifest.validation),
        excluded=manifest.exclude,
    )


def _limit(clips: list[Clip], limits: SuiteLimits, seed: int) -> list[Clip]:
    of_actor: dict[str, list[Clip]] = {}
    for clip in clips:
        of_actor.setdefault(clip.actor, []).append(clip)
    kept: list[Clip] = []
    for actor in sorted(of_actor)[: limits.actors]:
        own = of_actor[actor]
        if limits.clips_per_actor is not None:
            own = sorted(own, key=lambda c: _rank(seed, c.id))[: limits.clips_per_actor]
        kept += own
    if limits.clips is not None:
        kept = sorted(kept, key=lambda c: _rank(seed, c.id))[: limits.clips]
    return sorted(kept, key=lambda c: c.id)


def _rank(seed: int, clip_id: str) -> str:
    return hashlib.sha256(f"{seed}/{clip_id}".encode("utf-8", "surrogatepass")).hexdigest()


def split_of(suite: Suite, settings: Settings) -> Split:
    """The clips of a suite; opens no media."""
    dataset: Dataset = suite.dataset.build(settings)
    return select(suite, dataset.clips())
