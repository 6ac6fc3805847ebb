"""Numbers that others printed for FVD, for `thbench selftest --reference`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from thbench.api import Context
from thbench_fvd import i3d, weights
from thbench_fvd.extractors import extract
from thbench_fvd.windows import prepare

__all__ = ["zeros_against_ones"]


def zeros_against_ones(
    files: Mapping[str, Path], samples: Path, context: Context
) -> Mapping[str, float]:
    """FVD of 8 black against 8 white videos, 30 frames of 64 pixels: sets without any variation.

    Their covariances are 0, so that the distance is that of the two features.
    """
    network = weights.load(files["i3d-kinetics400"]).float()
    frames = (np.full((30, 64, 64, 3), value, np.uint8) for value in (0, 255))
    windows = [prepare(f, i3d.SIDE, "stretch", torch.float32) for f in frames]
    black, white = extract(network, windows).astype(np.float64)
    return {"FVD": float(((black - white) ** 2).sum())}
