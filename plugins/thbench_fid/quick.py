"""Inception on CPUs with convolution and ReLU in one and the last batch at its real length.

Torch's own convolution takes another kernel below 16 images and rounds differently there, hence the
batches of one shape; oneDNN called directly does not, on the machines that were tried. Each number of
images is compared with the plain way once per machine, at the first batch that has it, and padded where
the bytes differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_fid.network import Inception2015

__all__ = ["Forward", "SameBytes", "plain", "quick_or_plain"]

Features: TypeAlias = NDArray[np.floating]
Forward: TypeAlias = Callable[[Frames], Features]
"""Frames [n, H, W, 3] -> features [n, d] of one pass through the network."""
SameBytes: TypeAlias = Callable[[str, Callable[[], bool]], bool]
"""(the way in words, its check) -> whether it may be taken: `Context.same_bytes`."""


def plain(forward: Forward, rows: Frames, batch: int) -> Features:
    """Features of at most `batch` frames, filled up with black ones."""
    missing = batch - len(rows)
    filled = (
        np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)])
        if missing
        else rows
    )
    return forward(filled)[: len(rows)]


def quick_or_plain(
    network: Inception2015, forward: Forward, rows: Frames, batch: int, same_bytes: SameBytes
) -> Features:
    """As `plain`, by the quick way where it gives the same bytes for so many frames."""
    if not _is_offered():
        return plain(forward, rows, batch)
    found: list[Features] = []

    def quick() -> Features:
        network.fuse(True)
        try:
            return forward(rows)
        finally:
            network.fuse(False)

    def check() -> bool:
        found.append(plain(forward, rows, batch))
        return found[0].tobytes() == quick().tobytes()

    way = f"convolution and ReLU in one, {len(rows)} images instead of {batch}"
    taken = same_bytes(way, check)
    if found:
        return found[0]
    return quick() if taken else plain(forward, rows, batch)


def _is_offered() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_convolution_pointwise"
    )
