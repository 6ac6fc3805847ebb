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
from thbench.charts.grid import write_png
from thbench.errors import UserError
from thbench.files.canonical import digest, file_name
from thbench.files.foreign import read_text
from thbench.progress import Progress
from thbench.report.curves import kept_arrays, observation_keys, over_time, shown_curves
from thbench.report.data_files import write_data
from thbench.report.filmstrip import FilmStrip
from thbench.report.looks import Cells, Look
from thbench.report.preview_files import write_preview_files
from thbench.report.run_data import ReportData, ReportRow
from thbench.report.workers import fitting
from thbench.run.folder import Record, VideoFolder
from thbench.video import audio_digest
from thbench.video.sounds import SharedSound

CRF = 18
"""Previews are for looking at mouths: near to what was scored, still small."""
FORM = 3
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
    strip: FilmStrip | None = None


def write_previews(
    material: ReportData,
    clips: Sequence[str],
    strips: Mapping[str, FilmStrip],
    out: Path,
    engine: Engine | None,
) -> list[str]:
    """Everything that is looked at of `clips`: video/ENTRANT/CLIP.mp4, data/clip-CLIP.js, and strips/CLIP.png of `strips`.

    Returns the clips that have players now: those of which the run holds any record.
    """
    tasks = list(_tasks(material, clips, strips))
    sampled = [
        (s.keys, int(s.record["n_frames"]))
        for task in tasks[:: max(1, len(tasks) // SAMPLES)]
        for s in task.shown
        if "failure" not in s.record
    ]
    known = frozenset(over_time(sampled))
    todo = [t for t in tasks if not _is_current(t, known, out)]
    frames = sum(int(s.record.get("n_frames", 0)) for task in todo for s in task.shown)
    with Progress("previews", len(todo)) as progress:
        for _ in fitting(engine, frames).map(partial(write_clip, out, known), todo):
            progress.advance()
    return [task.clip for task in tasks]


def directory_of(entrant: ReportRow) -> str:
    """A folder name for any entrant, at one resolution."""
    return f"{file_name(entrant.name)}-{entrant.resolution}"


def strip_file(clip: str) -> str:
    """Of the film strip, as a path of the report."""
    return f"strips/{file_name(clip)}.png"


def _tasks(
    material: ReportData, clips: Sequence[str], strips: Mapping[str, FilmStrip]
) -> Iterator[PreviewTask]:
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
            yield PreviewTask(clip, tuple(shown), strips.get(clip))


def _key(task: PreviewTask, over: frozenset[tuple[str, str]]) -> str:
    seen = [[s.entrant, s.directory, s.record.get("digest"), dict(s.keys)] for s in task.shown]
    strip = [task.strip.described()] if task.strip else []
    return digest([FORM, CRF, seen, sorted(over), *strip])


def _data_name(clip: str) -> str:
    return f"clip-{file_name(clip)}"


def _is_current(task: PreviewTask, over: frozenset[tuple[str, str]], out: Path) -> bool:
    """Whether the clip's data, written last, names the same videos, arrays and film strip."""
    file = out / "data" / f"{_data_name(task.clip)}.js"
    if task.strip and not (out / strip_file(task.clip)).exists():
        return False
    try:
        return f'"key":"{_key(task, over)}"' in read_text(file, encoding="ascii")
    except UserError:
        return False


def write_clip(out: Path, over: frozenset[tuple[str, str]], task: PreviewTask) -> None:
    """Pictures and previews first, the data that names them last: a stopped report goes on where it was.

    A file with a picture is decoded once and then let go, whoever shares it: most controls are the
    ground truth's picture under another sound.
    """
    entries: dict[int, dict[str, Any]] = {}
    heard: dict[str, SharedSound] = {}
    cells: dict[str, Cells] = {}
    for picture, shown in _by_picture(task.shown).items():
        look = Look(shown[0].folder, shown[0].record)
        entries |= _entries(look, shown, task.clip, out, over, heard)
        if task.strip:
            cells[picture] = Cells(look.cells(task.strip.chosen))
    if task.strip:
        write_png(out / strip_file(task.clip), task.strip.draw(partial(_seen, cells)))
    failed = {s.entrant: s.record["failure"] for s in task.shown if "failure" in s.record}
    entries |= {entrant: {"failure": str(why)} for entrant, why in failed.items()}
    videos = {str(s.entrant): entries[s.entrant] for s in task.shown}
    write_data(out, _data_name(task.clip), {"key": _key(task, over), "videos": videos})


def _by_picture(shown: Sequence[PreviewedVideo]) -> dict[str, list[PreviewedVideo]]:
    found: dict[str, list[PreviewedVideo]] = {}
    for s in shown:
        if "failure" not in s.record:
            found.setdefault(_picture(s.folder, s.record), []).append(s)
    return found


def _picture(folder: VideoFolder, record: Record) -> str:
    return str(folder.run / record["picture"])


def _seen(cells: Mapping[str, Cells], folder: VideoFolder, record: Record) -> Cells | Look:
    """What was taken of a picture; a system that is in no table was not looked at before."""
    return cells.get(_picture(folder, record)) or Look(folder, record)


def _entries(
    look: Look,
    shown: Sequence[PreviewedVideo],
    clip: str,
    out: Path,
    over: frozenset[tuple[str, str]],
    heard: dict[str, SharedSound],
) -> dict[int, dict[str, Any]]:
    """What the clip's data says of entrants that share a picture."""
    name = f"{file_name(clip)}.mp4"
    records = {out / "video" / s.directory / name: (s.folder, s.record) for s in shown}
    failures = write_preview_files(look, records, CRF, heard)
    try:
        curves = shown_curves(look.curves())
    except ClipFailure as failure:
        failures = dict.fromkeys(records, failure.reason)
    found: dict[int, dict[str, Any]] = {}
    for s, path in zip(shown, records, strict=True):
        if path in failures:
            found[s.entrant] = {"failure": failures[path]}
            continue
        n = int(s.record["n_frames"])
        found[s.entrant] = {
            "folder": s.directory,
            "file": name,
            "n": n,
            "size": int(s.record["size"]),
            "sound": s.record["audio_digest"] != audio_digest(None),
            "store": s.record.get("store", ""),
            "curves": curves,
            "arrays": list(kept_arrays(s.keys, n, over)),
        }
    return found
