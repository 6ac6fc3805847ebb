"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import click

if TYPE_CHECKING:
    from thbench.environment import Settings
    from thbench.suite import Suite

Command: TypeAlias = Callable[..., Any]
Decorator: TypeAlias = Callable[[Command], Command]


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator, shown by --help in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


device_option = click.option("--device", default="cpu", show_default=True, help="cpu, cuda:0, ...")
available_option = click.option(
    "--available",
    is_flag=True,
    help="Do what can be done now; systems and metrics that lack something are marked with the command "
    "that brings it.",
)
all_option = click.option(
    "--all", "all_columns", is_flag=True, help="Show every score, not the headline scores alone."
)
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As for run."
)
engine_options = together(
    click.option(
        "--workers",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Tasks at once; changes no byte of a result.",
    ),
    click.option(
        "--engine",
        default="local",
        show_default=True,
        metavar="NAME",
        help="Where work runs; `thbench list` names what is installed.",
    ),
    click.option("--address", metavar="ADDRESS", help="Of the engine, where it has one."),
    click.option(
        "--gpus",
        metavar="0,1",
        help="One worker for each of these GPUs, which it and its programs see alone.",
    ),
)


def load(name: str, add: Sequence[str], options: dict[str, Any]) -> Suite:
    """The suite NAME as the options of a stage change it. Raises UserError."""
    from thbench.plugins.discovery import registry
    from thbench.suite import find_suite, load_suite

    recipes = options.get("recipes", ())
    suite = load_suite(find_suite(name), registry(), options["overrides"], add, recipes)
    return selected(suite, options)


def selected(suite: Suite, options: dict[str, Any]) -> Suite:
    names = options["systems"]
    return suite.only(n.strip() for n in names.split(",")) if names else suite


def gpus_of(options: dict[str, Any]) -> list[str]:
    """Of --gpus. Raises UserError where it is no list, and where --workers says something else."""
    from thbench.errors import UserError

    text = options.get("gpus")
    if text is None:
        return []
    found = [part.strip() for part in text.split(",")]
    if not all(found) or len(set(found)) != len(found):
        raise UserError(f"--gpus {text}: not a list of different GPUs", "e.g. --gpus 0,1")
    if options["workers"] not in (1, len(found)):
        raise UserError(f"--gpus {text} and --workers {options['workers']}", "leave out --workers")
    return found


def settings_of(options: dict[str, Any]) -> Settings:
    from thbench.environment import Settings, default_offline

    given = options["device"], options["threads"], options["batch"], default_offline()
    return Settings(*given, decode=options.get("decode", "exact"))
