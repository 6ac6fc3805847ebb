"""Files in the layout of CIFAR-10's binary version, with pictures made up from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NAMES = ("data_batch_1.bin", "test_batch.bin")
COUNT = 24
"""Pictures of a file."""


def pictures(name: str) -> NDArray[np.uint8]:
    """[24, 32, 32, 3]: blocks of colour, softer in the second file."""
    second = name == NAMES[1]
    rng = np.random.RandomState(10 + second)
    cells = rng.randint(0, 256, (COUNT, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    slope = np.linspace(0, 60, 32)[None, None, :, None]
    return ((cells * (0.6 if second else 1.0)) + slope).clip(0, 255).astype(np.uint8)


def write(folder: Path) -> None:
    """Records of a class, then the planes of red, green and blue."""
    for name in NAMES:
        planes = pictures(name).transpose(0, 3, 1, 2).reshape(COUNT, -1)
        records = np.concatenate([np.full((COUNT, 1), 7, np.uint8), planes], axis=1)
        (folder / name).write_bytes(records.tobytes())
