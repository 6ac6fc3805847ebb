"""Discovery of plugins: collisions, provenance, broken plugins. Imports no torch, builds nothing.

Pluggy's own loader lets one broken plugin kill the host and silently ignores a second owner of a
name. Here both are findings: they are listed by `thbench list` and become an error only when the
name in question is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from thbench.api import Plugin, PublishedValue, UserError, WeightsFile
from thbench.errors import in_one_line
from thbench.plugins import hookspecs
from thbench.plugins.sources import GROUP, plugin_digest

KINDS = ("dataset", "generator", "metric", "extractor", "engine")
_HOOK_OF = {kind: f"thbench_{kind}s" for kind in KINDS}


@dataclass(frozen=True)
class Owner:
    """Where a plugin comes from."""

    distribution: str
    version: str
    entry_point: str
    module: str

    def __str__(self) -> str:
        return f"{self.distribution}[{self.entry_point}]"


@dataclass(frozen=True)
class Broken:
    """An entry point that could not be used, and why."""

    owner: Owner
    reason: str


@dataclass(frozen=True)
class Registered:
    """A plugin with its owner and the digest of its source."""

    kind: str
    plugin: Plugin[Any, Any]
    owner: Owner

    @property
    def source_digest(self) -> str:
        """SHA-256 over the plugin's package and all it imports (see `thbench.plugins.sources`)."""
        return plugin_digest(self.owner.module)


@dataclass
class Registry:
    """All installed plugins by kind and name; every owner of a name is kept, so that two can be named."""

    owners: dict[tuple[str, str], list[Registered]] = field(default_factory=dict)
    weights_owners: dict[str, list[tuple[WeightsFile, Owner]]] = field(default_factory=dict)
    published: list[PublishedValue] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    disabled: list[Owner] = field(default_factory=list)

    def names(self, kind: str) -> list[str]:
        return sorted(name for (k, name) in self.owners if k == kind)

    def find(self, kind: str, name: str) -> Registered:
        """The one owner of `name`.

        Raises UserError for an unknown name (with the nearest right one), for a name with two
        owners (both named) and for a name whose plugin is broken (as `distribution[entry point]`).
        """
        found = self.owners.get((kind, name), [])
        if len(found) > 1:
            both = " and ".join(str(r.owner) for r in found)
            raise UserError(
                f"{kind} '{name}' is provided twice, by {both}",
                f"uninstall one, or set THBENCH_DISABLE={found[-1].owner}",
            )
        if not found:
            raise self._unknown(kind, name)
        return found[0]

    def is_broken(self, name: str) -> Broken | None:
        """The broken entry point that would most likely have provided `name`."""
        return next((b for b in self.broken if b.owner.entry_point == name), None)

    def _unknown(self, kind: str, name: str) -> UserError:
        if broken := self.is_broken(name):
            return UserError(
                f"{kind} '{name}' cannot be used: plugin {broken.owner} failed: {broken.reason}",
                "fix or uninstall the plugin",
            )
        if any(o.entry_point == name for o in self.disabled):
            return UserError(f"{kind} '{name}' is disabled by THBENCH_DISABLE", "unset it")
        names = self.names(kind)
        near = get_close_matches(name, names, n=1)
        remedy = (
            f"did you mean '{near[0]}'?" if near else f"installed: {', '.join(names) or 'none'}"
        )
        if self.broken:
            remedy += "; failed to load: " + ", ".join(str(b.owner) for b in self.broken)
        return UserError(f"unknown {kind} '{name}'", remedy)

    def weights(self) -> Mapping[str, WeightsFile]:
        """Registered weights by name. Raises UserError where two plugins register one name differently."""
        for name, found in self.weights_owners.items():
            if len({(w.sha256, tuple(w.urls)) for w, _ in found}) > 1:
                both = " and ".join(str(owner) for _, owner in found)
                raise UserError(
                    f"weights '{name}' are registered twice, by {both}", "uninstall one"
                )
        return {name: found[0][0] for name, found in sorted(self.weights_owners.items())}

    def __iter__(self) -> Iterator[Registered]:
        for key in sorted(self.owners):
            yield from self.owners[key]


def load_registry(points: Iterable[EntryPoint]) -> Registry:
    """Import every entry point in the order of (name, distribution) and ask its hooks."""
    registry = Registry()
    manager = pluggy.PluginManager("thbench")
    manager.add_hookspecs(hookspecs)
    seen: dict[str, list[Owner]] = {}
    for point in sorted(set(points), key=lambda p: (p.name, _owner(p).distribution)):
        owner = _owner(point)
        if _is_disabled(owner):
            registry.disabled.append(owner)
            continue
        seen.setdefault(point.name, []).append(owner)
        _load_one(registry, manager, point, owner)
    return registry


def _load_one(
    registry: Registry, manager: pluggy.PluginManager, point: EntryPoint, owner: Owner
) -> None:
    try:
        module = point.load()
        manager.register(module, name=str(owner))
        manager.check_pending()
        items = list(_ask(module, manager, str(owner)))
    except Exception as error:
        if manager.has_plugin(str(owner)):
            manager.unregister(name=str(owner))
        registry.broken.append(Broken(owner, in_one_line(error)))
        return
    for kind, item in items:
        if isinstance(item, PublishedValue):
            registry.published.append(item)
        elif isinstance(item, WeightsFile):
            registry.weights_owners.setdefault(item.name, []).append((item, owner))
        else:
            registry.owners.setdefault((kind, item.name), []).append(Registered(kind, item, owner))


def _ask(module: object, manager: pluggy.PluginManager, name: str) -> Iterator[tuple[str, Any]]:
    """What this one plugin's hooks return, each item checked."""
    others = {"weights": WeightsFile, "published": PublishedValue}
    for kind, hook in [*_HOOK_OF.items(), *((kind, f"thbench_{kind}") for kind in others)]:
        wanted: type = others.get(kind, Plugin)
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            if implementation.plugin_name != name:
                continue
            for item in implementation.function():
                if not isinstance(item, wanted):
                    raise TypeError(f"{hook} gave a {type(item).__name__}, not a {wanted.__name__}")
                yield kind, item


def _owner(point: EntryPoint) -> Owner:
    distribution = point.dist
    if distribution is None:
        return Owner("unknown", "0", point.name, point.module)
    return Owner(distribution.name, distribution.version, point.name, point.module)


def _is_disabled(owner: Owner) -> bool:
    """THBENCH_DISABLE is a comma-separated list of `distribution[entry point]`, distribution or entry point."""
    listed = {part.strip() for part in os.environ.get("THBENCH_DISABLE", "").split(",")}
    return not listed.isdisjoint({str(owner), owner.distribution, owner.entry_point})


@lru_cache(maxsize=1)
def registry() -> Registry:
    """The installed plugins of this process."""
    return load_registry(entry_points(group=GROUP))
