"""`thbench new`: a complete plugin package to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from thbench.plugins.scaffold import Kind


@click.group()
def new() -> None:
    """Write a complete plugin package to start from."""


_into = click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The new folder [default: NAME].",
)


@new.command(name="generator")
@click.argument("name")
@_into
def new_generator(name: str, into: Path | None) -> None:
    """A package with the generator NAME, which works as it is."""
    _write("generator", name, into, f"thbench run demo --add {name}")


@new.command(name="metric")
@click.argument("name")
@_into
def new_metric(name: str, into: Path | None) -> None:
    """A package with the metric NAME, which works as it is."""
    use = f"thbench run demo --set metrics='[{name}]' --set primary={name}"
    _write("metric", name, into, use)


@new.command(name="dataset")
@click.argument("name")
@_into
def new_dataset(name: str, into: Path | None) -> None:
    """A package with the dataset NAME: videos of a folder, cut and resized as thbench does."""
    use = f"thbench run demo --set dataset='{{name: {name}, root: FOLDER}}' --set split=all"
    _write("dataset", name, into, use)


@new.command(name="extractor")
@click.argument("name")
@_into
def new_extractor(name: str, into: Path | None) -> None:
    """A package with the extractor NAME and the metric NAME_distance that uses it."""
    used = f"{name}_distance"
    _write(
        "extractor",
        name,
        into,
        f"thbench run demo --set metrics='[{used}]' --set primary={used}",
        used,
    )


@new.command(name="recipe")
@click.argument("name")
@_into
def new_recipe(name: str, into: Path | None) -> None:
    """A folder with the recipe NAME of a published program, every key explained."""
    from thbench.plugins.scaffold import write_package

    file = write_package("recipe", name, into) / "recipe.yaml"
    click.echo(f"{file}: fill it in. Next:")
    for line in (
        f"recipe build {file}",
        f"recipe try {file} IMAGE AUDIO",
        f"run demo --with {file}",
    ):
        click.echo(f"  thbench {line}")


def _write(kind: Kind, name: str, into: Path | None, use: str, checked: str = "") -> None:
    from thbench.plugins.scaffold import write_package

    folder = write_package(kind, name, into)
    options = " --set root=FOLDER" if kind == "dataset" else ""
    click.echo(f"{folder}: a {kind} that works. Next:".replace("a extractor", "an extractor"))
    for line in (f"pip install -e {folder}", f"thbench check {checked or name}{options}", use):
        click.echo(f"  {line}")
