"""Decode, encode, audio, digests: the only module that opens media. PyAV is imported when it is used."""

from __future__ import annotations

from thbench.video.clock import at_constant_rate
from thbench.video.digests import annotations_digest, audio_digest, frames_digest, video_digest
from thbench.video.reader import MediaReader, decode_count, read_lossless, read_wav
from thbench.video.stored import Cut, MemoryVideo, StoredVideo, Watched
from thbench.video.writer import through_h264, write_h264, write_lossless, write_wav

__all__ = [
    "Cut",
    "MediaReader",
    "MemoryVideo",
    "StoredVideo",
    "Watched",
    "annotations_digest",
    "at_constant_rate",
    "audio_digest",
    "decode_count",
    "frames_digest",
    "read_lossless",
    "read_wav",
    "through_h264",
    "video_digest",
    "write_h264",
    "write_lossless",
    "write_wav",
]
