"""In which order the files of tests start."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from paths import ROOT

FIRST = (
    "tests/core/plugins/test_scaffold.py",
    "tests/builtin/ray/test_ray_engine.py",
    "tests/whole/test_machine_faults.py",
    "tests/builtin/expression/test_real_reactions.py",
    "tests/builtin/crema_d/test_crema_suites.py",
    "tests/builtin/landmarks/test_lmd_metric.py",
)
"""Files whose slow tests take minutes: one that starts last keeps one process busy while the others have nothing to do."""


def by_file(items: Iterable[pytest.Item]) -> list[list[pytest.Item]]:
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    return list(files.values())


def long_first(groups: Iterable[list[pytest.Item]]) -> list[list[pytest.Item]]:
    """Those of FIRST in their order, then those with the most tests."""
    places = {ROOT / name: n for n, name in enumerate(FIRST)}
    return sorted(groups, key=lambda group: (places.get(group[0].path, len(places)), -len(group)))
