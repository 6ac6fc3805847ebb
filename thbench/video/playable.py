"""Which video files browsers play as they are, frame k at k / 25 s."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from thbench.api import FPS, ClipFailure
from thbench.video.containers import open_media
from thbench.video.pixels import displayed_size, pixel_shape_of
from thbench.video.streams import decoded, packet_spans, video_stream

PROFILES = {"Constrained Baseline", "Baseline", "Main", "High"}
"""Of H.264: what every browser decodes."""
_TOLERANCE = Fraction(1, 1000)
"""Seconds by which a timestamp may be rounded."""


def plays_in_browsers(path: Path, n_frames: int, size: int) -> bool:
    """Whether `path` is an mp4 of `n_frames` square frames at 25 a second, in H.264 (8 bit, 4:2:0) with AAC or no sound.

    Reads all packets, decodes one frame. False also for a file that is missing or damaged.
    """
    if path.suffix.lower() != ".mp4":
        return False
    try:
        with open_media(path) as container:
            stream = video_stream(container)
            if not _has_codecs(container, stream):
                return False
            first = next(decoded(container, stream), None)
            if first is None or displayed_size(first, pixel_shape_of(stream)) != (size, size):
                return False
            if first.rotation or (first.width, first.height) != (size, size):
                return False
        with open_media(path) as container:
            return _is_in_step(packet_spans(container, video_stream(container)), n_frames)
    except ClipFailure:
        return False


def _has_codecs(container: Any, stream: Any) -> bool:
    """One picture and at most one sound, both of a kind that every browser knows."""
    kinds = sorted(s.type for s in container.streams)
    if kinds not in (["video"], ["audio", "video"]):
        return False
    picture = stream.codec_context
    sounds = [s.codec_context.name for s in container.streams if s.type == "audio"]
    known = picture.name == "h264" and picture.pix_fmt == "yuv420p" and picture.profile in PROFILES
    return known and all(name == "aac" for name in sounds)


def _is_in_step(spans: list[tuple[Fraction, Fraction]], n_frames: int) -> bool:
    starts = sorted(start for start, _ in spans)
    if len(starts) != n_frames:
        return False
    return all(abs(s - Fraction(k, FPS)) <= _TOLERANCE for k, s in enumerate(starts))
