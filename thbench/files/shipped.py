"""The data files that come with thbench: suites, splits, recipes, published rows."""

from __future__ import annotations

from pathlib import Path

import thbench


def benchmarks_folder() -> Path:
    """Where they lie: inside the wheel, or next to the package in a checkout."""
    package = Path(thbench.__file__).parent
    inside = package / "benchmarks"
    return inside if inside.is_dir() else package.parent / "benchmarks"


def published_folder() -> Path:
    """Where the rows that papers printed lie, likewise."""
    inside = benchmarks_folder() / "published"
    return inside if inside.is_dir() else benchmarks_folder().parent / "leaderboard" / "published"
