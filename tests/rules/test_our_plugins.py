"""Our own plugins pass the conformance suite that strangers' plugins are given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from thbench.environment import Settings
from thbench.plugins.discovery import registry
from thbench.plugins.missing import plugin_lacks
from thbench.testing import KINDS, checks_for, run_checks
from thbench.testing.subject import subject_of

QUICK = {"puppet", "loudness-warp", "f_mse"}
ARGUMENT = {"torchmetrics": "torchmetrics:MeanAbsoluteError"}
LARGER = {"blinks": 128, "blink_duration": 128, "silent_mouth": 128}
"""Pixels of the clips for metrics that refuse the small faces of the usual ones."""
NEED_OPTIONS = {"folder", "command", "clips", "own_layout"}
"""They do nothing without a folder, a program or a layout; their own tests give them one."""


def ours() -> list[tuple[str, str]]:
    """(kind, name) of every built-in plugin and variant."""
    found = []
    for registered in registry():
        plugin, kind = registered.plugin, registered.kind
        if registered.owner.distribution != "thbench" or kind not in KINDS:
            continue
        if plugin.name not in NEED_OPTIONS:
            found.append((kind, ARGUMENT.get(plugin.name, plugin.name)))
            found += [(kind, f"{plugin.name}@{variant}") for variant in plugin.variants]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(kind, name, marks=[] if name in QUICK else pytest.mark.long)
        for kind, name in ours()
    ],
)
def test_conformance(kind: str, name: str) -> None:
    subject = subject_of(kind, name, {})
    lacks = list(plugin_lacks(name, subject.registered, subject.options, registry()))
    lines = [lack.line() for lack in lacks]
    if kind == "dataset" and not lacks:
        lines = [missing.what for missing in subject.build().missing()]
    if lines:
        pytest.skip(f"lacks {lines[0]}")
    size = LARGER.get(name.partition("@")[0])
    failed = [
        f"{o.title}: {o.error}" for o in run_checks(checks_for(kind, name, size=size)) if o.error
    ]
    assert failed == []


def test_building_a_metric_imports_no_torch() -> None:
    """Whoever reduces builds every metric and needs no network: torch takes a second and 200 MB of every process."""
    program = """
import sys
from test_our_plugins import ARGUMENT, ours
from thbench.testing.subject import subject_of

built = [subject_of("metric", n, {}).build() for k, n in ours() if k == "metric" and n not in ARGUMENT.values()]
print(len(built), [m for m in ("torch", "torchmetrics") if m in sys.modules])
"""
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    count, loaded = done.stdout.split(maxsplit=1)
    assert int(count) >= 20 and loaded.strip() == "[]"


def test_the_quick_ones_exist() -> None:
    assert {name for _, name in ours()} >= QUICK
    assert Settings().batch >= 3, "the conformance suite asks for three clips at once"


@pytest.mark.parametrize("name", [n for kind, n in ours() if kind == "metric"])
def test_every_score_says_how_it_is_computed_and_what_misleads_it(name: str) -> None:
    subject = subject_of("metric", name, {})
    scores = subject.build().scores
    assert scores
    for score, meaning in scores.items():
        assert meaning.formula, score
        assert meaning.biases, score
        assert meaning.description, score
