"""What the harness lends to plugins: media, weights, extractors, a cache of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from thbench import weights
from thbench.api import ClipFailure, Extractor, Media, Plugin, Video
from thbench.cache import Cache, cache_root, disk_errors
from thbench.canonical import digest
from thbench.environment import Settings
from thbench.errors import stop_for_machine
from thbench.options import dump_options, resolve_options
from thbench.plugins import Registered, Registry
from thbench.video import MediaReader
from thbench.yamlfile import Document


@dataclass(frozen=True)
class RunContext:
    """The api.Context of one plugin."""

    registry: Registry
    settings: Settings
    plugin: str

    @property
    def device(self) -> str:
        return self.settings.device

    @property
    def threads(self) -> int:
        return self.settings.threads

    @property
    def batch(self) -> int:
        return self.settings.batch

    @property
    def offline(self) -> bool:
        return self.settings.offline

    @cached_property
    def media(self) -> Media:
        return MediaReader()

    @property
    def cache(self) -> Path:
        folder = cache_root() / "plugins" / self.plugin
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def weights(self, name: str) -> Path:
        return weights.path(name, self.registry.weights())

    def extractor(self, name: str, **options: object) -> Extractor:
        registered, resolved = extractor_part(name, options, self.registry)
        return CachedExtractor(registered, resolved, self.registry, self.settings)


def extractor_part(
    name: str, options: Mapping[str, object], registry: Registry
) -> tuple[Registered, Any]:
    """An installed extractor and its resolved options. Raises UserError."""
    registered = registry.find("extractor", name)
    document = Document(f"extractor '{name}'", dict(options))
    return registered, resolve_options(registered.plugin, options, document, (), "extractor")


def used_extractors(
    plugin: Plugin[Any, Any], options: Any, registry: Registry
) -> dict[str, tuple[Registered, Any]]:
    """The extractors a plugin declares to use with these options, by name."""
    asked = plugin.extractors(options)
    return {name: extractor_part(name, asked[name], registry) for name in sorted(asked)}


def build(registered: Registered, options: Any, registry: Registry, settings: Settings) -> Any:
    """Make the thing a plugin declares, with a context of its own."""
    context = RunContext(registry, settings, registered.plugin.name)
    return registered.plugin.build(options, context)


class CachedExtractor:
    """An extractor whose results are kept by identity, build and video digest; failures too.

    The network behind it is built at the first miss, so that cached features cost no import.
    """

    def __init__(
        self, registered: Registered, options: Any, registry: Registry, settings: Settings
    ) -> None:
        self._registered, self._options = registered, options
        self._registry, self._settings = registry, settings
        self._cache = Cache(cache_root() / "features")
        self._base = {
            **plugin_identity(registered, options, registry),
            "source": source_closure(registered, options, registry),
            "numerics": settings.numerics(),
        }

    @cached_property
    def _extractor(self) -> Extractor:
        built: Extractor = build(self._registered, self._options, self._registry, self._settings)
        return built

    @property
    def identity(self) -> str:
        return self._extractor.identity

    def __call__(self, video: Video) -> NDArray[Any]:
        key = digest([self._base, video.digest])
        entry = self._cache.get(key)
        if entry is None:
            try:
                features = self._extractor(video)
            except ClipFailure as failure:
                stop_for_machine(failure, f"extractor {self._registered.plugin.name}")
                self._cache.put(key, reason=failure.reason)
                raise
            self._cache.put(key, arrays={"features": features})
            return features
        if entry.reason is not None:
            raise ClipFailure(entry.reason)
        return entry.arrays["features"]


def plugin_identity(registered: Registered, options: Any, registry: Registry) -> dict[str, Any]:
    """What a number's column is: name, definition version, options, weights and extractors."""
    plugin = registered.plugin
    identity: dict[str, Any] = {
        "name": plugin.name,
        "version": plugin.version,
        "options": dump_options(plugin, options),
    }
    if names := plugin.weights(options):
        identity["weights"] = {n: weights_digest(n, registry) for n in sorted(names)}
    if used := used_extractors(plugin, options, registry):
        identity["extractors"] = {n: plugin_identity(*part, registry) for n, part in used.items()}
    return identity


def weights_digest(name: str, registry: Registry) -> str:
    """The published sha256, or where none is published that of the imported file (`absent` without)."""
    return weights.expected_sha256(name, registry.weights()) or "absent"


def source_closure(registered: Registered, options: Any, registry: Registry) -> dict[str, str]:
    """Source digests of the plugin and of every extractor beneath it."""
    found = {f"{registered.kind} {registered.plugin.name}": registered.source_digest}
    for part in used_extractors(registered.plugin, options, registry).values():
        found.update(source_closure(*part, registry))
    return found
