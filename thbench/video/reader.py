"""Reading video files: frames and sound on one clock whose zero is the first video frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from thbench.api import FPS, ClipFailure, Frames, MediaInfo, Recording, Waveform
from thbench.video.containers import open_media
from thbench.video.pixels import to_rgb
from thbench.video.sound import canonical_audio
from thbench.video.streams import (
    LONGEST_GAP,
    decoded,
    find_stream,
    frame_rate,
    nearest,
    packet_spans,
    start_of,
    video_stream,
)

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

T = TypeVar("T")

_opened = 0


def decode_count() -> int:
    """How many times this process has opened a file to decode it; tests assert that it stood still."""
    return _opened


class MediaReader:
    """The one reader of media files (api.Media). Every failure is a ClipFailure naming the file.

    `threads` of the decoder; the pixels do not depend on it.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def probe(self, path: Path) -> MediaInfo:
        """Codecs, size as displayed, rate and length. Reads all packets, decodes one frame."""
        width, height = self._displayed_size(path)
        with open_media(path) as container:
            video, audio = video_stream(container), find_stream(container, "audio")
            spans = packet_spans(container, video)
            if not spans:
                raise ClipFailure("no video frames")
            return MediaInfo(
                video_codec=video.codec_context.name,
                width=width,
                height=height,
                fps=frame_rate(video),
                n_frames=len(spans),
                duration=float(max(e for _, e in spans) - min(s for s, _ in spans)),
                audio_codec=audio.codec_context.name if audio else None,
                sample_rate=audio.codec_context.sample_rate if audio else None,
            )

    def _displayed_size(self, path: Path) -> tuple[int, int]:
        with open_media(path) as container:
            first = next(decoded(container, video_stream(container)), None)
            if first is None:
                raise ClipFailure("no video frames")
            turned = first.rotation % 180 != 0
            return (first.height, first.width) if turned else (first.width, first.height)

    def frames(self, path: Path, fps: float | None = FPS) -> Iterator[Frames]:
        """[H, W, 3] uint8 RGB one by one; at `fps` frame k shows what is on screen nearest to k / fps.

        None delivers every stored frame once. Raises ClipFailure, possibly after some frames.
        """
        with open_media(path, self.threads) as container:
            _count_decode()
            stamped = _stamped(container, video_stream(container))
            shown: Iterator[VideoFrame]
            if fps is None:
                shown = (frame for _, _, frame in stamped)
            else:
                shown = at_constant_rate(stamped, Fraction(fps).limit_denominator(1001))
            yield from _as_rgb(shown)

    def audio(self, path: Path) -> Waveform | None:
        """[samples] int16 mono 16 kHz; sample 0 sounds with the first video frame.

        Earlier sound is cut off, a later start is padded with silence. A file without pictures
        (wav) keeps its own start. None without an audio track.
        """
        with open_media(path) as container:
            video, audio = find_stream(container, "video"), find_stream(container, "audio")
            if audio is None:
                return None
            _count_decode()
            return canonical_audio(container, video, audio)

    def read(self, path: Path, fps: float | None = FPS) -> Recording:
        """All frames and the sound of a file."""
        frames = list(self.frames(path, fps))
        return Recording(np.stack(frames), self.audio(path), fps or self._stored_rate(path))

    def write_lossless(self, path: Path, frames: Frames, audio: Waveform | None) -> None:
        """FFV1 and FLAC in Matroska, see `thbench.video.writer.write_lossless`."""
        from thbench.video.writer import write_lossless

        write_lossless(path, frames, audio)

    def _stored_rate(self, path: Path) -> float:
        with open_media(path) as container:
            return float(frame_rate(video_stream(container)) or FPS)


# -- frames on a clock --------------------------------------------------------------------------


def at_constant_rate(stamped: Iterable[tuple[Fraction, Fraction, T]], fps: Fraction) -> Iterator[T]:
    """Items (start, duration in seconds, item) at a constant rate, as FFmpeg's `fps=<fps>:round=near`.

    Each start is rounded to the nearest tick (half up) and an item is repeated until the next
    one's tick; of several on one tick the last stays. The end is rounded likewise, but at least
    one item comes out of one.
    """
    current: tuple[T] | None = None
    first = tick = end = 0
    for start, duration, item in stamped:
        own = nearest(start * fps)
        if current is None:
            first = tick = own
        else:
            yield from repeat(current[0], own - tick)
            tick = max(tick, own)
        current, end = (item,), nearest((start + duration) * fps)
    if current is not None:
        yield from repeat(current[0], max(end, first + 1) - tick)


def _stamped(
    container: InputContainer, stream: Any
) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    """(start, duration, frame) with the first frame at 0, in the order of display."""
    origin: Fraction | None = None
    last, usual = Fraction(0), 1 / (frame_rate(stream) or Fraction(FPS))
    for frame in decoded(container, stream):
        start = start_of(frame)
        if origin is None:
            origin = start if start is not None else Fraction(0)
            start, last = origin, origin - usual
        if start is None:
            start = last + usual
        if abs(start - last) > LONGEST_GAP:
            raise ClipFailure(f"damaged timestamps: a jump of {float(start - last):.0f} s")
        duration = Fraction(frame.duration or 0) * (frame.time_base or 0)
        yield start - origin, duration or usual, frame
        last = start
    if origin is None:
        raise ClipFailure("no video frames")


def _as_rgb(frames: Iterable[VideoFrame]) -> Iterator[Frames]:
    """RGB upright. Unbiased conversion: swscale's default truncates and darkens by one level."""
    size: tuple[int, ...] = ()
    previous: VideoFrame | None = None
    rgb: Frames = np.empty((0, 0, 3), np.uint8)
    for frame in frames:
        if frame is not previous:
            previous, rgb = frame, _upright(frame)
        if size and rgb.shape != size:
            raise ClipFailure(f"picture size changes from {size[:2]} to {rgb.shape[:2]}")
        size = rgb.shape
        yield rgb


def _upright(frame: VideoFrame) -> Frames:
    rgb = to_rgb(frame)
    quarters = round(frame.rotation / 90) % 4  # counter-clockwise, as numpy counts
    return np.ascontiguousarray(np.rot90(rgb, quarters)) if quarters else rgb


def _count_decode() -> None:
    global _opened  # noqa: PLW0603  a counter for tests
    _opened += 1


def read_lossless(path: Path) -> Recording:
    """What `write_lossless` was given. Raises ClipFailure for a missing or damaged file."""
    return MediaReader().read(path, fps=None)


def read_wav(path: Path) -> Waveform:
    """[samples] int16 mono 16 kHz of any sound file. Raises ClipFailure."""
    audio = MediaReader().audio(path)
    if audio is None:
        raise ClipFailure(f"{path.name}: no audio track")
    return audio
