"""What a plugin lacks before it can run, each with the command that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from thbench.api import Missing
from thbench.plugins import weights
from thbench.plugins.discovery import Registered, Registry
from thbench.plugins.identity import used_extractors


@dataclass(frozen=True)
class Lack:
    """Something missing, and for whom."""

    who: str
    missing: Missing

    def line(self) -> str:
        return f"{self.who}: {self.text}"

    @property
    def text(self) -> str:
        """What is missing, its size and the command that brings it."""
        size = f" ({weights.megabytes(self.missing.size)})" if self.missing.size else ""
        return f"{self.missing.what}{size}: {self.missing.command}"


def plugin_lacks(
    who: str, registered: Registered, options: Any, registry: Registry
) -> Iterator[Lack]:
    """What one plugin lacks: its own needs, its weights, and those of its extractors."""
    yield from (Lack(who, m) for m in registered.plugin.missing(options))
    for name in registered.plugin.weights(options):
        if lacking := weights.missing(name, registry.weights()):
            yield Lack(who, lacking)
    for part in used_extractors(registered.plugin, options, registry).values():
        yield from plugin_lacks(who, *part, registry)
