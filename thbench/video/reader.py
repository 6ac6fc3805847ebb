"""Reading video files: frames and sound on one clock whose zero is the first video frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from thbench.api import (
    FPS,
    SAMPLE_RATE,
    ClipFailure,
    Frames,
    MediaInfo,
    Recording,
    Waveform,
)
from thbench.video.containers import open_media

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame

T = TypeVar("T")
LONGEST_GAP = Fraction(60)
"""Seconds between two frames beyond which timestamps are taken for damaged."""
_AUDIO_JUMP = Fraction(1, 10)
"""Seconds by which audio may drift from its timestamps before it is laid out anew (FFmpeg's own limit)."""
_MISSING_TAIL = Fraction(1, 2)
"""Seconds that may be missing at the end against the duration a container states."""

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
            video, audio = _video_stream(container), _audio_stream(container)
            spans = _packet_spans(container, video)
            if not spans:
                raise ClipFailure("no video frames")
            return MediaInfo(
                video_codec=video.codec_context.name,
                width=width,
                height=height,
                fps=_rate(video),
                n_frames=len(spans),
                duration=float(max(e for _, e in spans) - min(s for s, _ in spans)),
                audio_codec=audio.codec_context.name if audio else None,
                sample_rate=audio.codec_context.sample_rate if audio else None,
            )

    def _displayed_size(self, path: Path) -> tuple[int, int]:
        with open_media(path) as container:
            first = next(_decoded(container, _video_stream(container)), None)
            if first is None:
                raise ClipFailure("no video frames")
            turned = first.rotation % 180 != 0
            return (first.height, first.width) if turned else (first.width, first.height)

    def frames(self, path: Path, fps: float | None = FPS) -> Iterator[Frames]:
        """[H, W, 3] uint8 RGB one by one; at `fps` frame k shows what is on screen nearest to k / fps.

        None delivers every stored frame once. Raises ClipFailure, possibly after some frames.
        """
        with open_media(path) as container:
            stamped = _stamped(container, _open_video(container, self.threads))
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
            video, audio = _find_stream(container, "video"), _audio_stream(container)
            if audio is None:
                return None
            _count_decode()
            return _canonical_audio(container, video, audio)

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
            return float(_rate(_video_stream(container)) or FPS)


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
        own = _nearest(start * fps)
        if current is None:
            first = tick = own
        else:
            yield from repeat(current[0], own - tick)
            tick = max(tick, own)
        current, end = (item,), _nearest((start + duration) * fps)
    if current is not None:
        yield from repeat(current[0], max(end, first + 1) - tick)


def _nearest(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def _stamped(
    container: InputContainer, stream: Any
) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    """(start, duration, frame) with the first frame at 0, in the order of display."""
    origin: Fraction | None = None
    last, usual = Fraction(0), 1 / (_rate(stream) or Fraction(FPS))
    for frame in _decoded(container, stream):
        start = _start_of(frame)
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


def _start_of(frame: VideoFrame | AudioFrame) -> Fraction | None:
    ticks = frame.pts if frame.pts is not None else frame.dts
    return None if ticks is None or frame.time_base is None else ticks * frame.time_base


def _decoded(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Frames of one stream. Raises ClipFailure at the first damage, and where the end is missing."""
    for packet in _packets(container):
        if packet.stream_index == stream.index:
            yield from _decode_packet(packet)


def _be_strict(stream: Any) -> None:
    """FLAC carries checksums, which FFmpeg compares only when asked.

    Lossy codecs are left alone: there the same option refuses files that every player shows. FFV1's
    checksums only make FFmpeg paint over the damage, so StoredVideo compares digests.
    """
    if stream.codec_context.name == "flac":
        stream.codec_context.options = {"err_detect": "crccheck+explode"}


def _packets(container: InputContainer) -> Iterator[Any]:
    """All packets; raises ClipFailure at the end where the container had promised more."""
    ends: dict[int, Fraction] = {}
    for packet in container.demux():
        index = packet.stream_index
        ends[index] = max(ends.get(index, Fraction(0)), _end_of(packet))
        yield packet
    for stream in container.streams:
        if stream.type in ("video", "audio"):
            _check_end(ends.get(stream.index, Fraction(0)), _stated_end(stream))
    if container.duration is not None and ends:
        # Counted from zero by some containers and from the first timestamp by others: take the less.
        _check_end(max(ends.values()), Fraction(container.duration, 10**6))


def _decode_packet(packet: Any) -> Iterator[Any]:
    if packet.is_corrupt:
        raise ClipFailure(f"damaged or truncated at {_clock(packet)}")
    for frame in packet.decode():
        if frame.is_corrupt:
            raise ClipFailure(f"damaged {packet.stream.type} at {_clock(frame)}")
        yield frame


def _clock(timed: Any) -> str:
    return "an unknown time" if timed.pts is None else f"{float(timed.pts * timed.time_base):.2f} s"


def _end_of(packet: Any) -> Fraction:
    if packet.pts is None:
        return Fraction(0)
    end: Fraction = (packet.pts + (packet.duration or 0)) * packet.time_base
    return end


def _check_end(seen: Fraction, stated: Fraction | None) -> None:
    if stated is not None and seen < stated - _MISSING_TAIL:
        raise ClipFailure(f"truncated: ends at {float(seen):.2f} s of {float(stated):.2f} s")


def _stated_end(stream: Stream) -> Fraction | None:
    if tag := stream.metadata.get("DURATION"):  # Matroska, written by most muxers
        return _clock_time(tag)
    if stream.duration is None or stream.time_base is None:
        return None
    return ((stream.start_time or 0) + stream.duration) * stream.time_base


def _clock_time(text: str) -> Fraction | None:
    """Seconds of `HH:MM:SS.fraction`."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None


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


def to_rgb(frame: VideoFrame) -> Frames:
    """[H, W, 3] of one decoded frame, as it is stored."""
    return cast(
        Frames, frame.to_ndarray(format="rgb24", interpolation=exact_conversion(), threads=1)
    )


def exact_conversion() -> Any:
    """swscale's flags for rounding instead of truncating, the same bytes on every processor."""
    from av.video.reformatter import Interpolation as How

    return How.BILINEAR | How.ACCURATE_RND | How.FULL_CHR_H_INT | How.FULL_CHR_H_INP | How.BITEXACT


# -- streams ------------------------------------------------------------------------------------


def _find_stream(container: InputContainer, kind: str) -> Any | None:
    from av.stream import Disposition

    for stream in container.streams:
        # A cover picture is no video.
        if stream.type == kind and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def _video_stream(container: InputContainer) -> Any:
    stream = _find_stream(container, "video")
    if stream is None:
        raise ClipFailure("no video stream")
    if stream.codec_context is None:
        raise ClipFailure("video codec unknown")
    return stream


def _audio_stream(container: InputContainer) -> Any | None:
    return _find_stream(container, "audio")


def _open_video(container: InputContainer, threads: int) -> Any:
    stream = _video_stream(container)
    stream.codec_context.thread_count = threads
    _count_decode()
    return stream


def _count_decode() -> None:
    global _opened  # noqa: PLW0603  a counter for tests
    _opened += 1


def _rate(stream: Any) -> Fraction | None:
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    return Fraction(rate) if rate else None


def _packet_spans(container: InputContainer, stream: Any) -> list[tuple[Fraction, Fraction]]:
    usual = 1 / (_rate(stream) or Fraction(FPS))
    spans = []
    for packet in _packets(container):
        if packet.stream_index == stream.index and packet.size and not packet.is_discard:
            ticks = packet.pts if packet.pts is not None else packet.dts
            start = (ticks or 0) * packet.time_base
            spans.append((start, start + ((packet.duration or 0) * packet.time_base or usual)))
    return spans


# -- sound --------------------------------------------------------------------------------------


def _canonical_audio(container: InputContainer, video: Any | None, audio: Any) -> Waveform:
    origin: Fraction | None = None
    track = _Track()
    _be_strict(audio)
    for packet in _packets(container):
        if packet.stream_index == audio.index:
            for frame in _decode_packet(packet):
                track.add(frame)
        elif origin is None and video is not None and packet.stream_index == video.index:
            # Pictures are decoded only until the first one says when it is shown.
            first = next(_decode_packet(packet), None)
            origin = None if first is None else _start_of(first) or Fraction(0)
    if video is not None and origin is None:
        raise ClipFailure("no video frames")
    return track.laid_out(origin)


@dataclass
class _Track:
    """Decoded audio as runs of canonical samples, each with the time it starts at."""

    runs: list[tuple[Fraction, list[Waveform]]] = field(default_factory=list)
    _resampler: Any = None
    _form: tuple[Any, ...] = ()
    _next: Fraction = Fraction(0)

    def add(self, frame: AudioFrame) -> None:
        start = _start_of(frame)
        start = self._next if start is None else start
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if not self.runs or form != self._form or abs(start - self._next) > _AUDIO_JUMP:
            self._new_run(start, form)
        self._next += Fraction(frame.samples, frame.sample_rate)
        frame.pts = None  # within a run samples follow each other; timestamps only jitter
        self._take(self._resampler.resample(frame))

    def laid_out(self, origin: Fraction | None) -> Waveform:
        """All runs on one line that starts at `origin`, with silence between them."""
        self._flush()
        if not self.runs:
            return np.zeros(0, np.int16)
        origin = self.runs[0][0] if origin is None else origin
        places = [(_nearest((s - origin) * SAMPLE_RATE), np.concatenate(w)) for s, w in self.runs]
        line = np.zeros(max(0, *(at + len(w) for at, w in places)), np.int16)
        for at, samples in places:
            head = max(0, -at)
            line[at + head : at + len(samples)] = samples[head:]
        return line

    def _new_run(self, start: Fraction, form: tuple[Any, ...]) -> None:
        from av.audio.resampler import AudioResampler

        self._flush()
        if self.runs and abs(start - self._next) > LONGEST_GAP:
            raise ClipFailure(f"damaged audio timestamps: a jump to {float(start):.0f} s")
        self.runs.append((start, [np.zeros(0, np.int16)]))
        self._resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        self._form, self._next = form, start

    def _flush(self) -> None:
        if self._resampler is not None:
            self._take(self._resampler.resample(None))

    def _take(self, frames: list[Any]) -> None:
        self.runs[-1][1].extend(f.to_ndarray().reshape(-1) for f in frames if f is not None)
