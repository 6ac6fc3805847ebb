"""What players load of one clip: an H.264 preview per entrant, curves, and arrays of metrics.

The lossless store is what was scored; a preview is the same frames, one for one, for browsers. A
clip whose videos and observations have not changed is not made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from thbench.api import ClipFailure, Engine
from thbench.engines.progress import Progress
from thbench.errors import UserError
from thbench.files.canonical import digest, file_name
from thbench.files.foreign import read_text
from thbench.report.curves import curves_of, kept_arrays, observation_keys, over_time
from thbench.report.data_files import write_data
from thbench.report.run_data import ReportData, ReportRow
from thbench.run.folder import Record, VideoFolder
from thbench.video import write_h264

CRF = 18
"""Previews are for looking at mouths: near to what was scored, still small."""
FORM = 2
"""Raised when the files of a clip change, so that older ones are made again."""
SAMPLES = 8
"""Clips looked at to tell which arrays run over time."""


@dataclass(frozen=True)
class PreviewedVideo:
    """One entrant's video of a clip, or why there is none, and where its observations lie."""

    entrant: int
    folder: VideoFolder
    directory: str
    record: Record
    keys: Mapping[str, str]


@dataclass(frozen=True)
class PreviewTask:
    clip: str
    shown: tuple[PreviewedVideo, ...]


def write_previews(
    material: ReportData, clips: Sequence[str], out: Path, engine: Engine
) -> list[str]:
    """Everything that players load of `clips`: video/ENTRANT/CLIP.mp4 and data/clip-CLIP.js.

    Returns the clips that have players now: those of which the run holds any record.
    """
    tasks = list(_tasks(material, clips))
    sampled = [
        (s.keys, int(s.record["n_frames"]))
        for task in tasks[:: max(1, len(tasks) // SAMPLES)]
        for s in task.shown
        if "failure" not in s.record
    ]
    known = frozenset(over_time(sampled))
    todo = [t for t in tasks if not _is_current(t, known, out)]
    with Progress("previews", len(todo)) as progress:
        for _ in engine.map(partial(write_clip, out, known), todo):
            progress.advance()
    return [task.clip for task in tasks]


def directory_of(entrant: ReportRow) -> str:
    """A folder name for any entrant, at one resolution."""
    return f"{file_name(entrant.name)}-{entrant.resolution}"


def _tasks(material: ReportData, clips: Sequence[str]) -> Iterator[PreviewTask]:
    held = []
    for i, e in enumerate(material.entrants):
        if e.folder is not None:
            held.append((i, e, e.folder.stored(), observation_keys(e.folder)))
    for clip in clips:
        shown = []
        for i, e, records, keys in held:
            record = records.get(clip)
            if record is not None and e.folder is not None:
                of_clip = {m: k[clip] for m, k in keys.items() if clip in k}
                shown.append(PreviewedVideo(i, e.folder, directory_of(e), record, of_clip))
        if shown:
            yield PreviewTask(clip, tuple(shown))


def _key(task: PreviewTask, over: frozenset[tuple[str, str]]) -> str:
    seen = [[s.entrant, s.directory, s.record.get("digest"), dict(s.keys)] for s in task.shown]
    return digest([FORM, CRF, seen, sorted(over)])


def _data_name(clip: str) -> str:
    return f"clip-{file_name(clip)}"


def _is_current(task: PreviewTask, over: frozenset[tuple[str, str]], out: Path) -> bool:
    """Whether the clip's data, written last, names the same videos and arrays."""
    file = out / "data" / f"{_data_name(task.clip)}.js"
    try:
        return f'"key":"{_key(task, over)}"' in read_text(file, encoding="ascii")
    except UserError:
        return False


def write_clip(out: Path, over: frozenset[tuple[str, str]], task: PreviewTask) -> None:
    """Previews first, the data that names them last: a stopped report goes on where it was."""
    data = {
        "key": _key(task, over),
        "videos": {str(s.entrant): _entry(s, task.clip, out, over) for s in task.shown},
    }
    write_data(out, _data_name(task.clip), data)


def _entry(
    shown: PreviewedVideo, clip: str, out: Path, over: frozenset[tuple[str, str]]
) -> dict[str, Any]:
    record = shown.record
    if "failure" in record:
        return {"failure": str(record["failure"])}
    video = shown.folder.open(record)
    try:
        frames, audio = video.frames, video.audio
    except ClipFailure as failure:
        return {"failure": failure.reason}
    name = f"{file_name(clip)}.mp4"
    write_h264(out / "video" / shown.directory / name, frames, audio, crf=CRF)
    return {
        "folder": shown.directory,
        "file": name,
        "n": len(frames),
        "size": int(frames.shape[1]),
        "sound": audio is not None,
        "store": record.get("store", ""),
        "curves": curves_of(frames),
        "arrays": list(kept_arrays(shown.keys, len(frames), over)),
    }
