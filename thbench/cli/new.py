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


def _write(kind: Kind, name: str, into: Path | None, use: str) -> None:
    from thbench.plugins.scaffold import write_package

    folder = write_package(kind, name, into)
    click.echo(f"{folder}: a {kind} that works. Next:")
    for line in (f"pip install -e {folder}", f"thbench check {name}", use):
        click.echo(f"  {line}")
