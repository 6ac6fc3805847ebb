"""Whether a video of a program that edits the recording is a copy of it: the least alike part decides.

A program that is given the recording (Wav2Lip, MuseTalk, LatentSync) keeps its head, eyes and light, so
that its videos move as the recording does as a whole (thbench.video.likeness). What it makes itself is
the mouth: there, a copy still moves as the recording does, and an edited video does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames
from thbench.video.likeness import DELAY, FEWEST, GRID, small

__all__ = ["EDIT_COPY", "least_likeness"]

EDIT_COPY = 0.85
"""Edited videos whose least alike part is this alike or more are copies; rates in docs/security.md."""
PART = 6
"""Cells of the side of a part: a quarter of the picture, as large as the mouth of a cropped head."""
_SPAN = 7  # frames: slower movement is the head's, and hides that of the lips
_SHIFT = 1  # cells by which the video may be shifted
_INNER = GRID - 2 * _SHIFT  # cells of a side that every shift has
_MOVES = 1.0  # times the mean energy of all parts, from which a part moves enough to tell
_STILL = 0.5  # grey levels: movement below this is drowned by the noise of a codec


def least_likeness(video: Frames, reference: Frames) -> float:
    """Correlation of the fast movement of the part of the picture that is least alike, -1..1.

    video, reference  [T, S, S, 3] uint8; of unlike lengths, the span that both have counts

    Delay and shift are those at which the whole pictures are most alike. Parts in which the reference
    hardly moves do not count; 0 where nothing moves.
    """
    a, b = small(video), small(reference)
    best, found = 0.0, None
    for delay in range(-DELAY, DELAY + 1):
        n = min(len(a) - max(delay, 0), len(b) - max(-delay, 0))
        if n < FEWEST:
            continue
        ours, theirs = _fast(a[max(delay, 0) :][:n]), _fast(b[max(-delay, 0) :][:n])
        theirs = theirs[:, _SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
        for down, right in np.ndindex(2 * _SHIFT + 1, 2 * _SHIFT + 1):
            moved = ours[:, down : down + _INNER, right : right + _INNER]
            products = (moved * theirs).sum(0), np.square(moved).sum(0), np.square(theirs).sum(0)
            both, *energies = (float(p.sum(dtype=np.float64)) for p in products)
            energy = float(np.sqrt(energies[0] * energies[1]))
            alike = both / energy if energy > 0 else 0.0
            if alike > best:
                best, found = alike, products
    return 0.0 if found is None else round(_least(*found, n_frames=min(len(a), len(b))), 6)


def _fast(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """[T, GRID, GRID] less their running mean over _SPAN frames; the ends are repeated."""
    padded = np.pad(pictures, ((_SPAN // 2, _SPAN // 2), (0, 0), (0, 0)), mode="edge")
    sums = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0, dtype=np.float64)
    return np.asarray(pictures - (sums[_SPAN:] - sums[:-_SPAN]) / _SPAN, np.float32)


def _least(
    both: NDArray[np.float32],
    ours: NDArray[np.float32],
    theirs: NDArray[np.float32],
    n_frames: int,
) -> float:
    """The lowest correlation of a PART x PART window, of [_INNER, _INNER] sums over time."""
    windows = [_window_sums(p) for p in (both, ours, theirs)]
    enough = max(_MOVES * windows[2].mean(), _STILL**2 * PART**2 * n_frames)
    moves = windows[2] >= enough
    if not moves.any():
        return 0.0
    energy = np.sqrt(np.maximum(windows[1] * windows[2], 1e-12))
    return float((windows[0] / energy)[moves].min())


def _window_sums(cells: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sums of every window, [_INNER - PART + 1, _INNER - PART + 1]."""
    views = np.lib.stride_tricks.sliding_window_view(cells.astype(np.float64), (PART, PART))
    return np.asarray(views.sum(axis=(2, 3)))
