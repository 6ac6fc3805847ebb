"""An api.Context with the real networks of the test assets: what needs another one is skipped with the reason."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import thbench_face
import thbench_speech
from thbench.api import Extractor, Video

EXTRACTORS: dict[str, Any] = {
    p.name: p for package in (thbench_face, thbench_speech) for p in package.thbench_extractors()
}
WEIGHTS = {w.name: w for w in thbench_face.thbench_weights()}


class RealNetworks:
    """Builds extractors as the harness does and keeps what they found of each video."""

    threads, device = 1, "cpu"

    def __init__(self, assets: Callable[[str], Path]) -> None:
        self._assets = assets
        self._kept: dict[tuple[Any, ...], Any] = {}

    def weights(self, name: str) -> Path:
        file = WEIGHTS[name].file
        return dlib_file(file) if name.startswith("dlib") else self._assets(f"weights/{file}")

    def extractor(self, name: str, **options: Any) -> Extractor:
        key = (name, *sorted(options.items()))
        if key not in self._kept:
            plugin = EXTRACTORS[name]
            self._kept[key] = Remembered(plugin.build(plugin.options(**options), self))
        return self._kept[key]


class Remembered:
    """An extractor that looks at each video once."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor, self.identity = extractor, extractor.identity
        self._found: dict[str, Any] = {}

    def __call__(self, video: Video) -> Any:
        if video.digest not in self._found:
            self._found[video.digest] = self._extractor(video)
        return self._found[video.digest]


def dlib_file(name: str) -> Path:
    """A file of the package face_recognition_models, where it and dlib are installed."""
    spec = find_spec("face_recognition_models")
    if spec is None or find_spec("dlib") is None:
        pytest.skip("dlib is not installed (pip install 'thbench[dlib]')")
    assert spec.origin is not None
    return Path(spec.origin).parent / "models" / name
