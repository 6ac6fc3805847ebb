"""Where recipes lie: shipped ones under benchmarks/recipes/NAME, others in any .yaml file."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from thbench.api import UserError
from thbench.files.canonical import NAME
from thbench.files.shipped import benchmarks_folder


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
    near = get_close_matches(name, recipe_names(), n=1)
    known = (
        f"did you mean '{near[0]}'?" if near else f"a .yaml file or: {', '.join(recipe_names())}"
    )
    raise UserError(f"there is no recipe '{name}'", known)


def name_of(path: Path) -> str:
    """What a recipe is called: its folder for `recipe.yaml`, else the file."""
    return path.resolve().parent.name if path.name == "recipe.yaml" else path.stem
