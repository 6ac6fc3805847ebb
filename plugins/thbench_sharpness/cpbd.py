"""CPBD: cumulative probability of blur detection, of one grey picture.

Source: Narvekar and Karam, A no-reference image blur metric based on the cumulative probability of blur detection,
IEEE Transactions on Image Processing 2011. As in its published program, edges whose horizontal gradient is exactly 0 count
as vertical edges, widths are measured along rows only, and what remains of the picture beyond whole blocks of 64
pixels at the right and the bottom is not looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["BLOCK", "cpbd"]

Picture = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK = 64
"""Side of a block in pixels; smaller pictures have no value."""
EDGE_SHARE = 0.002
"""Share of Canny edges above which a block is an edge block."""
BETA = 3.6
LONGEST = 101
"""Pixels to one side that an edge is followed at most."""


def cpbd(picture: Picture) -> float | None:
    """Share of edge pixels at which blur is not seen, 0..1; None for a picture without an edge block.

    picture  [H, W] grey in 0..255, at least 64 x 64
    """
    probabilities = np.concatenate([_of_block(*block) for block in _blocks(picture)] or [[]])
    if not len(probabilities):
        return None
    # P <= P_JNB = 63 %, in whole percent as published
    return float((np.rint(100 * probabilities) <= 63).mean())


def _blocks(picture: Picture) -> list[tuple[Picture, Picture]]:
    """(grey, edge widths) of every edge block."""
    canny, widths = _canny(picture), _edge_widths(picture)
    found = []
    for top in range(0, picture.shape[0] - BLOCK + 1, BLOCK):
        for left in range(0, picture.shape[1] - BLOCK + 1, BLOCK):
            at = np.s_[top : top + BLOCK, left : left + BLOCK]
            if canny[at].sum() > EDGE_SHARE * BLOCK**2:
                found.append((picture[at], widths[at]))
    return found


def _of_block(picture: Picture, widths: Picture) -> Picture:
    """P(blur) = 1 - exp(-|w / w_JNB|^beta) of the edges of a block; w_JNB: 5 pixels at low contrast, else 3."""
    barely_seen = 5.0 if int(picture.max() - picture.min()) <= 50 else 3.0
    edges = widths[widths > 0]
    return np.asarray(1 - np.exp(-((edges / barely_seen) ** BETA)), np.float64)


def _edge_widths(picture: Picture) -> Picture:
    """[H, W] width in pixels of the edge at each Sobel edge with a horizontal gradient, else 0 (Marziliano 2002).

    From the edge the row is followed to both sides as long as it goes on falling (or rising).
    """
    down, across = np.gradient(picture)
    angle = np.where(across != 0, np.degrees(np.arctan2(down, across)), 0.0)
    octant = np.abs(np.rint(angle / 45))
    falls, rises = _runs(picture)
    back, fore = _runs(picture[:, ::-1])
    right_falls, right_rises = back[:, ::-1], fore[:, ::-1]
    # 1 and the pixels that follow the neighbour on either side
    rising = 2 + falls[:, :-2] + right_rises[:, 2:]
    falling = 2 + rises[:, :-2] + right_falls[:, 2:]
    inner = np.where(octant == 0, _padded(rising), np.where(octant == 4, _padded(falling), 0.0))
    edges = _sobel_edges(picture)
    edges[[0, -1]] = edges[:, [0, -1]] = False
    return np.where(edges, inner, 0.0)


def _padded(columns: Picture) -> Picture:
    return np.pad(columns, ((0, 0), (1, 1)))


def _runs(picture: Picture) -> tuple[Picture, Picture]:
    """[H, W] each: how many pixels in a row to the left of each are ever smaller, and ever larger."""
    falls, rises = np.zeros(picture.shape), np.zeros(picture.shape)
    for x in range(1, picture.shape[1]):
        step = picture[:, x] - picture[:, x - 1]
        falls[:, x] = np.where(step > 0, falls[:, x - 1] + 1, 0)
        rises[:, x] = np.where(step < 0, rises[:, x - 1] + 1, 0)
    return np.minimum(falls, LONGEST - 1), np.minimum(rises, LONGEST - 1)


def _sobel_edges(picture: Picture) -> Mask:
    """Horizontal Sobel gradient beyond twice its root mean square (of squares, as Octave has it), thinned."""
    kernel = np.outer([1, 2, 1], [1, 0, -1]) / 8
    strength = ndimage.convolve(picture, kernel) ** 2
    strength[strength <= 2 * np.sqrt(strength.mean())] = 0
    around = np.pad(strength, 1)
    row = (strength > around[1:-1, :-2]) & (strength > around[1:-1, 2:])
    column = (strength > around[:-2, 1:-1]) & (strength > around[2:, 1:-1])
    return np.asarray(row | column)


def _canny(picture: Picture, low: float = 0.1, high: float = 0.2) -> Mask:
    """Canny's edges with a Gaussian of one pixel; thresholds in grey levels (Sobel sums, not averages)."""
    weight = ndimage.gaussian_filter(np.ones_like(picture), 1.0, mode="constant")
    smooth = ndimage.gaussian_filter(picture, 1.0, mode="constant") / (weight + np.finfo(float).eps)
    across, down = ndimage.sobel(smooth, axis=1), ndimage.sobel(smooth, axis=0)
    strength = np.hypot(across, down)
    reach = np.maximum(np.maximum(np.abs(across), np.abs(down)), np.finfo(float).tiny)
    step = np.stack([down / reach, across / reach])  # to the ring of neighbours, along the gradient
    at = np.indices(picture.shape, dtype=np.float64)
    ahead, behind = (ndimage.map_coordinates(strength, at + s * step, order=1) for s in (1, -1))
    thin = (strength >= low) & (strength >= ahead) & (strength >= behind)
    thin[[0, -1]] = thin[:, [0, -1]] = False
    labels, count = ndimage.label(thin, np.ones((3, 3)))
    kept = np.zeros(count + 1, bool)
    kept[np.unique(labels[thin & (strength >= high)])] = True
    kept[0] = False
    return np.asarray(kept[labels])
