"""Recipes in a suite: they add systems and leave its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs import SUITE
from thbench.errors import UserError
from thbench.plugins.discovery import registry
from thbench.suite import load_suite


def test_a_recipe_leaves_the_digest_and_says_what_is_missing(
    thbench,
    tmp_path: Path,
) -> None:
    file = _suite(tmp_path)
    plain = load_suite(file, registry())
    with_it = load_suite(file, registry(), recipes=["hallo"])
    assert plain.digest == with_it.digest
    assert [s.name for s in with_it.systems] == ["echo", "hallo"]
    assert "--with hallo" in with_it.overrides
    done = thbench("run", file, "--with", "hallo", "--dry-run")
    assert done.code == 2
    assert "python of the program: --set systems.hallo.python=PATH" in done.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hallo4", "there is no recipe 'hallo4'"),
        ("absent.yaml", "does not exist"),
        ("systems: {echo: {generator: toy-echo, resolution: 32}}", "has a system of that name"),
        ("seed: 2\nsystems: {}", "and nothing else"),
        ("systems: [echo]", "and nothing else"),
    ],
)
def test_wrong_recipes_are_refused(tmp_path: Path, text: str, says: str) -> None:
    name = text
    if ":" in text:
        (tmp_path / "recipe.yaml").write_text(text)
        name = str(tmp_path / "recipe.yaml")
    with pytest.raises(UserError, match=says):
        load_suite(_suite(tmp_path), registry(), recipes=[name])


def _suite(folder: Path) -> Path:
    file = folder / "suite.yaml"
    file.write_text(SUITE)
    return file
