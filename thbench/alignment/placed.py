"""Looking at where videos lie before they are scored, and cutting them for use elsewhere.

Both make references and answers exactly as a run does, in a folder that is removed afterwards, so that
what is shown is what would be scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from thbench.api import Engine, UserError
from thbench.environment import Settings
from thbench.files.atomic import atomic_write, temporary_folder
from thbench.files.canonical import file_name
from thbench.pipeline import run_generate
from thbench.plugins import registry
from thbench.results.clips import clips_text
from thbench.run.folder import Record, VideoFolder
from thbench.run.job import Job
from thbench.run.plan import job_for, lacks
from thbench.suite import Suite
from thbench.suite.split import Split, split_of
from thbench.suite.videos import Asked, videos_suite
from thbench.video import write_h264, write_lossless


@dataclass(frozen=True)
class Placed:
    """What was made of a dataset and of folders of videos; folders exist while the block lasts."""

    job: Job
    suite: Suite
    split: Split

    def references(self, size: int) -> Mapping[str, Record]:
        return self.job.run.references(size).records()


@contextmanager
def placed_videos(
    asked: Asked, settings: Settings, engine: Engine, clips: int | None = None
) -> Iterator[Placed]:
    """References and answers of a run without its scores. Raises UserError for what is missing."""
    suite = _without_scores(asked, clips)
    if missing := lacks(suite, settings):
        first = missing[0].missing
        raise UserError(f"{missing[0].who} lacks {first.what}", first.command)
    with temporary_folder() as folder:
        job = job_for(suite, folder, settings)
        split = split_of(suite, settings)
        with job.run.locked():
            run_generate(job, split, engine)
        yield Placed(job, suite, split)


def _without_scores(asked: Asked, clips: int | None) -> Suite:
    """The suite of `score --videos` of so many clips, without its metrics and controls. Raises UserError."""
    more = ["controls=[]", "metrics=[]", "primary=null"]
    if asked.resolution is not None:
        more.append(f"resolutions=[{asked.resolution}]")
    given = (*asked.overrides, *more)
    return videos_suite(registry(), replace(asked, limit=clips, overrides=given))[0]


# -- cutting for use elsewhere ------------------------------------------------------------------

SQUARES = ("clip", "left", "top", "side", "width", "height", "kept_at", "failure")


def write_crops(placed: Placed, out: Path, lossless: bool = False) -> list[str]:
    """references/CLIP.mp4, NAME/CLIP.mp4 for every folder of videos, and squares.csv.

    Returns a line for each folder. Raises UserError where the disk refuses.
    """
    said = []
    for size in placed.suite.resolutions:
        folder = placed.job.run.references(size)
        records = {c.id: placed.references(size)[c.id] for c in placed.split.clips}
        atomic_write(
            out / "squares.csv", clips_text(SQUARES, [_square_line(r) for r in records.values()])
        )
        said.append(_write_all(folder, records, out / "references", lossless))
    for system in placed.suite.systems:
        folder = placed.job.run.system(system.name)
        said.append(_write_all(folder, folder.records(), out / system.name, lossless))
    return said


def _square_line(record: Record) -> dict[str, object]:
    frame = dict(record.get("frame") or {})
    via = frame.pop("via", None)
    return {"clip": record["clip"], **frame, "kept_at": via, "failure": record.get("failure")}


def _write_all(
    folder: VideoFolder, records: Mapping[str, Record], out: Path, lossless: bool
) -> str:
    written, failures = 0, []
    for clip, record in sorted(records.items()):
        if reason := record.get("failure"):
            failures.append(f"{clip}: {reason}")
            continue
        video = folder.open(record)
        audio = video.audio if video.audio is not None and len(video.audio) else None
        name = file_name(clip)
        if lossless:
            write_lossless(out / f"{name}.mkv", video.frames, audio)
        else:
            write_h264(out / f"{name}.mp4", video.frames, audio, crf=10)
        written += 1
    return "\n  ".join([f"{out}: {written} videos, {len(failures)} failed", *failures])
