"""Pixel conversion from decoded frames to RGB."""

from __future__ import annotations

from typing import Any, cast

from av.video.frame import VideoFrame

from thbench.api import Frames


def to_rgb(frame: VideoFrame) -> Frames:
    """[H, W, 3] of one decoded frame, as it is stored."""
    return cast(
        Frames, frame.to_ndarray(format="rgb24", interpolation=exact_conversion(), threads=1)
    )


def exact_conversion() -> Any:
    """swscale's flags for rounding instead of truncating, the same bytes on every processor."""
    from av.video.reformatter import Interpolation as How

    return How.BILINEAR | How.ACCURATE_RND | How.FULL_CHR_H_INT | How.FULL_CHR_H_INP | How.BITEXACT
