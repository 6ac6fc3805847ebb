"""Grey pictures on which CPBD is compared with another program, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from thbench.video import MediaReader

REFERENCE = Path(__file__).resolve().parents[1] / "builtin" / "sharpness" / "reference.json"
REAL = ("speaker_a_512px_25fps_mpeg4.mp4", "speaker_c_1080x1920_25fps_hevc.mp4")
Grey = NDArray[np.uint8]


def damaged(name: str, picture: Grey) -> dict[str, Grey]:
    """The picture as it is, blurred, noisy, and with rows and columns exchanged."""
    grain = 10 * np.random.RandomState(0).standard_normal(picture.shape)
    return {
        name: picture,
        f"{name} blurred": np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.uint8),
        f"{name} noisy": np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8),
        f"{name} transposed": np.ascontiguousarray(picture.T),
    }


def drawn() -> dict[str, Grey]:
    """Soft discs over a slope, 64, 100 x 150 and 200 pixels: edges of every direction and width."""
    found: dict[str, Grey] = {}
    for height, width, seed in ((64, 64, 1), (100, 150, 2), (200, 200, 3)):
        rng = np.random.RandomState(seed)
        y, x = np.mgrid[:height, :width]
        picture = 60 + 0.3 * x + 0.2 * y
        for _ in range(12):
            cy, cx = rng.uniform(0, height), rng.uniform(0, width)
            radius, soft = rng.uniform(4, 25), rng.uniform(0.2, 2)
            disc = expit((radius - np.hypot(y - cy, x - cx)) / soft)
            picture = picture + rng.uniform(-80, 80) * disc
        found |= damaged(f"drawn {width}x{height}", np.rint(picture).clip(0, 255).astype(np.uint8))
    low = found["drawn 64x64"] // 8 + 100  # at most 50 grey levels: the other just noticeable width
    return found | damaged("drawn, low contrast", low.astype(np.uint8))


def real(path: Path) -> dict[str, Grey]:
    """Frame 20 of a real clip at 64, 128 and 200 pixels by area averaging."""
    frame = MediaReader().read(path).frames[20]
    found: dict[str, Grey] = {}
    for size in (64, 128, 200):
        small = cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        found |= damaged(f"{path.stem} {size}", grey)
    return found
