"""Numbers that others printed for FID and KID, for `thbench selftest --reference`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from thbench.api import Context, UserError
from thbench_fid import weights
from thbench_fid.frechet import fid_from_moments
from thbench_fid.inception import BATCH, channels_last, extract
from thbench_fid.kid import kid
from thbench_fid.moments import moments

__all__ = ["cifar_halves", "pictures_of"]

N = 5000
RECORD = 1 + 3 * 32 * 32
"""Bytes of a picture in CIFAR-10's binary version: its class, then red, green and blue."""


def cifar_halves(files: Mapping[str, Path], samples: Path, context: Context) -> Mapping[str, float]:
    """FID and KID of the first 5,000 training pictures of CIFAR-10 against the first 5,000 test pictures."""
    network = channels_last(weights.load(files["inception-2015"], torch.float32))
    sets = [
        extract(network, pictures_of(samples / name), "tf", BATCH, torch.float32)
        for name in ("data_batch_1.bin", "test_batch.bin")
    ]
    return {"FID": fid_from_moments(*(moments(s) for s in sets)), "KID": kid(*sets)}


def pictures_of(path: Path) -> NDArray[np.uint8]:
    """[5000, 32, 32, 3] of a file of CIFAR-10's binary version. Raises UserError for any other file."""
    with path.open("rb") as file:
        content = file.read(N * RECORD)
    if len(content) < N * RECORD:
        raise UserError(f"{path} holds no 5,000 pictures", "use CIFAR-10's binary version")
    planes = np.frombuffer(content, np.uint8).reshape(N, RECORD)[:, 1:].reshape(N, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
