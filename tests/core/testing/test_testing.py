"""The conformance suite passes what is right and names what is wrong."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import misbehaving
from paths import ROOT
from runs import SUITE
from thbench.api import Clip, Plugin, Source
from thbench.errors import UserError
from thbench.testing import (
    KINDS,
    check_dataset,
    check_generator,
    check_metric,
    checks_for,
    material_from,
    run_checks,
)
from thbench.testing.subject import subject_of
from thbench.testing.worker import Probe

OF_KIND: Mapping[str, Plugin[Any, Any]] = {
    "generator": misbehaving.GENERATOR,
    "metric": misbehaving.METRIC,
    "dataset": misbehaving.DATASET,
}
IN_A_WORKER = ("`missing`", "a worker process")


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    file = tmp_path / "toys.yaml"
    file.write_text(SUITE)
    return file


def source(seed: int) -> Source:
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    return Source(frames, rng.integers(-99, 99, 6 * 640).astype(np.int16))


def complaints(kind: str, fault: str, spawn: bool = False) -> list[str]:
    """What the conformance suite says of a fault; a process is spawned only where that matters."""
    material = material_from([(Clip("a", "1"), source(1)), (Clip("b", "2"), source(2))])
    subject = subject_of(kind, OF_KIND[kind], {"fault": fault})
    checks = KINDS[kind](subject, material).checks()
    chosen = [c for c in checks if spawn or not c.title.startswith(IN_A_WORKER)]
    return [f"{o.title}: {o.error}" for o in run_checks(chosen) if o.error]


@pytest.mark.slow
@pytest.mark.parametrize("kind", OF_KIND)
def test_a_good_plugin_has_no_complaints(kind: str) -> None:
    assert complaints(kind, "none", spawn=True) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("training", "trained_on is 'everyone'"),
        ("place", "in reverse order it gives other bytes"),
        ("batch", "one by one it gives other bytes than asked together"),
        ("calls", "asked again, it gives other bytes"),
        ("instances", "a fresh instance gives other bytes"),
        ("global", "asked again, it gives other bytes"),
        ("name", "another clip id gives other bytes"),
        ("writes", "writes into the identity frame or the audio"),
        ("seed", "Seed must be between"),
        ("one frame", "ValueError: needs two frames"),
        ("black", "ZeroDivisionError: no light"),
        ("size", "frames are (3, 64, 64, 3), [3, 16, 16, 3] needed"),
        ("shape", "frames are (32, 32, 3), [6, 32, 32, 3] needed"),
        ("missing", "weights: make weights"),
    ],
)
def test_a_generators_fault_is_named(fault: str, says: str) -> None:
    found = complaints("generator", fault)
    assert any(says in line for line in found), found


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("no scores", "it has no scores"),
        ("meaning", "reacts_to noise is 'up'"),
        ("nan", "row difference is nan"),
        ("objects", "array names holds Python objects"),
        ("calls", "seen again it differs"),
        ("one frame", "one frame: it raised IndexError"),
        ("no audio", "no audio track: it raised TypeError"),
        ("writes", "writes into the pair's arrays"),
        ("optimum", "perfect videos is 1.0, best is 0"),
        ("range", "its range is 0..255"),
        ("names", "it names other"),
        ("reduce", "another value the second time"),
        ("nothing", "the mean of nothing is a number: difference"),
    ],
)
def test_a_metrics_fault_is_named(fault: str, says: str) -> None:
    found = complaints("metric", fault)
    assert any(says in line for line in found), found


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("version", "version is ''"),
        ("command", "names no thing or no command"),
        ("order", "not sorted by id"),
        ("twice", "two clips share an id"),
        ("instances", "a fresh instance has other clips"),
        ("actor", "not all of it is text"),
        ("random", "the second load differs"),
        ("length", "another size has another length"),
        ("marks", "landmarks are (3, 68, 2) float32, (4, 68, 2) float32 needed"),
        ("float", "float64, [T, 64, 64, 3] uint8 needed"),
        ("stereo", "audio is (2, 2560) int16"),
        ("fails", "scratched"),
    ],
)
def test_a_datasets_fault_is_named(fault: str, says: str) -> None:
    found = complaints("dataset", fault)
    assert any(says in line for line in found), found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "fault", "says"),
    [
        ("generator", "process", "another process gets other bytes"),
        ("metric", "process", "another process gets other bytes"),
    ],
)
def test_what_only_another_process_shows(kind: str, fault: str, says: str) -> None:
    found = complaints(kind, fault, spawn=True)
    assert any(says in line for line in found), found


@pytest.mark.slow
def test_missing_must_not_import_torch(
    tmp_path: Path, toys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("ABOUT = 'a stand-in that is quick to import'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    checks = checks_for("generator", misbehaving.GENERATOR, {"fault": "heavy"}, suite=toys)
    check = next(c for c in checks if "`missing`" in c.title)
    with pytest.raises(AssertionError, match="it imports torch"):
        check.run()


@pytest.mark.parametrize(
    ("probes", "says"),
    [
        ([Probe(seconds=9), Probe(seconds=9), Probe(seconds=0.1)], None),
        ([Probe(seconds=9), Probe(seconds=7), Probe(seconds=8)], r"takes 7\.0 s, 2 allowed"),
        ([Probe(seconds=9), Probe(found="not found: gone")], "not found: gone"),
    ],
)
def test_missing_is_slow_where_every_process_says_so(
    toys: Path, monkeypatch: pytest.MonkeyPatch, probes: list[Probe], says: str | None
) -> None:
    """A busy disk or machine slows down one process or another."""
    answers = iter(probes)
    monkeypatch.setattr("thbench.testing.checks.probe", lambda *_: next(answers))
    checks = checks_for("generator", misbehaving.GENERATOR, {"fault": "none"}, suite=toys)
    check = next(c for c in checks if "`missing`" in c.title)
    if says is None:
        check.run()
    else:
        with pytest.raises(AssertionError, match=says):
            check.run()
    assert not list(answers)


def test_options_must_be_frozen_and_documented() -> None:
    titles = {o.title: o.error for o in run_checks(checks_for("generator", misbehaving.LOOSE)[:2])}
    assert "Loose is not frozen" in str(titles)


@pytest.mark.slow
def test_a_plugin_that_no_worker_finds_is_told_what_to_do() -> None:
    check = next(c for c in checks_for("generator", misbehaving.STRAY) if "`missing`" in c.title)
    with pytest.raises(AssertionError, match="implement the hook thbench_generators"):
        check.run()


@pytest.mark.slow
def test_installed_plugins_are_checked_by_name(toys: Path) -> None:
    check_generator("toy-echo", {"gain": 2.0}, suite=toys)
    check_metric("toy-extracted", suite=toys)
    check_dataset("toy")


@pytest.mark.slow
def test_every_complaint_is_in_the_message(toys: Path) -> None:
    with pytest.raises(AssertionError) as caught:
        check_generator("toy-echo", {"fault": "refuse"}, suite=toys)
    assert "it failed on plain requests: 1001_AAA: failure: the toy" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("toy-eco", {}, "did you mean 'toy-echo'"),
        ("toy-echo", {"gian": 1.0}, "did you mean 'gain'"),
        ("toy-echo:x", {}, "takes no ':x'"),
        ("toy-echo@x", {}, "has no variant 'x'"),
    ],
)
def test_wrong_names_are_a_persons_mistake(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        check_generator(name, options)


@pytest.mark.slow
@pytest.mark.parametrize("kind", OF_KIND)
def test_the_documented_plugin_conforms(
    kind: str, tmp_path: Path, toys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "plugins.md").read_text(), re.DOTALL
    )
    (text,) = (block for block in blocks if f"def thbench_{kind}s" in block)
    (tmp_path / f"documented_{kind}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module(f"documented_{kind}")
    (plugin,) = getattr(module, f"thbench_{kind}s")()
    if kind == "generator":
        check_generator(plugin, suite=toys)
    elif kind == "metric":
        check_metric(plugin, suite=toys)
    else:
        check_dataset(plugin, size=32)
