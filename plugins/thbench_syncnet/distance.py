"""From window features to offset, confidence and distance.

Sign, everywhere: **offset > 0 means the audio leads and the video lags**; delaying the audio by n
frames changes the offset by -n. One step is one video frame, 40 ms. (The sentence in Chung &
Zisserman 2016 reads the other way round; this is what their published code computes.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure

Edge: TypeAlias = Literal["pad", "valid"]
EPS = 1e-6
"""Added to every difference before squaring, as torch's pairwise_distance does."""
BLOCK = 1024
"""Windows whose distances are computed at once, so that memory does not grow with the clip."""


@dataclass(frozen=True, eq=False)
class Sync:
    """What one clip's windows say.

    offset      whole frames of 40 ms, -vshift..vshift; positive: the audio leads
    confidence  median minus minimum of the mean distances (LSE-C), >= 0
    distance    minimum of the mean distances (LSE-D), >= 0
    means       [2 vshift + 1] mean distances; entry k belongs to offset vshift - k
    per_window  [W] median of the means minus the window's own distance at the found offset; NaN where
                the audio at that offset lies outside the clip (`valid` only)
    """

    offset: int
    confidence: float
    distance: float
    means: NDArray[np.float64]
    per_window: NDArray[np.float64]


def window_count(n_frames: int, n_samples: int) -> int:
    """min(frames, samples // 640) - 5: the reference drops the last possible window. At least 0."""
    return max(0, min(n_frames, n_samples // 640) - 5)


def distances(
    lip: NDArray[np.floating], sound: NDArray[np.floating], vshift: int, edge: Edge
) -> NDArray[np.float64]:
    """Distance of every lip window to the audio windows around it.

    lip, sound  [W, D] features of the windows of one clip
    returns     [2 vshift + 1, W] float64, |v_i - a_(i + k - vshift) + 1e-6|. Audio windows outside
                the clip count as zero features (`pad`, the reference) or give NaN (`valid`).
    """
    padded, windows = np.pad(sound, ((vshift, vshift), (0, 0))), len(lip)
    result = np.empty((2 * vshift + 1, windows))
    for i in range(0, windows, BLOCK):
        v = lip[i : i + BLOCK].astype(np.float64)
        for k in range(2 * vshift + 1):
            a = padded[i + k : i + k + len(v)].astype(np.float64)
            result[k, i : i + len(v)] = np.linalg.norm(v - a + EPS, axis=1)
    if edge == "valid":
        heard = np.arange(windows) + np.arange(-vshift, vshift + 1)[:, None]
        result[(heard < 0) | (heard >= windows)] = np.nan
    return result


def synchrony(
    lip: NDArray[np.floating],
    sound: NDArray[np.floating],
    *,
    vshift: int = 15,
    edge: Edge = "pad",
    min_windows: int = 10,
) -> Sync:
    """Offset, confidence and distance of one clip.

    lip, sound   [W, D] features, not normalised
    edge         what lies outside the clip: zeros (`pad`) or nothing (`valid`)
    min_windows  windows that must overlap: in all for `pad`, at every shift for `valid`

    Raises ClipFailure for too few windows.
    Source: Chung & Zisserman 2016; Prajwal et al. 2020 (LSE-C, LSE-D).
    """
    require_windows(len(lip), vshift=vshift, edge=edge, min_windows=min_windows)
    each = distances(lip, sound, vshift, edge)
    means = np.nanmean(each, axis=1)
    best = int(np.argmin(means))
    middle = float(np.median(means))  # 2 vshift + 1 values: an odd count, so one of them
    return Sync(
        offset=vshift - best,
        confidence=middle - float(means[best]),
        distance=float(means[best]),
        means=means,
        per_window=middle - each[best],
    )


def require_windows(windows: int, *, vshift: int, edge: Edge, min_windows: int) -> None:
    """Raises ClipFailure where a clip of so many windows is too short."""
    needed = min_windows + (vshift if edge == "valid" else 0)
    if windows < max(1, needed):
        raise ClipFailure(
            f"too short: {windows + 5} frames with sound, needs {needed + 5} (edge: {edge})"
        )
