"""Where suites lie, and the whole way from a file to a Suite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from thbench.api import UserError
from thbench.files.canonical import NAME
from thbench.files.shipped import benchmarks_folder
from thbench.files.yamlfile import read_yaml
from thbench.plugins.discovery import Registry
from thbench.suite.model import Suite
from thbench.suite.overrides import add_system, apply_overrides
from thbench.suite.recipes import add_recipe
from thbench.suite.resolve import build_suite


def find_suite(name: str) -> Path:
    """A path to a suite file, or the name of a shipped one. Raises UserError."""
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml"):
        raise UserError(f"suite file {name} does not exist", "check the path")
    shipped = benchmarks_folder() / f"{name}.yaml"  # also where a folder has that name
    if re.match(NAME, name) and shipped.is_file():
        return shipped
    names = ", ".join(sorted(p.stem for p in benchmarks_folder().glob("*.yaml")))
    raise UserError(f"there is no suite '{name}'", f"give a .yaml file or one of: {names}")


def load_suite(
    path: Path,
    registry: Registry,
    overrides: Iterable[str] = (),
    add: Iterable[str] = (),
    recipes: Sequence[str] = (),
) -> Suite:
    """Read, override, validate and resolve a suite.

    `overrides` are `key.path=value` texts, `add` are `GENERATOR[:key=value,...]` texts, `recipes` are
    names or files of recipes. Raises UserError naming file, line and key, with the nearest right name
    for unknown ones.
    """
    document = read_yaml(path)
    for name in recipes:
        add_recipe(document, name)
    given = [*overrides]
    apply_overrides(document, given)
    for text in add:
        given.append(f"--add {text}")
        add_system(document, text)
    given += [f"--with {name}" for name in recipes]
    document.overrides = tuple(given)
    return build_suite(document, registry)
