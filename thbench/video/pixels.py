"""From decoded frames to RGB: colour conversion, pixel shape, rotation."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from thbench.api import ClipFailure, Decode, Frames

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_MOST_STRETCHED = 8
"""Widest and narrowest pixel that is taken for real: beyond it the header is damaged."""
_HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of high dynamic range (ITU-T H.273, table 3)."""


def upright(frame: VideoFrame, pixel_shape: Fraction, decode: Decode) -> Frames:
    """[H, W, 3] uint8 RGB as a player shows it: square pixels, rotated as the file says."""
    width, height = unrotated_size(frame, pixel_shape)
    rgb = to_rgb(frame, decode, width, height)
    quarters = round(frame.rotation / 90) % 4  # counter-clockwise, as numpy counts
    return np.ascontiguousarray(np.rot90(rgb, quarters)) if quarters else rgb


def displayed_size(frame: VideoFrame, pixel_shape: Fraction) -> tuple[int, int]:
    """(width, height) of what `upright` gives."""
    width, height = unrotated_size(frame, pixel_shape)
    return (height, width) if round(frame.rotation / 90) % 2 else (width, height)


def unrotated_size(frame: VideoFrame, pixel_shape: Fraction) -> tuple[int, int]:
    """(width, height) with square pixels: the height stays and the width is stretched, as players do."""
    return max(1, round(frame.width * pixel_shape)), frame.height


def pixel_shape_of(stream: Any) -> Fraction:
    """Width over height of a stored pixel (sample aspect ratio); 1 where the file does not say.

    Raises ClipFailure for a shape that no camera has.
    """
    ratio = Fraction(stream.sample_aspect_ratio or 1)
    if ratio <= 0:
        return Fraction(1)
    if not Fraction(1, _MOST_STRETCHED) <= ratio <= _MOST_STRETCHED:
        raise ClipFailure(f"damaged: pixels of shape {ratio.numerator}:{ratio.denominator}")
    return ratio


def hdr_of(frame: VideoFrame) -> str:
    """`PQ` or `HLG` where the frame says that it is of high dynamic range, else empty."""
    return _HDR.get(int(frame.color_trc), "")


def to_rgb(
    frame: VideoFrame, decode: Decode = "exact", width: int | None = None, height: int | None = None
) -> Frames:
    """[H, W, 3] of one decoded frame, as it is stored or at another size (bicubic)."""
    scaled = (width or frame.width, height or frame.height) != (frame.width, frame.height)
    how = usual_conversion() if decode == "ffmpeg-default" else exact_conversion(scaled)
    array = frame.to_ndarray(
        format="rgb24", width=width, height=height, interpolation=how, threads=1
    )
    return cast(Frames, array)


def exact_conversion(scaled: bool = False) -> Any:
    """swscale's flags for rounding instead of truncating, the same bytes on every processor."""
    from av.video.reformatter import Interpolation as How

    kernel = How.BICUBIC if scaled else How.BILINEAR
    return kernel | How.ACCURATE_RND | How.FULL_CHR_H_INT | How.FULL_CHR_H_INP | How.BITEXACT


def usual_conversion() -> Any:
    """swscale's flags of `ffmpeg -pix_fmt rgb24` and cv2.VideoCapture."""
    from av.video.reformatter import Interpolation as How

    return How.BICUBIC
