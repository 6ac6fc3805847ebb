"""A stranger's package, built, installed, run, found wanting and uninstalled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from environments import Environment, build_wheel, make_environment
from paths import ROOT

pytestmark = pytest.mark.slow  # their common start alone is

STRANGERS = ROOT / "tests" / "support" / "thirdparty"
SUITE = """\
schema: 1
name: strangers
dataset: {name: toy, n_actors: 2}
split: all
limits: {clips: 4}
systems:
  good: {generator: acme, resolution: 32}
  raises: {generator: acme, resolution: 32, fault: raise}
  mid-batch: {generator: acme, resolution: 32, fault: mid-batch}
  shape: {generator: acme, resolution: 32, fault: shape}
  shards: {generator: shards, resolution: 32}
  ours: {generator: toy-echo, resolution: 32}
metrics: [acme-sharpness, toy-brightness]
controls: [ground-truth]
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A wheel and two projects."""
    folder = tmp_path_factory.mktemp("strangers")
    shutil.copytree(STRANGERS, folder / "source")
    wheel = build_wheel(folder / "source" / "acme", folder / "dist")
    return [wheel, folder / "source" / "rival", folder / "source" / "shards"]


@pytest.fixture(scope="module")
def installed(packages: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = make_environment(tmp_path_factory.mktemp("installed") / "venv")
    environment.install(*packages)
    return environment


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    file = tmp_path / "suite.yaml"
    file.write_text(SUITE)
    return file


def test_a_strangers_plugins_run_and_their_faults_are_their_own(
    installed: Environment, suite: Path, tmp_path: Path
) -> None:
    done = installed.thbench("run", suite, "--out", tmp_path / "run", THBENCH_DISABLE="rival-heads")
    assert done.returncode == 1, done.stderr  # three of its systems have no scored clip

    def result(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (tmp_path / f"run/systems/{name}/result.json").read_text()
        )
        return found

    for name in ("good", "mid-batch", "ours"):
        assert result(name)["clips"]["generated"] == 4, name
    for name, says in (
        ("raises", "RuntimeError: acme has dropped the batch"),
        ("shape", "32 x 16 px frames, 32 x 32 needed"),
        ("shards", "shards[shards] failed: ImportError: libshards.so.3"),
    ):
        assert result(name)["clips"]["failed"] == 4
        assert says in result(name)["clips"]["failures"][0]["reason"]
    good = json.dumps(result("good"))
    assert "acme-heads" in good and "2.1.0" in good, "the result names the package"
    assert result("good")["scores"]["acme-sharpness"]["n"] == 4
    timings = (tmp_path / "run" / "timings.jsonl").read_text()
    assert "acme has dropped the batch" in timings, "a batch that was retried is recorded"


def test_a_second_owner_is_refused_with_both_named(installed: Environment, suite: Path) -> None:
    done = installed.thbench("run", suite)
    assert done.returncode == 2
    assert "acme-heads[acme] and rival-heads[rival]" in done.stderr
    assert "THBENCH_DISABLE=rival-heads[rival]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["acme", "acme-sharpness"])
def test_conformance_of_what_is_installed(installed: Environment, name: str) -> None:
    done = installed.thbench("check", name, THBENCH_DISABLE="rival-heads")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all checks hold" in done.stdout


def test_nothing_remains_after_uninstalling(
    installed: Environment, packages: list[Path], suite: Path
) -> None:
    installed.uninstall("acme-heads", "rival-heads", "shards")
    try:
        done = installed.thbench("run", suite)
        assert done.returncode == 2
        assert "unknown metric 'acme-sharpness'" in done.stderr
        assert not list(installed.folder.rglob("acme*"))
    finally:  # tests may come in any order
        installed.install(*packages)
