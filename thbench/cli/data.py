"""`thbench data`: bring a dataset's media onto this machine, check and prepare them.

The commands work for every dataset that offers them (api.Fetchable). Which clips they are about is
said by a suite: the shipped one of the dataset's name, or any other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click

from thbench.cli.options import device_option, together

if TYPE_CHECKING:
    from thbench.api import Clip, DataReport, Dataset, Fetchable

_SIZE, _SHEET = 64, 256
"""Pixels at which clips are tried, and drawn."""
_SHOWN = 20
"""Problems told one by one; the lines above them count all."""
PARTS = ("test", "validation", "train", "all")
Part: TypeAlias = Literal["test", "validation", "train", "all"]


@click.group()
def data() -> None:
    """Fetch, verify, prepare and look at the media of a dataset."""


_where_options = together(
    click.option(
        "--root", type=click.Path(path_type=Path), help="Where the media lie; used in place."
    ),
    click.option(
        "--manifest", type=click.Path(path_type=Path), help="Hashes of other media files."
    ),
    click.option("--suite", metavar="SUITE", help="The suite that says which clips."),
    click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As for `thbench run`."
    ),
)


_data_command = together(
    click.argument("dataset"),
    _where_options,
    click.option(
        "--split",
        "part",
        type=click.Choice(PARTS),
        help="Which clips of the suite's split.  [default: test; all with --manifest]",
    ),
    click.option("--clip", "ids", multiple=True, metavar="ID", help="Only this clip."),
)


@data.command()
@_data_command
@click.option("--mirror", metavar="URL", help="Fetch from here instead of the public addresses.")
@click.option(
    "--connections",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="Downloads at a time.",
)
@click.option(
    "--accept-licence",
    is_flag=True,
    help="You have read the licence of the weights that `prepare` uses and may use them.",
)
def fetch(mirror: str | None, connections: int, accept_licence: bool, **options: Any) -> None:
    """Download the media of DATASET that are not here, each checked against its SHA-256.

    The weights that `prepare` uses come with them. Running the command again continues it, inside a
    file too.
    """
    dataset, clips = _chosen(**options)
    account = dataset.fetch(clips, mirror, connections)
    lacking = _fetch_weights(dataset.weights, accept_licence)
    _tell(replace(account, problems=[*account.problems, *lacking]))


def _fetch_weights(names: Sequence[str], accept_licence: bool) -> Iterator[str]:
    """Bring the weights of these names; yields why one is not here."""
    from thbench.api import UserError
    from thbench.plugins.discovery import registry
    from thbench.plugins.weights import fetch

    items = registry().weights()
    for name in names:
        try:
            fetch(name, items, accept_licence=accept_licence, progress=True)
        except UserError as error:
            yield str(error)


@data.command()
@_data_command
def verify(**options: Any) -> None:
    """Read all media of DATASET and name what is missing or not as published. Exit code 1 if any.

    Of a dataset without published media, a folder of your own say, every clip is loaded as a run would.
    """
    from thbench.api import Fetchable
    from thbench.progress import shown
    from thbench.suite.clips import load_all

    dataset, clips = _chosen_of_any(**options)
    if isinstance(dataset, Fetchable):
        _tell(dataset.verify(clips))
    else:
        _tell(load_all(dataset, shown("load", clips, len(clips)), _SIZE))


@data.command()
@_data_command
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@device_option
def prepare(workers: int, device: str, **options: Any) -> None:
    """Make of DATASET's media what runs read. Running the command again continues it."""
    from thbench.engines import engine_for
    from thbench.engines.shown import Shown
    from thbench.environment import Settings

    dataset, clips = _chosen(device=device, **options)
    _tell(dataset.prepare(clips, Shown(engine_for(workers, Settings(device)), "prepare")))


@data.command()
@click.argument("dataset")
@click.argument("clip")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="Picture to write (PNG)."
)
@_where_options
def show(clip: str, out: Path, **options: Any) -> None:
    """Write a picture of one CLIP of DATASET as runs read it, with its annotations."""
    from thbench.api import ClipFailure, Fetchable, UserError
    from thbench.charts.contact import contact_sheet
    from thbench.charts.grid import write_png

    dataset, clips = _chosen_of_any(part="all", ids=(clip,), **options)
    if isinstance(dataset, Fetchable):
        dataset.show(clips[0], out)
    else:
        try:
            write_png(out, contact_sheet(dataset.load(clips[0], _SHEET)))
        except ClipFailure as failure:
            raise UserError(f"{clip}: {failure.reason}", "fix it, or choose another") from None
    click.echo(str(out))


def _tell(account: DataReport) -> None:
    for line in account.lines:
        click.echo(line)
    for problem in account.problems[:_SHOWN]:
        click.echo(f"problem: {problem}", err=True)
    if (rest := len(account.problems) - _SHOWN) > 0:
        click.echo(f"... and {rest} more problems", err=True)
    if account.problems:
        sys.exit(1)


def _chosen(**options: Any) -> tuple[Fetchable, Sequence[Clip]]:
    """The same of a dataset that has data commands. Raises UserError for others."""
    from thbench.suite.clips import as_fetchable

    built, clips = _chosen_of_any(**options)
    return as_fetchable(built, options["dataset"]), clips


def _chosen_of_any(
    dataset: str,
    root: Path | None,
    manifest: Path | None,
    suite: str | None,
    overrides: tuple[str, ...],
    part: Part | None = None,
    ids: tuple[str, ...] = (),
    device: str = "cpu",
) -> tuple[Dataset, Sequence[Clip]]:
    """The dataset, and the clips a command is about; says how many and what is excluded."""
    from thbench.suite.clips import built as build
    from thbench.suite.clips import clips_of_names, clips_of_part, reduced_suite

    where = {"root": root, "manifest": manifest}
    chosen = reduced_suite(dataset, suite, overrides, where)
    built, clips = build(chosen, device)
    if ids:
        return built, clips_of_names(clips, ids, dataset)
    selected, notes = clips_of_part(chosen, clips, part or ("all" if manifest else "test"))
    for note in notes:
        click.echo(note)
    return built, selected
