"""Journal records of stored videos, and what frames must look like to become one."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from thbench import video
from thbench.api import Frames
from thbench.environment import peak_memory_bytes
from thbench.run.folder import Record, VideoFolder


def wrong_frames(frames: Any, size: int) -> str | None:
    if not isinstance(frames, np.ndarray) or frames.ndim != 4 or frames.shape[3] != 3:
        return f"frames of shape {getattr(frames, 'shape', type(frames).__name__)}, [T, {size}, {size}, 3] needed"
    if frames.dtype != np.uint8:
        return f"{frames.dtype} frames, uint8 needed"
    if frames.shape[1:3] != (size, size):
        return f"{frames.shape[2]} x {frames.shape[1]} px frames, {size} x {size} needed"
    return None if len(frames) else "no frame"


def video_record(
    folder: VideoFolder, clip_id: str, picture: Any, frames: Frames, audio: Any, files: list[Any]
) -> Record:
    frames_digest, audio_digest = video.frames_digest(frames), video.audio_digest(audio)
    return {
        "clip": clip_id,
        "digest": video.video_digest(frames_digest, audio_digest),
        "frames_digest": frames_digest,
        "audio_digest": audio_digest,
        "n_frames": len(frames),
        "size": int(frames.shape[1]),
        "picture": folder.relative(picture),
        "sound": None,
        "files": {folder.relative(f): f.stat().st_size for f in files},
    }


def timing_of(clips: list[str], start: float) -> Record:
    return {
        "clips": clips,
        "seconds": round(time.perf_counter() - start, 4),
        "peak_memory": peak_memory_bytes(),
    }
