"""Write docs/reference.md from the code: commands, hooks, the plugin contract, options of built-in plugins.

python docs/make_reference.py          # writes the page; a test fails when it is out of date
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import click

import thbench
from thbench import api
from thbench.cli.main import cli
from thbench.plugins import hookspecs
from thbench.plugins.discovery import registry
from thbench.plugins.listing import describe

PAGE = Path(__file__).parent / "reference.md"


def commands(group: click.Group, prefix: str) -> list[str]:
    """The help of every command, deepest last."""
    lines = []
    for name, command in group.commands.items():
        path = f"{prefix} {name}"
        if isinstance(command, click.Group):
            lines += commands(command, path)
            continue
        # With the settings of the whole program, as at the prompt: -h is an option of every command,
        # and click keeps the help option it was first asked for.
        width: dict[str, Any] = {"terminal_width": 100, "max_content_width": 100}
        context = click.Context(command, info_name=path, **width, **cli.context_settings)
        lines += [f"### `{path}`", "", "```", command.get_help(context), "```", ""]
    return lines


def first_line(item: object) -> str:
    return (inspect.getdoc(item) or "").split("\n\n")[0].replace("\n", " ")


def contract() -> list[str]:
    """Classes and functions of thbench.api; constants and aliases have no docstring of their own."""
    lines = []
    for name in api.__all__:
        item = getattr(api, name)
        if inspect.isclass(item) or inspect.isfunction(item):
            lines.append(f"- `{name}`: {first_line(item)}")
        else:
            lines.append(f"- `{name}`")
    return lines


def python() -> list[str]:
    """Signatures of what `import thbench` offers, and what each does."""
    lines = []
    for name in (n for n in thbench.__all__ if n != "__version__"):
        item = getattr(thbench, name)
        lines.append(f"- `thbench.{name}`: {first_line(item)}")
    return lines


def hooks() -> list[str]:
    found = [n for n in vars(hookspecs) if n.startswith("thbench_")]
    return [f"- `{name}()`: {first_line(getattr(hookspecs, name))}" for name in found]


def plugins() -> list[str]:
    ours = [r for r in registry() if r.owner.distribution == "thbench"]
    lines = []
    for registered in ours:
        head, *rest = describe(registered).splitlines()
        lines += [f"### {head.partition(' from ')[0]}", "", "```", *rest, "```", ""]
    return lines


def page() -> str:
    parts = [
        "# Reference",
        "",
        "Written from the code by `python docs/make_reference.py`; a test keeps it current.",
        "",
        "## Commands",
        "",
        *commands(cli, "thbench"),
        "## Python",
        "",
        *python(),
        "",
        "## Hooks",
        "",
        *hooks(),
        "",
        "## The contract, `thbench.api`",
        "",
        *contract(),
        "",
        "## Options of the built-in plugins",
        "",
        *plugins(),
    ]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
