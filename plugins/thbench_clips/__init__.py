"""Dataset `clips`: any folder of videos, or a manifest that names clips, actors and labels.

    root/anna/hello.mp4     clip anna__hello of actor anna
    root/hello.mp4          clip hello of actor hello: without folders every file is another person

Without a manifest the folder a file lies in names the actor, or the pattern `actor` does. Files become 25 frames per second and
16 kHz by their timestamps. The recipe that makes square pictures of them is `crop`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from thbench.api import Context, Dataset, Missing, Plugin, hookimpl

__all__ = ["ClipsOptions"]


@dataclass(frozen=True)
class ClipsOptions:
    """Where the videos are, and how they become square clips."""

    root: Annotated[Path, "folder of videos, searched with its subfolders"] = Path("clips")
    manifest: Annotated[
        Path | None,
        "CSV or JSON with the columns file, clip, actor and any labels; files under root",
    ] = None
    actor: Annotated[
        str | None,
        "whose clip a file is, a pattern for its path without suffix: '{actor}_{clip}', "
        "'{actor}/{clip}'; without it the folder that it lies in",
    ] = None
    crop: Annotated[
        Literal["none", "centre", "face"],
        "none: pictures are square already; centre: middle square; face: one steady square per clip "
        "around the head",
    ] = "none"
    max_seconds: Annotated[
        float | None, "longer clips are cut to their first so many seconds", Field(gt=0)
    ] = None
    min_frames: Annotated[int, "shorter clips fail, at 25 frames per second", Field(ge=1)] = 2
    max_missing: Annotated[
        float, "crop face: largest share of frames without a face, 0..1", Field(ge=0, le=1)
    ] = 0.2

    def __post_init__(self) -> None:
        if self.actor is not None:
            from thbench_clips.actors import check_pattern

            check_pattern(self.actor)


def missing(options: ClipsOptions) -> Sequence[Missing]:
    """The folder or the manifest, where they are not there."""
    lacking = []
    if not options.root.is_dir():
        lacking.append(Missing(f"folder of videos {options.root}", "--set dataset.root=FOLDER"))
    if options.manifest is not None and not options.manifest.is_file():
        lacking.append(Missing(f"manifest {options.manifest}", "--set dataset.manifest=FILE"))
    return lacking


def _build(options: ClipsOptions, context: Context) -> Dataset:
    from thbench_clips.dataset import ClipsDataset

    return ClipsDataset(options, context)


@hookimpl
def thbench_datasets() -> Iterable[Plugin[Dataset, ClipsOptions]]:
    return [
        Plugin(
            "clips",
            ClipsOptions,
            _build,
            summary="a folder of videos of any size, frame rate and sample rate",
            missing=missing,
            weights=lambda options: ["yunet"] if options.crop == "face" else [],
        )
    ]
