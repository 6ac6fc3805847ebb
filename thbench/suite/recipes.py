"""Recipes: YAML fragments with the `systems` entry of a program that others published.

They lie under benchmarks/recipes/NAME/ next to a README that says how to install the program. A recipe
adds systems, so it leaves the suite's digest as it is; where the program lies is told by --set.
"""

from __future__ import annotations

import re
from pathlib import Path

from thbench.api import UserError
from thbench.files.canonical import NAME
from thbench.files.shipped import benchmarks_folder
from thbench.files.yamlfile import Document, read_yaml


def recipes_folder() -> Path:
    return benchmarks_folder() / "recipes"


def recipe_names() -> list[str]:
    """Shipped recipes."""
    return sorted(p.parent.name for p in recipes_folder().glob("*/recipe.yaml"))


def find_recipe(name: str) -> Path:
    """A path to a recipe, or the name of a shipped one. Raises UserError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise UserError(f"recipe {name} does not exist", "check the path")
        return path
    shipped = recipes_folder() / name / "recipe.yaml"
    if re.match(NAME, name) and shipped.is_file():
        return shipped
    raise UserError(f"there is no recipe '{name}'", f"a .yaml file or: {', '.join(recipe_names())}")


def add_recipe(document: Document, name: str) -> None:
    """Put a recipe's systems into a suite's document. Raises UserError where one is there already."""
    recipe = read_yaml(find_recipe(name))
    extra = [key for key in recipe.data if key != "systems"]
    added = recipe.data.get("systems")
    if extra or not isinstance(added, dict):
        raise recipe.error(
            (*extra[:1],), "a recipe has `systems` and nothing else", "see docs/suites.md"
        )
    systems = document.data.setdefault("systems", {})
    for key, entry in added.items():
        if key in systems:
            raise recipe.error(
                ("systems", key), "the suite has a system of that name", "rename one"
            )
        systems[key] = entry
        document.folders[("systems", key)] = recipe.folder
