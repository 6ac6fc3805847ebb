"""`thbench generate --generator`: a video of one picture and one sound instead of a suite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from thbench.cli.options import together
from thbench.errors import UserError

if TYPE_CHECKING:
    from thbench.environment import Settings

single_options = together(
    click.option("--generator", metavar="NAME", help="Without SUITE: one video by this generator."),
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
)


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
    from thbench.generate.single import (
        DEFAULT_SIZE,
        generate_single,
        read_image,
        read_sound,
        single_request,
        square,
    )
    from thbench.plugins.discovery import registry

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
