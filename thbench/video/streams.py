"""Streams and packets of an open file: what is there, when it is shown, and where it is damaged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from thbench.api import FPS, ClipFailure

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame

LONGEST_GAP = Fraction(60)
"""Seconds between two frames beyond which timestamps are taken for damaged."""
_MISSING_TAIL = Fraction(1, 2)
"""Seconds that may be missing at the end against the duration a container states."""


def find_stream(container: InputContainer, kind: str) -> Any | None:
    """The `video` or `audio` stream that players choose: the default one, else the first; or None.

    Raises ClipFailure where it is of a codec that FFmpeg does not know.
    """
    from av.stream import Disposition

    found = [s for s in container.streams if s.type == kind and not is_cover(s)]
    if not found:
        return None
    stream = next((s for s in found if s.disposition & Disposition.default), found[0])
    if stream.codec_context is None or not hasattr(stream, "decode"):
        raise ClipFailure(f"{kind} codec unknown")
    return stream


def is_cover(stream: Stream) -> bool:
    """Whether it is a picture on the file's cover, which is no video and lasts no time."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def video_stream(container: InputContainer) -> Any:
    """The stream with the pictures. Raises ClipFailure without one."""
    stream = find_stream(container, "video")
    if stream is None:
        raise ClipFailure("no video stream")
    return stream


def frame_rate(stream: Any) -> Fraction | None:
    """Frames per second as the container states or FFmpeg guesses them."""
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    return Fraction(rate) if rate else None


def packet_spans(container: InputContainer, stream: Any) -> list[tuple[Fraction, Fraction]]:
    """(start, end) in seconds of every packet that is shown."""
    usual = 1 / (frame_rate(stream) or Fraction(FPS))
    spans = []
    for packet in packets(container):
        if packet.stream.index == stream.index and is_shown(packet):
            start = time_of(packet) or Fraction(0)
            spans.append((start, start + ((packet.duration or 0) * packet.time_base or usual)))
    return spans


def is_shown(packet: Any) -> bool:
    """Whether a packet holds a picture or sound that is played."""
    return bool(packet.size) and not packet.is_discard


def time_of(packet: Any) -> Fraction | None:
    """Time of a packet in seconds of the container: when it is shown, else when it is decoded."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    return None if ticks is None or packet.time_base is None else ticks * packet.time_base


def start_of(frame: VideoFrame | AudioFrame) -> Fraction | None:
    """When a frame is shown or sounds, in seconds of the container."""
    return time_of(frame)


def decoded(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Frames of one stream. Raises ClipFailure at the first damage, and where the end is missing."""
    for packet in packets(container):
        if packet.stream.index == stream.index:
            yield from decode_packet(packet)


def packets(container: InputContainer) -> Iterator[Any]:
    """All packets; raises ClipFailure at the end where the container had promised more."""
    ends: dict[int, Fraction] = {}
    for packet in container.demux():
        # Not packet.stream_index: PyAV's closing packets, which make decoders give up what they
        # hold back, all carry 0 there.
        index = packet.stream.index
        ends[index] = max(ends.get(index, Fraction(0)), _end_of(packet))
        yield packet
    for stream in container.streams:
        if stream.type in ("video", "audio") and not is_cover(stream):
            _check_end(ends.get(stream.index, Fraction(0)), stated_end(stream))
    if container.duration is not None and ends:
        # Counted from zero by some containers and from the first timestamp by others: take the less.
        _check_end(max(ends.values()), Fraction(container.duration, 10**6))


def decode_packet(packet: Any) -> Iterator[Any]:
    """Frames of one packet. Raises ClipFailure where the container or the decoder calls it damaged."""
    if packet.is_corrupt:
        raise ClipFailure(f"damaged or truncated at {_clock(packet)}")
    for frame in packet.decode():
        if frame.is_corrupt:
            raise ClipFailure(f"damaged {packet.stream.type} at {_clock(frame)}")
        yield frame


def _clock(timed: Any) -> str:
    return "an unknown time" if timed.pts is None else f"{float(timed.pts * timed.time_base):.2f} s"


def _end_of(packet: Any) -> Fraction:
    start = time_of(packet)
    if start is None:
        return Fraction(0)
    length: Fraction = Fraction(packet.duration or 0) * packet.time_base
    return start + length


def _check_end(seen: Fraction, stated: Fraction | None) -> None:
    if stated is not None and seen < stated - _MISSING_TAIL:
        raise ClipFailure(f"truncated: ends at {float(seen):.2f} s of {float(stated):.2f} s")


def stated_end(stream: Stream) -> Fraction | None:
    """When a stream ends, in seconds, by its container; None where it does not say."""
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


def nearest(value: Fraction) -> int:
    """Rounded half up, as FFmpeg rounds timestamps that are not negative."""
    return math.floor(value + Fraction(1, 2))
