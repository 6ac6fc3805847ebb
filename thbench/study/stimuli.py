"""The videos of a study's site: one size, one encoder with one setting, one length per clip, files of equal size."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from thbench.api import FPS, SAMPLES_PER_FRAME, ClipFailure, Engine, Frames, UserError, Waveform
from thbench.controls import mismatched
from thbench.files.atomic import printable, temporary_folder
from thbench.progress import Progress
from thbench.run.folder import Record, VideoFolder
from thbench.study.identifiers import noise
from thbench.study.material import Material
from thbench.video import write_h264
from thbench.video.padding import room_for, write_padded_mp4

CRF = 18
"""As the report's previews: what is compared is the generator, not this encoder."""
SMALLEST = 256
"""Pixels of the shown picture at least: browsers enlarge differently, one cubic enlargement is equal for all."""
_TIME = 1_577_836_800  # 2020-01-01: times of files say nothing of the order they were made in


@dataclass(frozen=True)
class VideoTask:
    """One file: `speech` is the record of the reference whose sound it gets, None for its own."""

    name: str
    folder: VideoFolder
    record: Record
    frames: int
    size: int
    speech: tuple[VideoFolder, Record] | None = None


def shown_size(material: Material) -> int:
    """Pixels of every video's side: the largest resolution, even, at least SMALLEST."""
    largest = max(entry.resolution for entry in material.entries)
    return max(SMALLEST, largest + largest % 2)


def lengths(material: Material, seconds: float) -> dict[str, int]:
    """Clip -> frames that are shown of it, of every entry: the shortest video, `seconds` at most."""
    most = max(1, round(seconds * FPS))
    return {
        clip.id: min(most, *(int(e.records[clip.id]["n_frames"]) for e in material.entries))
        for clip in material.clips
    }


def write_videos(
    tasks: Sequence[VideoTask], out: Path, secret: str, engine: Engine
) -> Mapping[str, int]:
    """Write NAME.mp4 of every task into `out`; returns the bytes of each, which are equal.

    Raises UserError where a video of the run cannot be read.
    """
    ordered = sorted(tasks, key=lambda task: task.name)
    with temporary_folder(out.parent.parent) as work:
        with Progress("videos", len(ordered)) as progress:
            for _, reason in engine.map(partial(_encode, work), ordered):
                if reason:
                    raise UserError(reason, "run the same suite again, it makes what is damaged")
                progress.advance()
        sizes = [(work / f"{task.name}.mp4").stat().st_size for task in ordered]
        size = room_for(sizes)
        for task in ordered:
            path = out / f"{task.name}.mp4"
            write_padded_mp4(path, work / path.name, size, noise(secret, task.name, size))
            os.utime(path, (_TIME, _TIME))
    return dict.fromkeys((task.name for task in ordered), size)


def _encode(work: Path, task: VideoTask) -> str:
    """Empty, or why the video cannot be shown."""
    try:
        video = task.folder.open(task.record)
        audio = _fitted(video.audio, task.frames)
        if task.speech is not None:
            folder, record = task.speech
            changed = mismatched(audio, folder.open(record).audio)
            audio = _fitted(changed.audio, task.frames)
        frames = np.stack([_resized(f, task.size) for f in video.frames[: task.frames]])
        write_h264(work / f"{task.name}.mp4", frames, audio, crf=CRF)
    except ClipFailure as failure:
        return f"{printable(task.folder.path)}: {failure.reason}"
    return ""


def _fitted(audio: Waveform | None, frames: int) -> Waveform:
    """[frames x SAMPLES_PER_FRAME]: cut, or silence after its end; equal tracks of all entries."""
    if audio is None:
        raise ClipFailure("has no sound")
    length = frames * SAMPLES_PER_FRAME
    return np.pad(audio[:length], (0, max(0, length - len(audio))))


def _resized(frame: Frames, size: int) -> Frames:
    """[size, size, 3]: cubic, the same for every entry."""
    import cv2

    if frame.shape[0] == size:
        return frame
    return np.asarray(cv2.resize(frame, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)
