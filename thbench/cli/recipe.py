"""`thbench recipe`: published programs as data files. Imports nothing heavy at start."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thbench.cli.options import device_option
from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.recipes.form import AboutForm

_path = click.Path(path_type=Path)


@click.group()
def recipe() -> None:
    """Published programs: what they need, how they are built, one video to try.

    NAME is a shipped recipe or a .yaml file; `thbench run SUITE --with NAME` adds it to a suite.
    """


@recipe.command(name="list")
def list_recipes() -> None:
    """Shipped recipes: title, framing, environment, whether it is built here."""
    from thbench.files.yamlfile import read_yaml
    from thbench.recipes.built import built_of
    from thbench.recipes.find import find_recipe, recipe_names
    from thbench.recipes.form import about_of

    for name in recipe_names():
        path = find_recipe(name)
        about = about_of(read_yaml(path))
        state = "built" if built_of(path) else "not built"
        if about is not None:
            framing = f"{about.framing.mode}, {about.framing.size} px"
            click.echo(
                f"{name:<16} {about.title:<22} {framing:<22} {about.environment.env:<6} {state}"
            )


@recipe.command()
@click.argument("name")
def show(name: str) -> None:
    """Everything that the recipe NAME says of its program."""
    path, about, systems = _read(name)
    from thbench.recipes.built import built_of

    built = built_of(path)
    for line in described(about, built.root if built else None):
        click.echo(line)
    click.echo(f"\nsystems: {', '.join(systems)} (in {path})")
    click.echo(f"  thbench recipe build {name}" + (f"   [built: {built.root}]" if built else ""))
    click.echo(f"  thbench recipe try {name} IMAGE AUDIO")
    click.echo(f"  thbench run SUITE --with {name}")


@recipe.command()
@click.argument("name")
@click.option("--root", type=_path, help="The program's folder, if it is here [default: cloned].")
@click.option(
    "--lock",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Install exactly what this file pins (requirements of pip, explicit list of conda).",
)
def build(name: str, root: Path | None, lock: Path | None) -> None:
    """Clone the program of NAME at its pinned commit and make its environment, once for each lock.

    What is installed is written to lock.txt beside it. Weights are named with their addresses and
    licences, not downloaded. Exit code 1 while some are missing.
    """
    from thbench.recipes.build import Building, missing_programs
    from thbench.recipes.find import name_of

    path, about, _ = _read(name)
    building = Building(about, path, name_of(path), root, lock)
    built, said = building.run()
    for line in said:
        click.echo(line)
    click.echo(f"python: {built.python}" if built.python else f"image: {built.image}")
    for program in missing_programs(about):
        click.echo(f"missing: {program} is not on the PATH")
    lacking = list(building.missing_weights(Path(built.root)))
    for line in lacking:
        click.echo(f"missing: {line}")
    sys.exit(1 if lacking or missing_programs(about) else 0)


@recipe.command(name="try")
@click.argument("name")
@click.argument("image", type=_path)
@click.argument("audio", type=_path)
@click.option(
    "-o", "--output", type=_path, default=Path("try.mp4"), show_default=True, help="The video."
)
@click.option(
    "--sheet",
    type=_path,
    default=Path("try.html"),
    show_default=True,
    help="How it is framed, .html or .png.",
)
@click.option("--resolution", type=click.IntRange(16, 2048), help="In pixels. [the recipe's]")
@click.option("--seed", type=click.IntRange(0), default=0, help="[0]")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="An option of its system."
)
@device_option
def try_(
    name: str,
    image: Path,
    audio: Path,
    output: Path,
    sheet: Path,
    resolution: int | None,
    seed: int,
    overrides: tuple[str, ...],
    device: str,
) -> None:
    """One video of IMAGE saying AUDIO by the program of NAME, and the sheet that shows its framing.

    Exit code 1 where the face does not lie where it lies in the picture that was given.
    """
    from thbench.alignment.page import write_sheet
    from thbench.alignment.tried import tried
    from thbench.environment import Settings, default_offline
    from thbench.files.yamlfile import read_yaml
    from thbench.generate.single import read_image, read_sound, single_request, square
    from thbench.recipes.find import find_recipe
    from thbench.recipes.form import systems_of

    if sheet.suffix.lower() not in (".html", ".htm", ".png"):
        raise UserError(f"--sheet {sheet}: neither .html nor .png", "e.g. --sheet try.html")
    path = find_recipe(name)
    document = read_yaml(path)
    system, entry = next(iter(systems_of(document).items()), ("", None))
    if not isinstance(entry, dict) or "generator" not in entry:
        raise document.error(
            ("systems",), "names no system with a generator", "see docs/recipes.md"
        )
    entry = _entry(path, entry, overrides)
    size = resolution or int(entry.get("resolution", 256))
    request = single_request(square(read_image(image), size), read_sound(audio), seed)
    settings = Settings(device=device, offline=default_offline())
    row = tried(str(system), entry, request, output, settings, path)
    write_sheet([row], sheet)
    for line in row.said:
        click.echo(line)
    for line in row.beyond:
        click.echo(f"not framed as the picture: {line}")
    click.echo(f"{output}\n{sheet}")
    sys.exit(1 if row.beyond else 0)


def _entry(path: Path, entry: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """The system as the recipe, its build and the command line give it; relative paths are the caller's."""
    from thbench.recipes.built import built_of
    from thbench.suite.overrides import options_from
    from thbench.suite.recipes import completed

    given = options_from(overrides)
    here = {
        k: str(Path(v).absolute()) if k in ("root", "python") and isinstance(v, str) else v
        for k, v in given.items()
    }
    return {**completed(entry, built_of(path)), **here}


def _read(name: str) -> tuple[Path, AboutForm, list[str]]:
    """Raises UserError for a recipe that says nothing of its program."""
    from thbench.files.yamlfile import read_yaml
    from thbench.recipes.find import find_recipe
    from thbench.recipes.form import about_of, systems_of

    path = find_recipe(name)
    document = read_yaml(path)
    about = about_of(document)
    if about is None:
        raise UserError(f"{path} has no section `recipe`", "see docs/recipes.md")
    return path, about, [str(s) for s in systems_of(document)]


def described(about: AboutForm, root: str | None) -> Iterator[str]:
    """Lines for a person."""
    yield f"{about.title}" + (f" ({about.paper})" if about.paper else "")
    yield f"{about.repository} at {about.commit}"
    yield f"licence: {about.licence}"
    yield f"tested: {about.tested}"
    yield "published as:"
    yield from (f"  {line}" for line in about.published.strip().splitlines())
    wanted = about.environment
    yield f"environment: {wanted.env}" + (f", Python {wanted.python}" if wanted.python else "")
    yield from (f"  pip install {' '.join(words)}" for words in wanted.install)
    yield from [f"  conda packages: {' '.join(wanted.packages)}"] if wanted.packages else []
    yield from [f"  from {wanted.file}"] if wanted.file else []
    yield from [f"  needs {', '.join(wanted.needs)}"] if wanted.needs else []
    yield "weights:" if about.weights else "weights: none"
    for item in about.weights:
        there = (
            ""
            if root is None
            else (" [here]" if (Path(root) / item.file).exists() else " [missing]")
        )
        yield f"  {item.file}{there}: {item.url} ({item.licence})"
    yield f"framing: {about.framing.mode}, {about.framing.size} px. {about.framing.note}".rstrip()
    out = about.output
    yield f"output: {out.name}; {out.codec}; {out.fps}; {out.length}"
    seen = about.training
    known = f" [{seen.dataset}: {seen.actors}]" if seen.dataset else ""
    yield f"trained on (declared): {seen.declared}{known}"
    yield "habits:" if about.quirks else "habits: none known"
    yield from (f"  * {line}" for line in about.quirks)
