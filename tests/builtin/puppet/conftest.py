"""The dataset with a context of its own: a cache folder and a digest of its code are all it asks of the harness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from thbench.api import Clip, Dataset
from thbench_puppet import Options, build


@dataclass(frozen=True)
class Lent:
    cache: Path

    def source(self, *modules: str) -> str:
        return "c0de" * 16


@pytest.fixture
def puppet(tmp_path: Path) -> Callable[..., Dataset]:
    """`puppet(corruption="delay", amount=3)`: the dataset with an empty cache."""

    def make(**options: Any) -> Dataset:
        return build(Options(**options), Lent(tmp_path / "cache"))  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def clips() -> dict[str, Clip]:
    from thbench_puppet.names import all_clips

    return {clip.id: clip for clip in all_clips()}
