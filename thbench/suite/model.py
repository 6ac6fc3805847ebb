"""What a suite is: what is measured, on what, by which rule.

The digest covers what makes rows comparable (dataset, split, seed, metrics, identity frame, limits,
primary); systems, controls and headline columns are not part of it, so adding one does not change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from thbench.api import Given, Plugin, UserError
from thbench.environment import Settings
from thbench.files.canonical import digest
from thbench.files.yamlfile import Document
from thbench.plugins.context import build
from thbench.plugins.discovery import Registered, Registry
from thbench.plugins.identity import plugin_identity, source_closure
from thbench.plugins.options import dump_options, path_options

SCHEMA = 1
IdentityFrame: TypeAlias = Literal["first", "random"] | int


class Section(BaseModel):
    """A part of a suite file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SuiteLimits(Section):
    """A fixed part of the split: the first so many actors, clips of each, clips in all.

    Within an actor the clips with the smallest SHA-256 of (seed, clip id) are taken, so that a
    small suite does not consist of one sentence.
    """

    actors: int | None = Field(default=None, ge=1)
    clips_per_actor: int | None = Field(default=None, ge=1)
    clips: int | None = Field(default=None, ge=1)


@dataclass(frozen=True)
class Part:
    """A plugin as the suite uses it: options as given and as resolved (without mere locations)."""

    registered: Registered
    options: Any
    given: Mapping[str, Any]
    registry: Registry = field(repr=False, compare=False)

    @property
    def plugin(self) -> Plugin[Any, Any]:
        return self.registered.plugin

    @property
    def resolved(self) -> dict[str, Any]:
        return dump_options(self.plugin, self.options)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Name, version, options, weights and extractors, see `plugin_identity`."""
        return plugin_identity(self.registered, self.options, self.registry)

    @cached_property
    def sources(self) -> dict[str, str]:
        """Digests of the code that it runs, see `source_closure`."""
        return source_closure(self.registered, self.options, self.registry)

    def build(self, settings: Settings) -> Any:
        """The thing itself, with a context of its own."""
        return build(self.registered, self.options, self.registry, settings)


@dataclass(frozen=True)
class MetricPart(Part):
    """`label` names the variant in columns: `ofm@diffused-heads`."""

    label: str | None = None

    @property
    def who(self) -> str:
        """What messages call it: `metric fid@clean`."""
        return f"metric {self.column(self.plugin.name)}"

    def column(self, score: str) -> str:
        return f"{score}@{self.label}" if self.label else score


@dataclass(frozen=True)
class System:
    """A system: a generator with options at its own resolution. `part` is None for a broken plugin.

    `given` says what it makes its videos from: systems of unlike `given` are never ranked together.
    """

    name: str
    generator: str
    resolution: int
    part: Part | None
    oracle: tuple[str, ...] = ()
    broken: str = ""
    given: Given = "image"

    @property
    def who(self) -> str:
        """What messages call it."""
        return f"system {self.name}"


@dataclass(frozen=True)
class Suite:
    """One benchmark, frozen."""

    name: str
    title: str
    dataset: Part
    split: str | Mapping[str, Any]
    seed: int
    identity_frame: IdentityFrame
    systems: tuple[System, ...]
    metrics: tuple[MetricPart, ...]
    primary: str | None
    controls: tuple[str, ...]
    limits: SuiteLimits
    folder: Path
    also_at: tuple[int, ...] = ()
    overrides: tuple[str, ...] = ()
    file: str = ""
    headline: tuple[str, ...] = ()
    document: Document = field(repr=False, compare=False, default_factory=lambda: Document("", {}))

    @property
    def digest(self) -> str:
        """SHA-256 of what makes rows comparable; independent of key order, comments, paths, systems."""
        return digest(
            {
                "schema": SCHEMA,
                "name": self.name,
                "dataset": _what(self.dataset),
                "split": self.split if isinstance(self.split, str) else dict(self.split),
                "seed": self.seed,
                "identity_frame": self.identity_frame,
                "metrics": [{**_what(m), "as": m.label} for m in self.metrics],
                "primary": self.primary,
                "limits": self.limits.model_dump(),
            }
        )

    def only(self, names: Iterable[str]) -> Suite:
        """The suite with some of its systems and controls. Raises UserError for a name it lacks."""
        wanted = list(names)
        known = [*(s.name for s in self.systems), *self.controls]
        for name in wanted:
            if name not in known:
                raise UserError(
                    f"suite '{self.name}' has no system '{name}'", f"has: {', '.join(known)}"
                )
        systems = tuple(s for s in self.systems if s.name in wanted)
        chosen = tuple(c for c in self.controls if c in wanted)
        also_at = self.also_at if systems else tuple(self.resolutions)
        return replace(self, systems=systems, controls=chosen or self.controls, also_at=also_at)

    @property
    def resolutions(self) -> list[int]:
        """Every resolution of a system, and those the suite names besides; references exist per each."""
        return sorted({s.resolution for s in self.systems} | set(self.also_at))


def _what(part: Part) -> dict[str, Any]:
    """Name and given options without locations."""
    where = path_options(part.plugin)
    given = {k: v for k, v in part.given.items() if k not in where}
    return {"name": part.plugin.name, "version": part.plugin.version, "options": given}
