"""How fast this machine does what scoring consists of, on one thread: measured, not looked up."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from thbench.api import FPS, Frames
from thbench.environment import apply_threads
from thbench.files.cache import cache_root

SIDE, FRAMES = 256, 50
"""Of the made-up video: two seconds."""
ROUNDS = 3
NETWORK = 11.4e9
"""Operations of one picture of 299 x 299 in Inception v3 (5.7e9 multiply-adds)."""


@dataclass(frozen=True)
class Rate:
    """What was measured: the best of ROUNDS, and the slowest of them as a share of it."""

    name: str
    value: float
    unit: str
    slowest: float

    def __str__(self) -> str:
        spread = f", {1 - self.slowest:.0%} slower at worst" if self.slowest < 0.95 else ""
        return f"{self.name:<30} {self.value:>9,.4g} {self.unit}{spread}"


def rates(folder: Path | None = None) -> Iterator[Rate]:
    """Each as soon as it is known. Files are written to `folder`, by default the cache, and removed.

    Threads of this process are one from then on.
    """
    apply_threads(1)
    frames = picture()
    where = folder or cache_root()
    where.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=where) as name:
        yield from _media(frames, Path(name))
        yield from _disk(Path(name))
    yield _rate("SHA-256", _hashing, "MB per s", 100)
    flow = _flow(frames)
    yield _rate(f"optical flow {SIDE} px", flow, "frames per s", 4)
    convolution, operations = _convolution()
    done = _rate("convolution 3x3, 192 channels", convolution, "GFLOP per s", operations / 1e9)
    yield done
    images = done.value * 1e9 / NETWORK
    yield Rate("Inception v3 at that rate", images, "images per s", done.slowest)


def picture() -> Frames:
    """[FRAMES, SIDE, SIDE, 3]: a smooth picture that moves under weak noise, as faces do for a codec."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / 20
    base = np.stack([128 + 80 * np.sin(x + c) * np.cos(y * 0.7 + c) for c in range(3)], axis=-1)
    moved = [
        np.roll(base, (i // 2, i), (0, 1)) + rng.normal(0, 2, base.shape) for i in range(FRAMES)
    ]
    return np.clip(moved, 0, 255).astype(np.uint8)


def _rate(name: str, work: Callable[[], object], unit: str, amount: float) -> Rate:
    work()  # what is loaded and allocated the first time is no part of the rate
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        seconds.append(max(time.perf_counter() - start, 1e-9))
    return Rate(name, amount / min(seconds), unit, min(seconds) / max(seconds))


def _media(frames: Frames, folder: Path) -> Iterator[Rate]:
    from thbench.video import MediaReader, write_h264, write_lossless

    lossless, compressed = folder / "a.mkv", folder / "a.mp4"
    reader, unit = MediaReader(), f"frames per s ({SIDE} px)"
    pairs: list[tuple[str, Callable[[], object]]] = [
        ("encode FFV1", lambda: write_lossless(lossless, frames, None)),
        ("encode H.264", lambda: write_h264(compressed, frames, None)),
        ("decode FFV1", lambda: reader.read(lossless, FPS)),
        ("decode H.264", lambda: reader.read(compressed, FPS)),
    ]
    for name, work in pairs:
        yield _rate(name, work, unit, FRAMES)


def _disk(folder: Path) -> Iterator[Rate]:
    """Writing until it is on the disk; reading is from the system's memory where it keeps files there."""
    file, block = folder / "block", os.urandom(20_000_000)

    def write() -> None:
        with file.open("wb") as out:
            out.write(block)
            out.flush()
            os.fsync(out.fileno())

    yield _rate("disk, write", write, "MB per s", len(block) / 1e6)
    yield _rate("disk, read again", file.read_bytes, "MB per s", len(block) / 1e6)


def _hashing() -> bytes:
    return hashlib.sha256(bytes(100_000_000)).digest()


def _flow(frames: Frames) -> Callable[[], object]:
    import cv2

    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames[:5]]

    def flow() -> None:
        for a, b in pairwise(grey):
            cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 15, 3, 5, 1.2, 0)

    return flow


def _convolution() -> tuple[Callable[[], object], float]:
    """A layer as in the middle of image networks, and how many operations it takes."""
    import torch

    channels, side, n = 192, 35, 4
    x = torch.ones(n, channels, side, side)
    weight = torch.ones(channels, channels, 3, 3)

    def convolve() -> object:
        with torch.inference_mode():
            return torch.nn.functional.conv2d(x, weight, padding=1)

    return convolve, 2.0 * n * side * side * channels * channels * 9
