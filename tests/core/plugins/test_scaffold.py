"""`thbench new`: what it writes works untouched, from an empty folder to a row in the table."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from environments import Environment, make_environment
from paths import ROOT
from thbench.api import Plugin, resized_square, whole_square
from thbench.errors import UserError
from thbench.plugins.scaffold import Kind, render, write_package

MODULE = "thbench_mine/__init__.py"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make_environment(tmp_path_factory.mktemp("newcomer") / "venv")


@pytest.mark.parametrize("kind", ["generator", "metric"])
def test_a_plugin_is_at_most_fifteen_lines(kind: Kind) -> None:
    lines = [line for line in render(kind, "mine")[MODULE].splitlines() if line.strip()]
    assert len(lines) <= 15


def test_the_readme_shows_this_very_generator() -> None:
    assert render("generator", "mine")[MODULE] in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["generator", "metric", "dataset", "extractor"])
def test_everything_a_package_needs_is_written(tmp_path: Path, kind: Kind) -> None:
    folder = write_package(kind, "two-words_3", tmp_path / "new")
    written = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    module = "thbench_two_words_3/__init__.py"
    assert written == ["README.md", "pyproject.toml", "tests/test_conformance.py", module]
    assert "class TwoWords3:" in (folder / module).read_text()
    assert 'two-words_3 = "thbench_two_words_3"' in (folder / "pyproject.toml").read_text()
    for path in folder.rglob("*.*"):
        assert "{{" not in path.read_text()


def test_what_is_written_is_formatted(tmp_path: Path) -> None:
    write_package("generator", "mine", tmp_path / "g")
    write_package("metric", "my-own", tmp_path / "m")
    write_package("dataset", "my-clips", tmp_path / "d")
    write_package("extractor", "my_features", tmp_path / "e")
    write_package("recipe", "theirs", tmp_path / "r")
    for command in (["format", "--check"], ["check", "--select", "E,F,I,W,B"]):
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            *command,
            "--isolated",
            "--line-length",
            "100",
            str(tmp_path),
        ]
        done = subprocess.run(ruff, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Mine", "no name for a plugin"),
        ("1st", "no name for a plugin"),
        ("a--b", "no name for a plugin"),
        ("../x", "no name for a plugin"),
        ("a b", "no name for a plugin"),
        ("none", "a word of Python"),
        ("toy-echo", "installed already, by thbench-toys"),
    ],
)
def test_unusable_names_are_refused(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        write_package("generator", name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="not empty"):
        write_package("generator", "mine", tmp_path / "mine")


def newcomer(environment: Environment, folder: Path, *limits: str) -> str:
    """What a newcomer types, and the table they see."""
    folder.mkdir()
    written = environment.thbench("new", "generator", "mine", cwd=folder)
    assert "pip install -e mine" in written.stdout, written.stderr
    environment.install("-e", folder / "mine")
    try:
        done = environment.thbench("run", "demo", "--add", "mine", *limits, cwd=folder)
    finally:
        environment.uninstall("thbench-mine")
    assert done.returncode == 0, done.stderr
    table = (folder / "runs" / "demo" / "leaderboard.md").read_text()
    assert "mine" in done.stdout
    return table


@pytest.mark.slow
def test_a_newcomer_sees_a_row_on_a_small_demo(environment: Environment, tmp_path: Path) -> None:
    small = ("limits.actors=1", "metrics=[f_mse]", "primary=f_mse", "controls=[]")
    limits = [word for key in small for word in ("--set", key)]
    assert "| mine |" in newcomer(environment, tmp_path / "empty", *limits)


@pytest.mark.slow
def test_a_newcomer_sees_a_row_on_the_demo(environment: Environment, tmp_path: Path) -> None:
    """Its systems, metrics and controls; two actors of eight, since `.ci/run` measures all of it."""
    assert "| mine |" in newcomer(environment, tmp_path / "empty", "--set", "limits.actors=2")


@pytest.mark.slow
def test_the_line_for_a_new_metric_works(environment: Environment, tmp_path: Path) -> None:
    written = environment.thbench("new", "metric", "my-metric", cwd=tmp_path)
    environment.install("-e", tmp_path / "my-metric")
    try:
        words = shlex.split(written.stdout.splitlines()[-1])
        small = ("--set", "limits.actors=1", "--set", "controls=[]")
        done = environment.thbench(*words[1:], *small, cwd=tmp_path)
    finally:
        environment.uninstall("thbench-my-metric")
    assert done.returncode == 0, done.stderr
    assert "my-metric" in (tmp_path / "runs" / "demo" / "leaderboard.md").read_text()


@pytest.mark.slow
def test_what_is_written_passes_its_own_test(environment: Environment, tmp_path: Path) -> None:
    write_package("generator", "my-generator", tmp_path / "g")
    write_package("metric", "my-metric", tmp_path / "m")
    write_package("dataset", "my-clips", tmp_path / "d")
    write_package("extractor", "my_features", tmp_path / "e")
    for folder in "gmde":
        environment.install("-e", tmp_path / folder)
    words = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", *"gmde"]
    try:
        command = [str(environment.python), "-m", "pytest", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    finally:
        names = ("generator", "metric", "clips", "features")
        environment.uninstall(*(f"thbench-my-{name}" for name in names))
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_a_new_recipe_is_a_recipe(tmp_path: Path, thbench) -> None:
    folder = write_package("recipe", "theirs", tmp_path / "theirs")
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "recipe.yaml", "serve.py"]
    done = thbench("recipe", "show", folder / "recipe.yaml")
    assert done.code == 0 and "Theirs" in done.out, done.err
    done = thbench("run", "smoke", "--with", folder / "recipe.yaml", "--dry-run")
    assert done.code == 2 and "thbench recipe build theirs" in done.out + done.err
    code = (folder / "serve.py").read_text().partition('"""\n')[2].partition('"""\n')[2]
    docs = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    assert (folder / "serve.py").read_text().split("\n\n", 1)[1] in docs, code


def test_extractors_in_another_form_are_refused_in_words() -> None:
    with pytest.raises(
        TypeError, match="extractors is a list, a function of the options is needed"
    ):
        Plugin("x", Options, Options, extractors=["landmarks68"])  # type: ignore[arg-type]
    plugin = Plugin("x", Options, Options, extractors=lambda _: ["landmarks68"])  # type: ignore[arg-type, return-value]
    with pytest.raises(UserError, match="gave a list: a mapping from each extractor's name"):
        plugin.used_extractors(Options())


@dataclass(frozen=True)
class Options:
    """None."""


def test_the_public_crop_is_that_of_the_harness() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)
    square = whole_square(frames)
    assert (square.left, square.top, square.side) == (8, 0, 48)
    for size in (16, 48, 80):
        made = resized_square(frames, square, size)
        assert made.shape == (3, size, size, 3)
        assert (made[1] == square.cut(frames[1], size)).all()
    with pytest.raises(ValueError, match="not 64 x 48"):
        resized_square(frames[:, :, :60], square, 16)
