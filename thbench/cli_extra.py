"""Commands for people who add things: `new`, `doctor`, plugin checks, one picture and one sound.

Imports nothing heavy at start.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.environment import Settings

Command = Callable[..., Any]


@click.group()
def new() -> None:
    """Write a complete plugin package to start from."""


def _into(command: Command) -> Command:
    option = click.option(
        "--into",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The new folder [default: NAME].",
    )
    return option(command)


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


def _write(kind: Any, name: str, into: Path | None, use: str) -> None:
    from thbench.scaffold import write_package

    folder = write_package(kind, name, into)
    click.echo(f"{folder}: a {kind} that works. Next:")
    for line in (f"pip install -e {folder}", f"thbench check {name}", use):
        click.echo(f"  {line}")


@click.command()
@click.argument("suite", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As for run.")
def doctor(suite: str | None, as_json: bool, overrides: tuple[str, ...]) -> None:
    """Look this installation over, and what SUITE lacks with the command for each thing.

    Exit code 1 where something is broken, or missing for SUITE.
    """
    from thbench.doctor import as_text, examine, is_broken
    from thbench.environment import Settings, default_offline
    from thbench.plugins import registry
    from thbench.suite import find_suite, load_suite

    loaded = load_suite(find_suite(suite), registry(), overrides) if suite else None
    findings = examine(registry(), Settings(offline=default_offline()), loaded)
    text = json.dumps([asdict(f) for f in findings], indent=1) if as_json else as_text(findings)
    click.echo(text)
    sys.exit(1 if is_broken(findings) else 0)


# -- thbench check NAME ---------------------------------------------------------------------------


def check_options(command: Command) -> Command:
    """What only the check of a plugin needs."""
    options = [
        click.option("--on", metavar="SUITE", help="Check a plugin on another suite's clips."),
        click.option("--size", type=click.IntRange(16), help="... at so many pixels."),
        click.option("--frames", type=click.IntRange(1), help="... with so many frames."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def is_plugin(name: str) -> bool:
    """Whether NAME of `thbench check` means a plugin; a suite of that name goes first.

    Raises UserError for a name that is neither.
    """
    from difflib import get_close_matches

    from thbench.plugins import registry
    from thbench.suite import benchmarks_folder, find_suite

    try:
        find_suite(name)
    except UserError as error:
        plain = name.partition("@")[0].partition(":")[0]
        names = sorted({r.plugin.name for r in registry()})
        if plain in names:
            return True
        if broken := registry().is_broken(plain):
            raise UserError(f"plugin {broken.owner} failed: {broken.reason}", "mend it") from None
        suites = [p.stem for p in benchmarks_folder().glob("*.yaml")]
        near = get_close_matches(plain, [*suites, *names], n=1)
        hint = f"did you mean '{near[0]}'?" if near else "`thbench list` shows all"
        raise UserError(f"{error.message}, and no plugin of that name", hint) from None
    return False


def check_plugin(
    name: str, given: Sequence[str], on: str | None, size: int | None, frames: int | None
) -> None:
    """Run the conformance suite and print every check. Exits with 1 if one fails."""
    from thbench.plugins import registry
    from thbench.single import options_from
    from thbench.testing import KINDS, checks_for, run_checks
    from thbench.testing.material import SUITE

    plain = name.partition("@")[0].partition(":")[0]
    kinds = [k for k in KINDS if plain in registry().names(k)]
    if not kinds:
        kind = next(r.kind for r in registry() if r.plugin.name == plain)
        raise UserError(f"{kind} '{plain}' has no conformance suite", f"only {', '.join(KINDS)}s")
    failed = 0
    for kind in kinds:
        click.echo(f"{kind} {name}")
        checks = checks_for(
            kind, name, options_from(given), suite=on or SUITE, size=size, frames=frames
        )
        for outcome in run_checks(checks):
            failed += outcome.error is not None
            mark = "failed" if outcome.error else "ok"
            click.echo(f"  {mark:<7} {outcome.seconds:6.2f} s  {outcome.title}")
            if outcome.error:
                click.echo(f"          {outcome.error}")
    click.echo(f"{failed} check(s) failed" if failed else "all checks hold")
    sys.exit(1 if failed else 0)


# -- thbench generate --generator -----------------------------------------------------------------


def single_options(command: Command) -> Command:
    """What makes a video of one picture and one sound instead of a suite."""
    options = [
        click.option(
            "--generator", metavar="NAME", help="Without SUITE: one video by this generator."
        ),
        click.option("--image", type=click.Path(path_type=Path), help="... of this picture."),
        click.option(
            "--audio", type=click.Path(path_type=Path), help="... saying this sound or video."
        ),
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            help="... written here: .mp4 for people, .mkv without loss.",
        ),
        click.option(
            "--resolution", type=click.IntRange(16, 2048), help="... at so many pixels. [128]"
        ),
        click.option(
            "--crop", metavar="X,Y,SIDE", help="... of this square. [the largest in the middle]"
        ),
        click.option("--seed", type=click.IntRange(0), default=0, help="... with this seed. [0]"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def run_single(
    generator: str,
    image: Path | None,
    audio: Path | None,
    output: Path | None,
    resolution: int | None,
    crop: str | None,
    seed: int,
    given: Sequence[str],
    settings: Settings,
) -> None:
    """Make the video and print where it lies. Raises UserError."""
    from thbench.plugins import registry
    from thbench.single import (
        DEFAULT_SIZE,
        generate_single,
        read_image,
        read_sound,
        single_request,
        square,
    )

    if image is None or audio is None or output is None:
        raise UserError("--generator needs --image, --audio and -o", "give all three")
    frame = square(read_image(image), resolution or DEFAULT_SIZE, _crop(crop))
    request = single_request(frame, read_sound(audio), seed)
    click.echo(generate_single(generator, given, request, output, registry(), settings))


def _crop(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        x, y, side = (int(word) for word in text.split(","))
    except ValueError:
        raise UserError(f"--crop {text}: not X,Y,SIDE", "e.g. --crop 40,0,256") from None
    return x, y, side
