"""LPIPS of many pairs of frames, in batches of one fixed shape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from thbench_fid.quick import filled
from thbench_lpips import Net
from thbench_lpips.distance import distances, linear_layers
from thbench_lpips.network import load

__all__ = ["BATCH", "PairDistances"]

BATCH = 16
"""Pairs of frames per pass at least: fewer small ones take longer."""
PIXELS = 2 * 512 * 512
"""Of the pictures of a pass on one side, on CPUs: more are no faster, and need some 40 MB for each pair of 512 px."""
FEWEST = 2
"""Pairs of a pass, however large they are."""


class PairDistances:
    """One trunk, read from its file, and the linear layers that go with it.

    batch  pairs of a pass, BATCH where it is less; on CPUs fewer of large pictures

    Raises UserError as `load` does.
    """

    def __init__(self, path: Path, net: Net, device: str, batch: int) -> None:
        trunk = load(path, net).to(device)
        self._trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._linear = linear_layers(net, device=device)
        self._device, self._batch = device, max(BATCH, batch)

    def __call__(
        self, compared: Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    ) -> NDArray[np.float64]:
        """[n] of n pairs of frames of one size; a batch of them is held at a time, and the numbers come down once."""
        found, first = [], next(compared)
        together, compared = self._together(first[0]), chain([first], compared)
        with torch.inference_mode(), torch.backends.cudnn.flags(benchmark=False, allow_tf32=False):
            while batch := list(islice(compared, together)):
                x, y = (filled(np.stack(rows), together) for rows in zip(*batch, strict=True))
                each = distances(x, y, self._trunk, self._linear, device=self._device)
                found.append(each[: len(batch)])
            values: NDArray[np.float64] = torch.cat(found).cpu().numpy()
        return values

    def _together(self, frame: NDArray[np.uint8]) -> int:
        """Pairs of a pass, the same for all frames of this size."""
        if self._device != "cpu":
            return self._batch
        height, width = frame.shape[:2]
        return min(self._batch, max(FEWEST, PIXELS // (height * width)))
