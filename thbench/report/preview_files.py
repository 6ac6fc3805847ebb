"""Videos for browsers: copied where the stored file is one, else encoded once for all that share the picture.

What was encoded is kept by its content, so that another report of the same videos, or of another
run with the same references, encodes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from thbench.api import ClipFailure
from thbench.files.atomic import atomic_write
from thbench.files.cache import Cache, cache_root
from thbench.files.canonical import digest
from thbench.files.foreign import read_bytes
from thbench.report.looks import Look
from thbench.run.folder import Record, VideoFolder
from thbench.video.playable import plays_in_browsers
from thbench.video.sounds import SharedSound, write_h264_under

PRESET = "veryfast"
"""Of x264: files of the size that its default makes, in five eighths of the time; a preview is looked at, not scored."""
KEPT = 8_000_000
"""Bytes of the largest preview that is kept for other reports: minutes of a face."""


def write_preview_files(
    look: Look,
    wanted: Mapping[Path, tuple[VideoFolder, Record]],
    crf: int,
    heard: dict[str, SharedSound],
) -> dict[Path, str]:
    """Write every file of `wanted`, whose records share the picture that `look` sees.

    heard  sounds by their digest, of this clip, which grows: its videos share them
    Returns why there is none, of those that cannot be made.
    """
    failures: dict[Path, str] = {}
    sounds: dict[Path, SharedSound] = {}
    for path, (folder, record) in wanted.items():
        if _write_kept(path, folder, record, crf):
            continue
        try:
            if (known := record["audio_digest"]) not in heard:
                heard[known] = SharedSound(folder.open(record).audio)
            sounds[path] = heard[known]
        except ClipFailure as failure:
            failures[path] = failure.reason
    if not sounds:
        return failures
    try:
        frames = look.video.frames
    except ClipFailure as failure:
        return {**failures, **dict.fromkeys(sounds, failure.reason)}
    write_h264_under(sounds, frames, crf, PRESET)
    for path in sounds:
        _keep(path, wanted[path][1], crf)
    return failures


def _write_kept(path: Path, folder: VideoFolder, record: Record, crf: int) -> bool:
    """Whether the file could be written without encoding."""
    stored = folder.run / record["picture"]
    delivered = str(record.get("store", "")).startswith("delivered h264")
    if delivered and plays_in_browsers(stored, int(record["n_frames"]), int(record["size"])):
        atomic_write(path, read_bytes(stored), durable=False)
        return True
    entry = _cache().get(_key(record, crf))
    if entry is None:
        return False
    atomic_write(path, entry.arrays["mp4"].tobytes(), durable=False)
    return True


def _keep(path: Path, record: Record, crf: int) -> None:
    if path.stat().st_size <= KEPT:
        content = np.frombuffer(read_bytes(path), np.uint8)
        _cache().put(_key(record, crf), arrays={"mp4": content})


def _cache() -> Cache:
    return Cache(cache_root() / "previews")


def _key(record: Record, crf: int) -> str:
    return digest(["preview", crf, PRESET, record["frames_digest"], record["audio_digest"]])
