"""Inception on CPUs with convolution and ReLU in one and the last batch at its real length.

Torch's own convolution takes another kernel below 16 images and rounds differently there, hence the
batches of one shape; oneDNN called directly does not, on the machines that were tried. Each length, that
of whole batches too, is compared once per machine by one frame whose features a whole batch gave before: it
passes through every kernel of that length, each of its 2,048 numbers being a sum over all layers. Lengths
whose bytes differ are padded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from thbench.api import Frames
from thbench_fid.network import Inception2015

__all__ = ["Forward", "Known", "SameBytes", "filled", "plain", "quick_or_plain"]

Features: TypeAlias = NDArray[np.floating]
Known: TypeAlias = tuple[NDArray[np.uint8], Features]
"""A frame [H, W, 3] and its features [d], from a whole batch."""
Forward: TypeAlias = Callable[[Frames], Features]
"""Frames [n, H, W, 3] -> features [n, d] of one pass through the network."""
SameBytes: TypeAlias = Callable[[str, Callable[[], bool | None]], bool]
"""(the way in words, its check) -> whether it may be taken: `Context.same_bytes`."""


def plain(forward: Forward, rows: Frames, batch: int) -> Features:
    """Features of at most `batch` frames, filled up with black ones."""
    return forward(filled(rows, batch))[: len(rows)]


def filled(rows: Frames, batch: int) -> Frames:
    """At most `batch` frames, and black ones up to so many."""
    missing = batch - len(rows)
    if not missing:
        return rows
    return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)])


def quick_or_plain(
    network: Inception2015,
    forward: Forward,
    rows: Frames,
    batch: int,
    same_bytes: SameBytes,
    known: Known | None = None,
) -> Features:
    """As `plain`, by the quick way where it gives the same bytes for so many frames.

    With `known`, a frame in the first place of a pass of an unknown length tells whether that length
    rounds as whole batches do: the features of the frames behind it are then kept, and the check
    costs one image. Without it the plain way is gone as well; for a whole batch, by itself.
    """
    if not _is_offered():
        return plain(forward, rows, batch)
    n, found = len(rows), list[Features]()

    def quick(rows: Frames) -> Features:
        network.fuse(True)
        try:
            return forward(rows)
        finally:
            network.fuse(False)

    def check() -> bool | None:
        if known is None and n == batch:
            return None  # the next batch knows a frame
        if known is None:
            found.append(plain(forward, rows, batch))
            return found[0].tobytes() == quick(rows).tobytes()
        frame, expected = known
        seen = quick(np.concatenate([frame[None], rows[:-1]]))
        if seen[0].tobytes() != expected.tobytes():
            return False
        found.append(seen[1:])
        return True

    taken = same_bytes(f"convolution and ReLU in one, {n} images instead of {batch}", check)
    if not taken:
        return found[0] if found else plain(forward, rows, batch)
    done = len(found[0]) if found else 0
    if done == n:
        return found[0]
    if not done:
        return quick(rows)
    last = quick_or_plain(network, forward, rows[done:], batch, same_bytes, known)
    return np.concatenate([found[0], last])


def _is_offered() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_convolution_pointwise"
    )
