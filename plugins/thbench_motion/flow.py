"""Optical-flow magnitude as pure functions of frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Frames

__all__ = [
    "Farneback",
    "Lengths",
    "dis_flow",
    "farneback_flow",
    "jet_flow_picture_mean",
    "lengths_of",
    "optical_flow_magnitude",
    "require_two",
    "resized",
]


@dataclass(frozen=True)
class Farneback:
    """Parameters of cv2.calcOpticalFlowFarneback; the defaults are those of Diffused Heads.

    No initial flow is passed (flags 0). OpenCV clamps `levels` by the picture: 2 at 128 pixels, 1 at 64.
    """

    pyr_scale: float = 0.5
    levels: int = 7
    winsize: int = 5
    iterations: int = 15
    poly_n: int = 5
    poly_sigma: float = 1.2


def require_two(frames: Frames) -> None:
    """Raises ClipFailure where there is no pair of consecutive frames."""
    if len(frames) < 2:
        count = f"{len(frames)} frame{'' if len(frames) == 1 else 's'}"
        raise ClipFailure(f"{count}: motion needs at least 2")


def resized(frames: Frames, size: int) -> Iterator[NDArray[np.uint8]]:
    """Frames at `size` x `size`, bilinear without antialiasing (OpenCV's default); 0 leaves them alone."""
    for frame in frames:
        same = size == 0 or frame.shape[:2] == (size, size)
        yield (
            frame
            if same
            else np.asarray(
                cv2.resize(frame, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8
            )
        )


def farneback_flow(
    frames: Frames,
    farneback: Farneback = Farneback(),
    resize: int = 0,
    still_is_zero: bool = False,
) -> Iterator[NDArray[np.float32]]:
    """Displacement [H, W, 2] in pixels from every frame to the next, on grey pictures.

    Args:
        frames: [T, H, W, 3] uint8 RGB; the channel order matters to the grey weights.
        still_is_zero: exactly no flow between two identical grey frames, where OpenCV leaves a residue.
    """
    grey = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in resized(frames, resize))
    still: NDArray[np.float32] | None = None
    for previous, following in pairwise(grey):
        if not np.array_equal(previous, following):
            still = None
            yield _flow(previous, following, farneback)
        elif still_is_zero:
            yield np.zeros((*previous.shape, 2), np.float32)
        else:  # as long as a picture stands still its flow is the same, and takes as long to find as any
            if still is None:
                still = _flow(previous, following, farneback)
            yield still


def _flow(
    previous: NDArray[np.integer], following: NDArray[np.integer], p: Farneback
) -> NDArray[np.float32]:
    parameters = (p.pyr_scale, p.levels, p.winsize, p.iterations, p.poly_n, p.poly_sigma)
    no_initial_flow, flags = None, 0
    return np.asarray(
        cv2.calcOpticalFlowFarneback(previous, following, no_initial_flow, *parameters, flags),
        np.float32,
    )


def optical_flow_magnitude(
    frames: Frames, farneback: Farneback = Farneback(), resize: int = 0
) -> float:
    """OFM: mean over pixels and consecutive frames of |flow|, in pixels per frame, >= 0.

    Args:
        frames: [T, H, W, 3] uint8 RGB, T >= 2.
        resize: 0 measures at the frames' own resolution.

    Raises:
        ClipFailure: fewer than two frames.

    Notes:
        Farneback takes what lies outside the picture for zero and divides by next to nothing where a
        picture is flat, so that it sees motion between two identical frames: 0.0002 to 0.012 pixels at
        128 px on twelve real and generated clips, whose motion is 0.05 to 0.5, but 0.15 on one with a flat
        background (0.4 % of its pixels, up to 94 long, carry 80 % of that). It is left in, as the
        definition is OpenCV's; `lengths_of` says how much of a value such pixels carry.

    Source: the thesis's section 6, with the parameters of Diffused Heads (Stypulkowski et al. 2023).
    """
    require_two(frames)
    return lengths_of(farneback_flow(frames, farneback, resize)).mean


@dataclass(frozen=True)
class Lengths:
    """How far pixels move from frame to frame, over all pixels and pairs of frames.

    mean     in pixels
    beyond   share of pixels that move further than the bound, 0..1
    carried  share of `mean` that those pixels make up, 0..1; 0 where nothing moves
    clipped  the mean with every length cut at the bound
    """

    mean: float
    beyond: float
    carried: float
    clipped: float


BOUND = 1 / 32
"""Of the picture's side: no point of a head moves further between two frames; 4 pixels at 128.
On twelve real and generated clips cutting there moves OFM by less than 1 %."""


def lengths_of(flow: Iterator[NDArray[np.float32]], bound: float = BOUND) -> Lengths:
    """Lengths of displacements [H, W, 2], frame pair by frame pair, summed in float64."""
    means, shares, far, cut = [], [], [], []
    for field in flow:
        length = np.hypot(field[..., 0].astype(np.float64), field[..., 1].astype(np.float64))
        limit = bound * max(length.shape)
        over = length > limit
        means.append(length.mean())
        shares.append(over.mean())
        far.append(length[over].sum() / length.size)
        cut.append(np.minimum(length, limit).mean())
    mean = float(np.mean(means))
    carried = float(np.mean(far)) / mean if mean else 0.0
    return Lengths(mean, float(np.mean(shares)), carried, float(np.mean(cut)))


def dis_flow(frames: Frames, resize: int = 0) -> Iterator[NDArray[np.float32]]:
    """Displacement [H, W, 2] in pixels by dense inverse search, OpenCV's preset "medium", grey pictures.

    Exactly 0 between identical frames and never wild in flat regions; twice Farneback's on noisy
    MPEG-1. At least 12 pixels. Source: Kroeger, Timofte, Dai and Van Gool 2016.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in resized(frames, resize))
    for previous, following in pairwise(grey):
        yield np.asarray(search.calc(previous, following, None), np.float32)  # type: ignore[call-overload]


def jet_flow_picture_mean(
    frames: Frames, farneback: Farneback = Farneback(), resize: int = 128
) -> float:
    """Mean of a colour picture of the flow, 0..255: only to reproduce Diffused Heads' published OFM.

    Each pair's magnitude is min-max normalised on its own, cut to uint8 and painted with OpenCV's JET
    map, so the amount of motion is lost and the value is not monotone in it. A still clip scores
    exactly 128 / 3 = 42.667, the mean of JET's first colour: two identical grey frames count as no
    flow, because normalising would stretch Farneback's residue at the borders to the full scale.

    Raises:
        ClipFailure: fewer than two frames.
    """
    require_two(frames)
    return float(
        np.mean([_painted(flow) for flow in farneback_flow(frames, farneback, resize, True)])
    )


def _painted(flow: NDArray[np.float32]) -> float:
    magnitude, _ = cv2.cartToPolar(flow[..., 0], flow[..., 1])
    levels = cv2.normalize(magnitude, None, 0, 255, cv2.NORM_MINMAX)
    picture = cv2.applyColorMap(levels.astype(np.uint8), cv2.COLORMAP_JET)
    return float(picture.mean(dtype=np.float64))
