"""`thbench weights`: list, fetch, import and verify. Imports nothing heavy at start."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.plugins.weights import Registry


@click.group()
def weights() -> None:
    """Weights: where they come from, their licence, and whether they are here."""


@weights.command(name="list")
def weights_list() -> None:
    """Every registered file with its state, size and licence."""
    from thbench.plugins.discovery import registry
    from thbench.plugins.weights import status

    items = registry().weights()
    for name, item in items.items():
        use = "" if item.commercial else " (no commercial use)"
        click.echo(
            f"{name:<18} {status(name, items):<8} {item.size / 1e6:7.1f} MB  {item.licence}{use}"
        )


@weights.command(name="fetch")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--accept-licence",
    is_flag=True,
    help="You have read the licences and may use the weights: no question is asked.",
)
def weights_fetch(names: tuple[str, ...], accept_licence: bool) -> None:
    """Download NAMES from their mirrors, check the sha256 and show the licence.

    Weights that anyone may use come first. The licences of the others are shown together, and one
    question asks for all of them.
    """
    from thbench.plugins.discovery import registry
    from thbench.plugins.weights import restricted

    items = registry().weights()
    wanted = list(dict.fromkeys(names))
    closed = [] if accept_licence else restricted(wanted, items)
    errors = _fetch([n for n in wanted if n not in closed], items, accept_licence)
    if closed:
        refused = _refused(closed, items)
        errors += [refused] if refused else _fetch(closed, items, True)
    for earlier in errors[:-1]:
        click.echo(f"thbench: {earlier}", err=True)
    if errors:
        raise errors[-1]


def _fetch(names: list[str], items: Registry, accept_licence: bool) -> list[UserError]:
    """Fetch what can be fetched; one that fails keeps no other from being fetched."""
    from thbench.plugins.weights import fetch, find

    errors = []
    for name in names:
        click.echo(f"{name}: licence {find(name, items).licence}", err=True)
        try:
            click.echo(fetch(name, items, accept_licence=accept_licence, progress=True))
        except UserError as error:
            errors.append(error)
    return errors


def _refused(names: list[str], items: Registry) -> UserError | None:
    """Show the licences and ask once for all; the error where they are not accepted, or nobody can be asked."""
    from thbench.plugins.weights import find

    for name in names:
        click.echo(f"{name}: restricted licence: {find(name, items).licence}", err=True)
    few = "this licence" if len(names) == 1 else f"these {len(names)} licences"
    question = f"Do you accept {few}, and may you use the weights?"
    if sys.stdin.isatty() and click.confirm(question, err=True):
        return None
    return UserError(
        f"weights {', '.join(names)} are under restricted licences, shown above",
        f"read them, then `thbench weights fetch {shlex.join(names)} --accept-licence`",
    )


@weights.command(name="import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
def weights_import(name: str, file: Path) -> None:
    """Check FILE, or the member of NAME's file in a zip or wheel, and copy it into the store as NAME."""
    from thbench.plugins.discovery import registry
    from thbench.plugins.weights import import_file

    click.echo(import_file(name, file, registry().weights()))


@weights.command(name="verify")
@click.argument("names", nargs=-1)
@click.option(
    "--with",
    "sample",
    type=click.Path(path_type=Path),
    help="A published sample that tells the right file from others.",
)
def weights_verify(names: tuple[str, ...], sample: Path | None) -> None:
    """Read the files of NAMES (default: all that are here) whole. Exit code 1 if one is damaged."""
    from thbench.plugins.discovery import registry
    from thbench.plugins.weights import recognised, verify

    items = registry().weights()
    if sample is not None:
        from thbench.environment import Settings
        from thbench.plugins.context import RunContext

        for name in names:
            context = RunContext(registry(), Settings(), name)
            click.echo(f"{name}: {recognised(name, items, sample, context)}")
        return
    states = {name: verify(name, items) for name in names or items}
    for name, state in states.items():
        if names or state != "missing":
            click.echo(f"{name}: {state}")
    wrong = [s for s in states.values() if s == "corrupt" or (names and s != "present")]
    sys.exit(1 if wrong else 0)
