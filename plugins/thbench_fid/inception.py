"""Extractor `inception`: 2048 features per frame from the 2015 Inception network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thbench.api import ClipFailure, Context, Frames, Video
from thbench_fid import weights
from thbench_fid.network import FEATURES, SIDE, Inception2015
from thbench_fid.quick import SameBytes, filled, quick_or_plain
from thbench_fid.resize import Resize, prepare

__all__ = ["BATCH", "InceptionFeatures", "extract", "padded_batches"]

Precision = Literal["fp32", "bf16"]
BATCH = 16
"""Frames per pass at least: below, torch leaves oneDNN on one thread and is a third slower."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class InceptionFeatures:
    """Features [T, 2048] float32 of a video; the network is read at the first one."""

    def __init__(
        self, weights_file: Path, resize: Resize, precision: Precision, context: Context
    ) -> None:
        self.path = weights_file
        self.resize: Resize = resize
        self.dtype = DTYPES[precision]
        self.device, self.batch = context.device, max(BATCH, context.batch)
        self.same_bytes = partial(_asked, context)
        with weights_file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.identity = (
            f"inception-2015 v1, pool3 {FEATURES}, weights {digest[:16]}, resize {resize} to {SIDE}, "
            f"{precision}, batch norms folded"
        )

    @cached_property
    def network(self) -> Inception2015:
        return channels_last(weights.load(self.path, self.dtype).to(self.device))

    def __call__(self, video: Video) -> NDArray[np.float32]:
        if not video.n_frames:
            raise ClipFailure("the video has no frames")
        quick = self.dtype == torch.float32 and self.device == "cpu"
        found = extract(
            self.network,
            video.frames,
            self.resize,
            self.batch,
            self.dtype,
            self.device,
            self.same_bytes if quick else None,
        )
        return found.astype(np.float32, copy=False)


def _asked(context: Context, way: str, check: Callable[[], bool | None]) -> bool:
    return context.same_bytes(way, "thbench_fid.quick", check)


def channels_last(network: Inception2015) -> Inception2015:
    """The network with its weights in the layout that is fastest on CPUs and GPUs alike."""
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def extract(
    network: Inception2015,
    frames: Frames,
    resize: Resize,
    batch: int,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    same_bytes: SameBytes | None = None,
) -> NDArray[np.floating]:
    """[T, H, W, 3] uint8 -> [T, 2048], float64 where `dtype` is, else float32.

    Every forward pass has the shape [batch, 3, 299, 299], so that a frame's features do not depend
    on how many frames the video has; with `same_bytes`, those that give the same bytes have their real
    length. Frames are resized in float32 before bfloat16 networks.
    """
    exact = dtype == torch.float64
    layout = torch.contiguous_format if exact else torch.channels_last  # measured: 4x for float64
    kind = torch.float64 if exact else torch.float32

    def forward(rows: Frames) -> Tensor:
        x = prepare(rows, resize, kind, device)
        features: Tensor = network(x.to(dtype).contiguous(memory_format=layout)).to(kind)
        return features

    def here(rows: Frames) -> NDArray[np.floating]:
        return forward(rows).numpy()

    # where the network is, and down once: whoever asks for a batch's numbers waits for all work before it
    found = torch.empty((len(frames), FEATURES), dtype=kind, device=device)
    with torch.inference_mode(), torch.backends.cudnn.flags(benchmark=False, allow_tf32=False):
        for i in range(0, len(frames), batch):
            rows = frames[i : i + batch]
            if same_bytes is None:
                found[i : i + batch] = forward(filled(rows, batch))[: len(rows)]
            else:
                known = (frames[i - 1], found[i - 1].numpy()) if i else None
                features = quick_or_plain(network, here, rows, batch, same_bytes, known)
                found[i : i + batch] = torch.from_numpy(features)
    return found.cpu().numpy()


def padded_batches(frames: Frames, batch: int) -> Iterator[tuple[Frames, int]]:
    """Batches of exactly `batch` frames, the last one filled with black, and how many of them count."""
    for i in range(0, len(frames), batch):
        rows = frames[i : i + batch]
        yield filled(rows, batch), len(rows)
