"""Identity of a plugin as used: name, version, options, weights, extractors, and digests of its code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from thbench.api import Plugin
from thbench.files.foreign import sha256_of
from thbench.files.yamlfile import Document
from thbench.plugins import weights
from thbench.plugins.discovery import Registered, Registry
from thbench.plugins.options import dump_options, resolve_options


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
    asked = plugin.used_extractors(options)
    return {name: extractor_part(name, asked[name], registry) for name in sorted(asked)}


def plugin_identity(registered: Registered, options: Any, registry: Registry) -> dict[str, Any]:
    """What a number's column is: name, definition version, options, weights, shipped files, extractors."""
    plugin = registered.plugin
    identity: dict[str, Any] = {
        "name": plugin.name,
        "version": plugin.version,
        "options": dump_options(plugin, options),
    }
    if names := plugin.weights(options):
        identity["weights"] = {n: weights_digest(n, registry) for n in sorted(names)}
    if files := plugin.shipped(options):
        identity["shipped"] = {path.name: file_digest(path) for path in sorted(files)}
    if used := used_extractors(plugin, options, registry):
        identity["extractors"] = {n: plugin_identity(*part, registry) for n, part in used.items()}
    return identity


def weights_digest(name: str, registry: Registry) -> str:
    """The published sha256, or where none is published that of the imported file (`absent` without)."""
    return weights.expected_sha256(name, registry.weights()) or "absent"


@lru_cache(maxsize=64)
def file_digest(path: Path) -> str:
    """SHA-256 of a file that a plugin ships; it does not change while the program runs."""
    return sha256_of(path)


def source_closure(registered: Registered, options: Any, registry: Registry) -> dict[str, str]:
    """Source digests of the plugin (with all it imports) and of every extractor it uses."""
    found = {f"{registered.kind} {registered.plugin.name}": registered.source_digest}
    for part in used_extractors(registered.plugin, options, registry).values():
        found.update(source_closure(*part, registry))
    return found
