"""A complete plugin package, or a recipe, from templates: what `thbench new` writes passes its own test untouched."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import jinja2

from thbench.api import UserError
from thbench.files.atomic import disk_errors
from thbench.plugins.discovery import registry

Kind: TypeAlias = Literal["generator", "metric", "dataset", "extractor", "recipe"]
TEMPLATES = Path(__file__).with_name("templates")
_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_ABOUT: dict[Kind, str] = {
    "generator": "A talking-head generator for thbench",
    "metric": "A metric for thbench",
    "dataset": "A dataset for thbench",
    "extractor": "An extractor and its metric for thbench",
    "recipe": "A published program in thbench",
}


@dataclass(frozen=True)
class Names:
    """One plugin's names: in suites, as distribution, as import package and as class."""

    name: str

    @property
    def distribution(self) -> str:
        return "thbench-" + self.name.replace("_", "-")

    @property
    def module(self) -> str:
        return "thbench_" + self.name.replace("-", "_")

    @property
    def title(self) -> str:
        return "".join(part.capitalize() for part in re.split("[_-]", self.name))


def render(kind: Kind, name: str) -> dict[str, str]:
    """Relative path -> text of every file of the package. Raises UserError for an unusable name."""
    names = _usable(name)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / kind),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  Python and TOML, not HTML; the names are letters and digits
    )
    values = {
        "name": name,
        "distribution": names.distribution,
        "module": names.module,
        "title": names.title,
        "about": _ABOUT[kind],
    }
    files = {}
    for template in sorted(environment.list_templates(["j2"])):
        path = template.removesuffix(".j2").replace("module.py", f"{names.module}/__init__.py")
        files[path] = environment.get_template(template).render(values)
    return files


def write_package(kind: Kind, name: str, into: Path | None = None) -> Path:
    """Write the package into a new folder, by default one called `name`; returns it.

    Raises UserError for an unusable or taken name and for a folder that is not empty.
    """
    files = render(kind, name)
    _refuse_taken(kind, name)
    folder = into or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and is not empty", "choose another one with --into")
    for relative, text in files.items():
        path = folder / relative
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


def _usable(name: str) -> Names:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"'{name}' is no name for a plugin",
            "lower-case letters, digits, - and _, starting with a letter",
        )
    if keyword.iskeyword(Names(name).title):
        raise UserError(f"'{name}' is a word of Python", "choose another name")
    return Names(name)


def _refuse_taken(kind: Kind, name: str) -> None:
    """Two owners of one name would be refused later, when both are installed."""
    if kind == "recipe":
        return  # a file of one's own; shipped ones are found by name, this one by its path
    for owner in registry().owners.get((kind, name), []):
        raise UserError(
            f"a {kind} '{name}' is installed already, by {owner.owner}", "choose another name"
        )
