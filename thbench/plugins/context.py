"""What the harness lends to plugins: media, weights, extractors, a cache of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from thbench.api import ClipFailure, Extractor, Frames, Media, Video, Waveform
from thbench.environment import Settings
from thbench.errors import stop_for_machine
from thbench.files.atomic import disk_errors
from thbench.files.cache import Cache, Entry, cache_root
from thbench.files.canonical import digest
from thbench.plugins import weights
from thbench.plugins.discovery import Registered, Registry
from thbench.plugins.identity import extractor_part, plugin_identity, source_closure
from thbench.plugins.same_bytes import same_bytes
from thbench.plugins.sources import code_digest
from thbench.video import MediaReader, Watched, write_lossless


class MediaFiles(MediaReader):
    """api.Media: the reader of media files, and the writer of lossless ones."""

    def write_lossless(self, path: Path, frames: Frames, audio: Waveform | None) -> None:
        write_lossless(path, frames, audio)


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
        return MediaFiles(decode=self.settings.decode)

    @property
    def cache(self) -> Path:
        folder = cache_root() / "plugins" / self.plugin
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def source(self, *modules: str) -> str:
        return code_digest(*modules)

    def same_bytes(self, way: str, module: str, check: Callable[[], bool | None]) -> bool:
        code = code_digest(module)
        return same_bytes(self.plugin, way, code, self.settings.numerics(), check)

    def weights(self, name: str) -> Path:
        return weights.path(name, self.registry.weights())

    def extractor(self, name: str, **options: object) -> Extractor:
        registered, resolved = extractor_part(name, options, self.registry)
        return CachedExtractor(registered, resolved, self.registry, self.settings)


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
        watched = video if isinstance(video, Watched) else Watched(video)
        key = digest([self._base, watched.whole.digest])
        entry = self._cache.get(key)
        if entry is None:
            entry = self._made(key, Watched(watched.whole))
        if entry.reason is not None:
            raise ClipFailure(entry.reason)
        watched.heard |= bool(entry.rows.get(HEARD, True))
        return entry.arrays["features"]

    def _made(self, key: str, video: Watched) -> Entry:
        """What the extractor makes of a video, kept."""
        try:
            features = self._extractor(video)
        except ClipFailure as failure:
            stop_for_machine(failure, f"extractor {self._registered.plugin.name}")
            self._cache.put(key, reason=failure.reason)
            raise
        entry = Entry({HEARD: float(video.heard)}, {"features": features})
        self._cache.put(key, entry.rows, entry.arrays)
        return entry


HEARD = "heard"
"""Kept with features: 1 where they depend on the sound, 0 where the extractor saw the picture alone."""
