"""How nearly the movement of a video is that of its reference: a copy keeps all of it, however disguised.

A talking-head generator is given one frame and speech. What the head, the eyes and the light of the
reference do over the clip does not follow from them, so that two videos of the same speech move alike
only in part. The reference itself, re-encoded, shifted, blurred, sharpened, brightened, delayed or
resized, moves alike all over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames

__all__ = ["COPY", "GRID", "likeness"]

VERSION = 1
COPY = 0.92
"""Videos of this likeness or more count as copies: docs/security.md has the rates it was chosen by."""
GRID = 24
"""Videos are compared at GRID x GRID pixels."""
DELAY = 4
"""Frames by which a video may be late or early."""
SHIFT = 3
"""Cells of the grid by which it may be shifted: an eighth of the picture."""
_FINER = 2  # positions per cell at which shifts are tried
_SMOOTH = 1.0  # cells: sigma of the blur that hides a shift below one cell
_STILL = 0.15  # grey levels: movement below this is noise, and says nothing
_BLOCK = 64  # frames that are transformed at once
FEWEST = 8
"""Frames: with fewer, chance makes everything alike."""


def likeness(video: Frames, reference: Frames) -> float:
    """The largest correlation of the two movements, 0..1, over delays and shifts; 0 where nothing moves.

    video, reference  [T, S, S, 3] uint8; of unlike lengths, the span that both have counts

    The movement is what is left of the smoothed grey pictures when their mean over time is taken
    away, so that identity, light and contrast do not count. It is the normalised cross-correlation
    of Lewis, "Fast normalized cross-correlation" (1995), over space by FFT and summed over time.
    """
    a, b = small(video), small(reference)
    best = 0.0
    for delay in range(-DELAY, DELAY + 1):
        n = min(len(a) - max(delay, 0), len(b) - max(-delay, 0))
        if n < FEWEST:
            continue
        ours = a[max(delay, 0) : max(delay, 0) + n]
        theirs = b[max(-delay, 0) : max(-delay, 0) + n]
        best = max(best, _correlation(_movement(ours), _movement(theirs)))
    return round(min(best, 1.0), 6)


def small(frames: Frames) -> NDArray[np.float32]:
    """[T, GRID, GRID] grey, smoothed."""
    import cv2

    small = np.empty((len(frames), GRID, GRID), np.float32)
    for t, frame in enumerate(frames):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
        shrink = cv2.INTER_AREA if grey.shape[0] >= GRID else cv2.INTER_LINEAR
        small[t] = cv2.GaussianBlur(
            cv2.resize(grey, (GRID, GRID), interpolation=shrink), (0, 0), _SMOOTH
        )
    return small


def _movement(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """[T, GRID, GRID] difference from the mean picture; the border fades so that shifts do not wrap."""
    fade = np.minimum(1.0, (0.5 + np.minimum(np.arange(GRID), np.arange(GRID)[::-1])) / SHIFT)
    return np.asarray((small - small.mean(0)) * np.outer(fade, fade), np.float32)


def _cross_spectrum(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.complex128]:
    """[GRID, GRID / 2 + 1] summed over time, in blocks: the memory does not grow with the clip."""
    total = np.zeros((GRID, GRID // 2 + 1), np.complex128)
    for t in range(0, len(a), _BLOCK):
        ours, theirs = a[t : t + _BLOCK], b[t : t + _BLOCK]
        total += (np.fft.rfft2(ours) * np.conj(np.fft.rfft2(theirs))).sum(0)
    return total


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The largest over shifts."""
    energy = float(np.sqrt(np.square(a).sum(dtype=np.float64) * np.square(b).sum(dtype=np.float64)))
    if energy < _STILL**2 * a.size:
        return 0.0
    spectrum = _cross_spectrum(a, b)
    side, most = GRID * _FINER, SHIFT * _FINER
    padded = np.zeros((side, side // 2 + 1), np.complex128)
    half = GRID // 2
    padded[:half, :half] = spectrum[
        :half, :half
    ]  # without the highest frequency, which has no sign
    padded[1 - half :, :half] = spectrum[1 - half :, :half]
    found = np.fft.irfft2(padded, s=(side, side)) * _FINER**2
    near = np.r_[0 : most + 1, side - most : side]
    return float(found[np.ix_(near, near)].max()) / energy
