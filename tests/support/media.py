"""Media files as other programs write them: five dark seconds with one white frame and one click."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FLASH, SECONDS = 2.0, 5.0


def noise(n: int = 12, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def sound(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32768, 32768, n).astype(np.int16)


def flash_frames(fps: Fraction, size: int = 64) -> np.ndarray:
    """5 s of dark frames, one white: the one on screen at FLASH."""
    frames = np.full((int(SECONDS * fps), size, size, 3), 16, np.uint8)
    frames[int(FLASH * fps)] = 240
    return frames


def flash_time(fps: Fraction) -> float:
    return float(int(FLASH * fps) / fps)


def click(at: float, rate: int, channels: int = 1) -> np.ndarray:
    """[channels, samples] int16: silence, and 2 ms of loud noise from `at` on."""
    samples = np.zeros((channels, int(SECONDS * rate)), np.int16)
    burst = np.random.default_rng(3).choice([-30000, 30000], size=rate // 500)
    samples[:, int(at * rate) : int(at * rate) + len(burst)] = burst
    return samples


def write_media(
    path: Path,
    frames: np.ndarray,
    fps: Fraction,
    samples: np.ndarray | None,
    rate: int,
    container: str,
    codecs: tuple[str, str],
    audio_from: float = 0.0,
    video_from: float = 0.0,
    options: dict[str, str] | None = None,
) -> None:
    """A file as other programs would write it; `audio_from` and `video_from` shift a stream's clock."""
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        picture = out.add_stream(codecs[0], rate=fps)
        picture.height, picture.width = frames.shape[1:3]
        picture.pix_fmt = "bgr0" if codecs[0] == "ffv1" else "yuv420p"
        picture.codec_context.time_base = 1 / fps
        picture.codec_context.thread_count = 1
        packets: list[Any] = []
        track = None
        if samples is not None:
            layout = "stereo" if samples.shape[0] == 2 else "mono"
            track = out.add_stream(codecs[1], rate=rate, layout=layout)
            track.codec_context.time_base = Fraction(1, rate)
        for i, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = i + round(video_from * fps), 1 / fps
            packets += picture.encode(frame)
        packets += picture.encode(None)
        if track is not None and samples is not None:
            flat = np.ascontiguousarray(samples.T.reshape(1, -1))
            block = av.AudioFrame.from_ndarray(flat, format="s16", layout=layout)
            block.sample_rate, block.time_base = rate, Fraction(1, rate)
            block.pts = round(audio_from * rate)
            packets += track.encode(block) + track.encode(None)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            out.mux(packet)


def flash_index(frames: np.ndarray) -> int:
    return int(np.argmax(frames.reshape(len(frames), -1).mean(1)))


def click_time(audio: np.ndarray) -> float:
    """When the burst begins: the first sample above half of the loudest."""
    loud = np.abs(audio.astype(np.int64))
    return float(np.argmax(loud > loud.max() / 2)) / 16000


FILES = {
    "mp4 h264 + aac": ("mp4", ("libx264", "aac"), 25, 16000, 1),
    "mp4 h264 + aac, 44.1 kHz stereo": ("mp4", ("libx264", "aac"), 25, 44100, 2),
    "mp4 29.97 fps, 48 kHz": ("mp4", ("libx264", "aac"), Fraction(30000, 1001), 48000, 2),
    "mp4 30 fps": ("mp4", ("libx264", "aac"), 30, 44100, 1),
    "mp4 mpeg4": ("mp4", ("mpeg4", "aac"), 25, 16000, 1),
    "mkv h264 + flac": ("matroska", ("libx264", "flac"), 25, 44100, 2),
    "mkv ffv1 + pcm": ("matroska", ("ffv1", "pcm_s16le"), 50, 16000, 1),
    "mkv h264 + aac": ("matroska", ("libx264", "aac"), 25, 48000, 2),
    "webm vp9 + opus": ("webm", ("libvpx-vp9", "libopus"), 25, 48000, 1),
    "flv flv1 + mp3, 29.97 fps": ("flv", ("flv1", "libmp3lame"), Fraction(30000, 1001), 44100, 2),
    "flv flv1 + mp3, 25 fps": ("flv", ("flv1", "libmp3lame"), 25, 22050, 1),
    "avi mpeg4 + pcm": ("avi", ("mpeg4", "pcm_s16le"), 25, 44100, 2),
    "ts h264 + aac": ("mpegts", ("libx264", "aac"), 25, 48000, 2),
}
