"""Recipes in a suite: their systems are added, completed by what `thbench recipe build` has made here.

A recipe adds systems, so it leaves the suite's digest as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thbench.files.yamlfile import Document, read_yaml
from thbench.recipes.built import Built, built_of
from thbench.recipes.find import find_recipe
from thbench.recipes.form import about_of, systems_of


def add_recipe(document: Document, name: str) -> None:
    """Put a recipe's systems into a suite's document. Raises UserError where one is there already."""
    path = find_recipe(name)
    recipe = read_yaml(path)
    about_of(recipe)
    built = built_of(path)
    systems = document.data.setdefault("systems", {})
    for key, entry in systems_of(recipe).items():
        if key in systems:
            raise recipe.error(
                ("systems", key), "the suite has a system of that name", "rename one"
            )
        systems[key] = completed(entry, built)
        document.folders[("systems", key)] = recipe.folder


def located(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A system outside of a suite: its folder and interpreter are found from where its file lies."""
    found = dict(entry)
    for name in ("root", "python"):
        if isinstance(value := found.get(name), str):
            found[name] = str((folder / Path(value).expanduser()).absolute())
    return found


def completed(entry: Any, built: Built | None) -> Any:
    """A recipe's system with the folder, interpreter or image of its build, where it names none."""
    if built is None or not isinstance(entry, dict):
        return entry
    wanted = built.options()
    if entry.get("runtime", "process") == "process":
        wanted.pop("image", None)
        return {**wanted, **entry}
    image = {"image": wanted.pop("image")} if "image" in wanted else {}
    return {**wanted, **entry, **image}  # an image has no name before it is built
