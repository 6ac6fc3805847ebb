"""Options of the commands about folders of videos. Imports nothing heavy at start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thbench.cli.options import together
from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.suite.videos import Asked

NAMES = [
    "videos",
    "references",
    "dataset",
    "metrics",
    "limit",
    "crop",
    "resolution",
    "manifest",
    "actor",
    "pattern",
    "given",
    "overrides",
]

folder_options = together(
    click.option(
        "--videos",
        multiple=True,
        metavar="NAME=DIR",
        help="A folder of videos, scored without a suite file; may be given several times.",
    ),
    click.option(
        "--references",
        "--root",
        "references",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The recordings that they should match, found by name.",
    ),
    click.option(
        "--dataset",
        metavar="NAME",
        help="An installed dataset of references [default: clips, a folder].",
    ),
    click.option(
        "--crop",
        metavar="none|centre|face",
        help="Which square of the references is scored; videos of the same framing go "
        "through the same crop.",
    ),
    click.option(
        "--resolution",
        type=int,
        metavar="N",
        help="Side in pixels at which they are scored [default: that of the videos].",
    ),
    click.option(
        "--manifest",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="CSV or JSON with the columns file, clip, actor of the references.",
    ),
    click.option(
        "--actor",
        metavar="PATTERN",
        help="Whose a reference is, by its name: '{actor}_{clip}'.",
    ),
    click.option(
        "--pattern",
        metavar="PATTERN",
        help="How the files of --videos are named: '{clip}_out.mp4'.",
    ),
)
"""Which videos, which references, and what is made of them: of `score`, `align` and `crop`."""
videos_options = together(
    folder_options,
    click.option(
        "--given",
        type=click.Choice(["image", "recording"]),
        help="With --videos: what they were made from besides speech. Of programs that edit the recording "
        "itself, as Wav2Lip: recording; they are ranked among themselves. [default: image]",
    ),
    click.option(
        "--metrics",
        metavar="A,B",
        help="With --videos: measure these; the first sorts the table. `thbench list` names all.",
    ),
    click.option(
        "--limit", type=click.IntRange(1), metavar="N", help="With --videos: so many clips only."
    ),
)


def asked_of(options: dict[str, Any]) -> Asked:
    """What was typed of `videos_options` and --set."""
    from thbench.suite.videos import Asked

    return Asked(**{name: options[name] for name in NAMES if name in options})


def refuse_without_videos(options: dict[str, Any]) -> None:
    """Flags of --videos beside a suite file would be ignored in silence. Raises UserError."""
    given = [n for n in NAMES if n not in ("videos", "overrides") and options[n] is not None]
    if given:
        raise UserError(f"--{given[0]} belongs to --videos", "a suite's keys are changed by --set")


@contextmanager
def said_in_flags() -> Iterator[None]:
    """Errors about the suite behind --videos name its flags."""
    from thbench.suite.videos import in_flags

    try:
        yield
    except UserError as error:
        raise UserError(in_flags(error.message), in_flags(error.remedy)) from error
