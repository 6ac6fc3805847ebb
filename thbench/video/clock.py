"""When pictures are shown: their timestamps, and pictures at a constant rate."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeVar

from thbench.api import FPS, ClipFailure
from thbench.video.streams import (
    LONGEST_GAP,
    decode_packet,
    frame_rate,
    is_shown,
    nearest,
    packets,
    start_of,
)

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

T = TypeVar("T")


class DisplayTimes:
    """Seconds of the container at which the pictures of one stream are shown.

    AVI, and Matroska in its compatibility mode, number packets in the order of decoding and do not
    say when a picture is shown. There the n-th picture takes the n-th packet's time, as each packet
    holds one picture; FFmpeg's guess is late by the pictures that a decoder may hold back.
    """

    def __init__(self, container: InputContainer) -> None:
        self._is_avi = container.format.name == "avi"
        self._in_decoding_order: bool | None = None
        self._times: deque[Fraction] = deque()

    def note(self, packet: Any) -> None:
        """To be called with every packet of the stream before it is decoded."""
        if not is_shown(packet):
            return
        if self._in_decoding_order is None:
            stated = packet.pts == packet.dts if self._is_avi else packet.pts is not None
            self._in_decoding_order = not stated and packet.dts is not None
        if self._in_decoding_order and packet.dts is not None:
            self._times.append(packet.dts * packet.time_base)

    def of(self, frame: VideoFrame) -> Fraction | None:
        """To be called once with each picture, in the order of display."""
        return self._times.popleft() if self._times else start_of(frame)


def stamped(
    container: InputContainer, stream: Any
) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    """(start, duration, frame) with the first frame at 0, in the order of display."""
    origin: Fraction | None = None
    last, usual = Fraction(0), 1 / (frame_rate(stream) or Fraction(FPS))
    for stated, frame in _timed(container, stream):
        if origin is None:
            origin = stated if stated is not None else Fraction(0)
            last = origin - usual
        start = last + usual if stated is None else stated
        if abs(start - last) > LONGEST_GAP:
            raise ClipFailure(f"damaged timestamps: a jump of {float(start - last):.0f} s")
        duration = Fraction(frame.duration or 0) * (frame.time_base or 0)
        yield start - origin, duration or usual, frame
        last = start
    if origin is None:
        raise ClipFailure("no video frames")


def _timed(container: InputContainer, stream: Any) -> Iterator[tuple[Fraction | None, VideoFrame]]:
    times = DisplayTimes(container)
    for packet in packets(container):
        if packet.stream.index == stream.index:
            times.note(packet)
            for frame in decode_packet(packet):
                yield times.of(frame), frame


def at_constant_rate(items: Iterable[tuple[Fraction, Fraction, T]], fps: Fraction) -> Iterator[T]:
    """Items (start, duration in seconds, item) at a constant rate, as FFmpeg's `fps=<fps>:round=near`.

    Each start is rounded to the nearest tick (half up) and an item is repeated until the next
    one's tick; of several on one tick the last stays. The end is rounded likewise, but at least
    one item comes out of one.
    """
    current: tuple[T] | None = None
    first = tick = end = 0
    for start, duration, item in items:
        own = nearest(start * fps)
        if current is None:
            first = tick = own
        else:
            yield from repeat(current[0], own - tick)
            tick = max(tick, own)
        current, end = (item,), nearest((start + duration) * fps)
    if current is not None:
        yield from repeat(current[0], max(end, first + 1) - tick)


def count_at(spans: Iterable[tuple[Fraction, Fraction]], fps: Fraction) -> int:
    """How many items `at_constant_rate` makes of spans (start, end) in seconds, in order of start.

    Found from the times alone, so that a file that would become far too long is never decoded.
    """
    ordered = sorted(spans)
    origin = ordered[0][0]
    own, end = (nearest((at - origin) * fps) for at in ordered[-1])
    return max(own, end, 1)
