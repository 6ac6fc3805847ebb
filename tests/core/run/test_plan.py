"""What a run says and decides of bfloat16 before its work: warnings, and precisions that `auto` picks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import thbench.api
from runs import suite_from
from thbench.api import bf16_speed, fast_bf16, picked_precision
from thbench.doctor import examine
from thbench.environment import Settings
from thbench.plugins.discovery import registry
from thbench.run.plan import job_for, slow_precisions

SUITE = """\
schema: 1
name: precise
dataset: {name: puppet}
split: puppet_v1
systems:
  ddpm: {generator: ddpm, resolution: 64, precision: bf16}
  gan: {generator: gan, resolution: 64}
metrics:
  - fid@bf16
  - {metric: kid, precision: auto}
  - {metric: syncnet, precision: auto}
  - psnr
primary: psnr
"""


@pytest.fixture(params=[2.3, 0.25], ids=["fast", "slow"])
def speed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """A processor of that speed in bfloat16, float32's being 1."""
    for module in ("thbench.api", "thbench.run.plan", "thbench.doctor"):
        monkeypatch.setattr(f"{module}.bf16_speed", lambda: request.param)
    return float(request.param)


def test_a_run_is_warned_of_every_metric_and_system_that_would_emulate(
    speed: float, tmp_path: Path
) -> None:
    found = slow_precisions(suite_from(tmp_path, SUITE), Settings())
    if speed > 1:
        assert found == []
        return
    assert [line.partition(":")[0] for line in found] == ["metric fid@bf16", "system ddpm"]
    assert all("4 times slower than float32" in line for line in found)
    assert slow_precisions(suite_from(tmp_path, SUITE), Settings(device="cuda")) == []


def test_the_warning_comes_before_the_work(speed: float, tmp_path: Path, thbench: Any) -> None:
    suite_from(tmp_path, SUITE)
    done = thbench("run", tmp_path / "suite.yaml", "--dry-run", "--out", tmp_path / "run")
    warned = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert ("precision bf16 is emulated" in done.err) == (speed < 1)
    assert len(warned) == (2 if speed < 1 else 0)


def test_doctor_says_what_it_measured(speed: float, tmp_path: Path) -> None:
    findings = examine(registry(), Settings(), suite_from(tmp_path, SUITE))
    (line,) = [f for f in findings if f.name == "bfloat16"]
    assert line.state == ("ok" if speed > 1 else "note")
    assert line.about.startswith(f"{speed} times the speed of float32")
    assert ("leave precision at fp32 or auto" in line.about) == (speed < 1)
    assert sum(f.name == "precision" for f in findings) == (2 if speed < 1 else 0)


def precisions(plugin: Any) -> tuple[str, ...]:
    """What the option `precision` of a plugin can be."""
    hint = get_type_hints(plugin.options).get("precision")
    return get_args(hint) if hint else ()


def test_every_network_that_has_bf16_has_auto_which_is_recorded_as_what_it_picked(
    speed: float,
) -> None:
    plugins = [
        registry().find(kind, name).plugin
        for kind in ("metric", "extractor")
        for name in registry().names(kind)
    ]
    having = [plugin for plugin in plugins if "bf16" in precisions(plugin)]
    names = [plugin.name for plugin in having]
    assert sorted(names) == ["fid", "inception", "kid", "precision_recall", "syncnet", "syncnet_features"]  # fmt: skip
    for plugin in having:
        assert "auto" in precisions(plugin), plugin.name
        assert plugin.options(precision="auto").precision == ("bf16" if speed > 1 else "fp32")
        assert plugin.options().precision == "fp32"
    small = {"fid": {"extractor": "puppet-v1"}, "syncnet": {"weights": "puppet-v1"}}
    for plugin in having:  # networks that ship have fp32 only
        if options := small.get(plugin.name):
            assert plugin.options(**options, precision="auto").precision == "fp32"


def test_workers_get_what_was_picked(speed: float, tmp_path: Path) -> None:
    suite = suite_from(tmp_path, SUITE)
    picked = "bf16" if speed > 1 else "fp32"
    metrics = job_for(suite, tmp_path / "run", Settings()).document.data["metrics"]
    assert metrics == [
        "fid@bf16",
        {"metric": "kid", "precision": picked},
        {"metric": "syncnet", "precision": picked},
        "psnr",
    ]
    assert suite.metrics[1].identity["options"]["precision"] == picked
    assert suite.metrics[1].given["precision"] == "auto"


@pytest.mark.slow
def test_speed_is_measured_once_and_threads_are_given_back() -> None:
    import torch

    threads = torch.get_num_threads()
    bf16_speed.cache_clear()
    found = bf16_speed()
    assert 0 < found == bf16_speed() and bf16_speed.cache_info().misses == 1
    assert torch.get_num_threads() == threads
    assert fast_bf16() == (found > 1)
    assert picked_precision("auto") == ("bf16" if found > 1 else "fp32")
    assert [picked_precision(p) for p in ("fp32", "bf16")] == ["fp32", "bf16"]
    assert {"bf16_speed", "fast_bf16", "picked_precision"} <= set(thbench.api.__all__)
