"""Numbers that others printed for LPIPS, for `thbench selftest --reference`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from thbench.api import Context, UserError, reading
from thbench_lpips.distance import distances, linear_layers
from thbench_lpips.network import load

__all__ = ["tid_pairs", "zeros_against_ones"]

Picture = NDArray[np.uint8]


def zeros_against_ones(
    weights: Mapping[str, Path], samples: Path, context: Context
) -> Mapping[str, float]:
    """A black and a white picture of 64 pixels. Raises UserError for another file than its name says."""
    black = np.zeros((1, 64, 64, 3), np.uint8)
    return {"alex": _alex(weights["alexnet"], black, np.full_like(black, 255))}


def tid_pairs(weights: Mapping[str, Path], samples: Path, context: Context) -> Mapping[str, float]:
    """The five pairs of TID2013 pictures that come with pyiqa, in the order of their names."""
    import cv2

    sides = [
        sorted((samples / "ResultsCalibra" / side).glob("*")) for side in ("dist_dir", "ref_dir")
    ]
    if {len(side) for side in sides} != {5}:
        raise UserError(
            f"{samples / 'ResultsCalibra'} holds no five pairs", "copy it from pyiqa's wheel"
        )
    found = {}
    for i, pair in enumerate(zip(*sides, strict=True), 1):
        with reading(samples, "copy it from pyiqa's wheel"):
            read = [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in pair]
        x, y = (np.asarray(cv2.cvtColor(p, cv2.COLOR_BGR2RGB), np.uint8)[None] for p in read)  # type: ignore[arg-type]
        found[f"pair {i}"] = _alex(weights["alexnet"], x, y)
    return found


def _alex(path: Path, x: Picture, y: Picture) -> float:
    _require_digits(path)
    with torch.inference_mode():
        return float(distances(x, y, load(path, "alex"), linear_layers("alex"))[0])


def _require_digits(path: Path) -> None:
    """torchvision writes the first 8 digits of the SHA-256 into the name of a file."""
    digits = path.stem.rpartition("-")[2]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(digits):
        raise UserError(
            f"{path.name} has the SHA-256 {found[:8]}..., not {digits}...", "fetch it again"
        )
