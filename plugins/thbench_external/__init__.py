"""Generators outside thbench: `folder` takes videos that somebody rendered already, `command` calls
a program in its own environment (docs/command.md).

    - name: mine
      generator: folder
      options: {root: outputs, frame_rate: resample, length: trim}

A video is found by its clip's id; see `pattern`. What is delivered as it is, is scored on its own
picture, sound and codec; only what an option allows to be changed is decoded and stored losslessly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from thbench.api import Context, Crop, Generator, Missing, Plugin, hookimpl
from thbench_external.command_options import CommandOptions, missing

__all__ = ["FolderOptions"]


@dataclass(frozen=True)
class FolderOptions:
    """Where the videos are, what may be changed on them, and what their maker was trained on."""

    root: Annotated[Path, "folder of the videos"] = Path("videos")
    pattern: Annotated[
        str,
        "path under root with {clip} for the clip's id; without a suffix any known one is taken, and "
        "`__` of an id may also be a folder",
    ] = "{clip}"
    frame_rate: Annotated[
        Literal["strict", "resample"],
        "strict: other than 25 frames per second fails; resample: converted by timestamps",
    ] = "strict"
    length: Annotated[
        Literal["strict", "trim"],
        "strict: another frame count fails; trim: longer is cut, shorter is compared with the same "
        "span of the reference",
    ] = "strict"
    size: Annotated[
        Literal["strict", "resample"],
        "strict: another size fails; resample: pictures are resized (area down, bicubic up)",
    ] = "strict"
    crop: Annotated[
        Crop,
        "as-reference: a video with its recording's framing is cut to its reference's square, one that "
        "is that square already is taken as it is; own-face: a square around the video's own face, by "
        "the rule of dataset clips; none: always as it is",
    ] = "as-reference"
    sound: Annotated[
        Literal["own", "request"],
        "own: the file's track, none if it has none; request: the speech the video was asked for",
    ] = "own"
    trained_on: Annotated[
        str | None, "data set of the generator's training; unknown without it"
    ] = None
    trained_actors: Annotated[tuple[str | int, ...], "actors of that data set in its training"] = ()
    trained_actors_file: Annotated[Path | None, "text file with more of them, one a line"] = None

    def __post_init__(self) -> None:
        if "{clip}" not in self.pattern:
            raise ValueError(f"pattern {self.pattern!r} lacks {{clip}}")
        if Path(self.pattern).is_absolute() or ".." in Path(self.pattern).parts:
            raise ValueError(f"pattern {self.pattern!r} leaves the root")
        named = bool(self.trained_actors) or self.trained_actors_file is not None
        if named and self.trained_on is None:
            raise ValueError("trained actors need `trained_on`, the data set they belong to")
        if self.trained_on is not None and not named:
            raise ValueError(
                "trained_on needs trained_actors or trained_actors_file: without actors it would "
                "read as having seen none"
            )


def _missing(options: FolderOptions) -> Sequence[Missing]:
    lacking = []
    if not options.root.is_dir():
        lacking.append(
            Missing(f"folder of generated videos {options.root}", "--set systems.NAME.root=FOLDER")
        )
    actors = options.trained_actors_file
    if actors is not None and not actors.is_file():
        lacking.append(
            Missing(f"list of actors {actors}", "--set systems.NAME.trained_actors_file=FILE")
        )
    return lacking


def _unused_files(options: FolderOptions, clip_ids: Sequence[str]) -> Sequence[str]:
    from thbench_external.unused import unused_files

    return unused_files(options.root, options.pattern, clip_ids)


def _folder(options: FolderOptions, context: Context) -> Generator:
    from thbench_external.folder import FolderGenerator

    return FolderGenerator(options, context)


@hookimpl
def thbench_generators() -> Iterable[
    Plugin[Generator, FolderOptions] | Plugin[Generator, CommandOptions]
]:
    return [
        Plugin(
            "folder",
            FolderOptions,
            _folder,
            summary="videos rendered before, found by clip id",
            version="2",
            missing=_missing,
            weights=lambda o: ["yunet"] if o.crop == "own-face" else [],
            unused_files=_unused_files,
        ),
        COMMAND,
    ]


def _command(options: CommandOptions, context: Context) -> Generator:
    from thbench_external.command import CommandGenerator

    return CommandGenerator(options, context)


COMMAND: Plugin[Generator, CommandOptions] = Plugin(
    "command",
    CommandOptions,
    _command,
    summary="any program in its own environment, called per clip or per batch",
    version="2",
    missing=missing,
    weights=lambda o: ["yunet"] if o.crop == "own-face" else [],
)
