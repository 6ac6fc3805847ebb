"""The commands that look at framing: `align` and `crop`. Imports nothing heavy at start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from thbench.cli.options import set_option, together
from thbench.cli.videos import asked_of, folder_options, said_in_flags
from thbench.errors import UserError

_SIDE = 128  # pixels of squares without videos to follow
_folders = together(
    folder_options,
    set_option,
    click.option(
        "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes."
    ),
)


@click.command()
@_folders
@click.option(
    "--clips",
    type=click.IntRange(1),
    default=12,
    show_default=True,
    metavar="N",
    help="So many clips, chosen as limits.clips chooses.",
)
@click.option("--all", "every", is_flag=True, help="Every clip.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("alignment.html"),
    show_default=True,
    help="The sheet, .html or .png.",
)
def align(clips: int, every: bool, workers: int, out: Path, **options: Any) -> None:
    """Show which square of every video would be scored, next to its reference's, before scoring.

    Ends with exit code 1 where a clip is not framed as its reference or cannot be read.
    """
    if not options["videos"]:
        raise UserError("align needs --videos NAME=DIR", "e.g. --videos mine=outputs")
    if out.suffix.lower() not in (".html", ".htm", ".png"):
        raise UserError(f"--out {out}: neither .html nor .png", "e.g. --out alignment.html")
    from thbench.alignment.page import summary, write_sheet
    from thbench.alignment.placed import placed_videos
    from thbench.alignment.sheet import sheet
    from thbench.engines import engine_for
    from thbench.environment import Settings, default_offline

    settings = Settings(offline=default_offline())
    engine, limit = engine_for(workers, settings), None if every else clips
    with said_in_flags(), placed_videos(asked_of(options), settings, engine, limit) as placed:
        rows = list(sheet(placed))
    write_sheet(rows, out)
    for row in rows:
        if row.beyond:
            click.echo(f"{row.system}: {row.clip}: {'; '.join(row.beyond)}")
    click.echo(f"{summary(rows)}: {out}")
    if any(row.beyond for row in rows):
        sys.exit(1)


@click.command()
@_folders
@click.option("--lossless", is_flag=True, help="FFV1 and FLAC in .mkv instead of H.264 in .mp4.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("cropped"),
    show_default=True,
    help="Folder: references/, one folder per --videos, squares.csv.",
)
def crop(lossless: bool, workers: int, out: Path, **options: Any) -> None:
    """Write the squares that thbench scores, and the references and videos cut to them, for use elsewhere.

    At 25 frames per second with sound at 16 kHz, as everything is scored.
    """
    from thbench.alignment.placed import placed_videos, write_crops
    from thbench.engines import engine_for
    from thbench.environment import Settings, default_offline

    settings = Settings(offline=default_offline())
    if not options["videos"]:
        options["resolution"] = options["resolution"] or _SIDE
    engine = engine_for(workers, settings)
    with said_in_flags(), placed_videos(asked_of(options), settings, engine) as placed:
        for line in write_crops(placed, out, lossless):
            click.echo(line)
    click.echo(f"{out / 'squares.csv'}")
