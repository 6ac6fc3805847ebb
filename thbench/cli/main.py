"""The command line. Parses, calls one function, prints; imports nothing heavy at start."""

from __future__ import annotations

import errno
import json
import os
import sys

import click

import thbench
from thbench.cli.align import align, crop
from thbench.cli.check import check, doctor, split
from thbench.cli.data import data
from thbench.cli.export import export
from thbench.cli.leaderboard import compare, leaderboard
from thbench.cli.merge import merge
from thbench.cli.new import new
from thbench.cli.recipe import recipe
from thbench.cli.report import report
from thbench.cli.run import generate, run, score
from thbench.cli.selftest import selftest
from thbench.cli.sensitivity import sensitivity
from thbench.cli.study import study
from thbench.cli.terminal import Terminated, surroundings
from thbench.cli.train import plot, train
from thbench.cli.weights import weights
from thbench.errors import RESUME, UserError, in_one_line


class _Groups(click.Group):
    """Shows commands in the order of the way of the data."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Groups, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(thbench.__version__, prog_name="thbench")
def cli() -> None:
    """A benchmark harness for talking-head generators.

    One identity frame and speech in, a video out, scored on actors no model has seen.
    """


def main() -> None:
    """Run the command line; a person's mistake is one line and exit code 2."""
    try:
        with surroundings():
            cli(standalone_mode=False)
    except UserError as error:
        click.echo(f"thbench: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (OSError, MemoryError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        too_long = getattr(error, "errno", None) == errno.ENAMETOOLONG
        remedy = "give a shorter path" if too_long else RESUME
        click.echo(f"thbench: {in_one_line(error)} — {remedy}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort) as stop:
        click.echo("thbench: interrupted; the same command continues where it stopped", err=True)
        sys.exit(143 if isinstance(stop.__cause__, Terminated) else 130)  # click raises it anew


@click.command(name="list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def list_(name: str | None, as_json: bool) -> None:
    """List installed plugins and shipped suites, or the options of the plugin NAME."""
    from thbench.plugins.listing import describe_plugin, overview

    if name:
        click.echo(describe_plugin(name))
        return
    data = overview()
    if as_json:
        click.echo(json.dumps(data, indent=1))
        return
    for section, entries in data.items():
        click.echo(f"{section}:")
        for entry in entries:
            click.echo(f"  {entry['name']:<22} {entry['about']}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of result.json."""
    from thbench.results.document import json_schema

    click.echo(json.dumps(json_schema(), indent=1, sort_keys=True))


for _command in (
    run,
    generate,
    score,
    merge,
    list_,
    align,
    crop,
    check,
    split,
    weights,
    schema,
    report,
    export,
    study,
    compare,
    leaderboard,
    selftest,
    sensitivity,
    data,
    train,
    plot,
    recipe,
    new,
    doctor,
):
    cli.add_command(_command)
