"""What delivery does to pictures and their clock before a codec sees them. Pure functions of frames.

frames  [T, S, S, 3] uint8 RGB throughout; what is computed between pixels is rounded half to even.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from thbench.api import FPS, Frames
from thbench.video.clock import at_constant_rate


def resized_and_back(frames: Frames, factor: float) -> Frames:
    """To `factor` of the side (area averages) and back (bicubic): what a smaller upload leaves."""
    import cv2

    side = frames.shape[1]
    small = max(1, round(side * factor))
    down = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    up = cv2.INTER_CUBIC if factor < 1 else cv2.INTER_AREA
    return np.stack(
        [cv2.resize(cv2.resize(f, (small, small), None, 0, 0, down), (side, side), None, 0, 0, up)
         for f in frames]
    )  # fmt: skip


def recropped(frames: Frames, share: float) -> Frames:
    """As if the crop had been `share` of the side smaller (the head larger) about the same middle.

    A negative share is a larger crop: outside the picture its edge is repeated. Linear between pixels
    where it enlarges, area averages where it reduces.
    """
    import cv2

    side = frames.shape[1]
    if share < 0:
        border = round(-share * side / 2)
        padded = np.pad(frames, [(0, 0), (border, border), (border, border), (0, 0)], mode="edge")
        return np.stack([cv2.resize(f, (side, side), None, 0, 0, cv2.INTER_AREA) for f in padded])
    border = round(share * side / 2)
    inner = frames[:, border : side - border, border : side - border]
    return np.stack(
        [cv2.resize(np.ascontiguousarray(f), (side, side), None, 0, 0, cv2.INTER_LINEAR)
         for f in inner]
    )  # fmt: skip


def shifted(frames: Frames, pixels: float) -> Frames:
    """Moved to the right by `pixels` >= 0, linear between pixels; the left edge is repeated."""
    whole, part = int(pixels), pixels - int(pixels)
    padded = np.pad(frames, [(0, 0), (0, 0), (whole + 1, 0), (0, 0)], mode="edge")
    width = frames.shape[2]
    return _mixed(padded[:, :, 1 : 1 + width], padded[:, :, :width], part)


def late(frames: Frames, share: float) -> Frames:
    """Later by `share` (0..1) of a frame: each picture mixed with the one before; the first stays."""
    before = np.concatenate([frames[:1], frames[:-1]])
    return _mixed(frames, before, share)


def at_rate(frames: Frames, fps: int, blend: bool) -> Frames:
    """The pictures at another rate: each output shows the nearest one, or a mixture of its neighbours.

    The nearest as FFmpeg's `fps` filter (thbench.video.clock), the mixture as its `framerate` filter.
    """
    if not blend:
        timed = ((Fraction(i, FPS), Fraction(1, FPS), i) for i in range(len(frames)))
        return frames[list(at_constant_rate(timed, Fraction(fps)))]
    return np.stack(list(_blended(frames, fps)))


def _blended(frames: Frames, fps: int) -> Iterator[Frames]:
    for k in range(len(frames) * fps // FPS):
        at = Fraction(k * FPS, fps)
        first = min(int(at), len(frames) - 1)
        second = min(first + 1, len(frames) - 1)
        yield _mixed(frames[first], frames[second], float(at - int(at)))


def _mixed(a: Frames, b: Frames, share: float) -> Frames:
    """(1 - share) a + share b."""
    if share == 0:
        return a
    weighed = (1 - share) * a.astype(np.float32) + share * b.astype(np.float32)
    return np.rint(weighed).astype(np.uint8)
