"""The extractors: one vector per window of a video, from networks of video."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from thbench.api import ClipFailure, Context, Frames, Video, on_device
from thbench_fvd import (
    PUPPET_WEIGHTS,
    I3dOptions,
    PuppetVideoOptions,
    VideoMaeOptions,
    i3d,
    puppet_net,
    videomae,
)
from thbench_fvd import weights as i3d_weights
from thbench_fvd.windows import Windows, prepare

__all__ = [
    "PUPPET_WEIGHTS",
    "WindowFeatures",
    "build_i3d",
    "build_puppet",
    "build_videomae",
    "extract",
]


class WindowFeatures:
    """Features [n, d] float32 of a video's windows; the network is read at the first one.

    Every pass holds one window, a fixed shape, so that no value depends on how many a video has.
    """

    def __init__(
        self,
        about: str,
        windows: Windows,
        load: Callable[[], nn.Module],
        prepared: Callable[[Frames], Tensor],
        device: str,
    ) -> None:
        self.identity = f"{about}, {windows.identity}"
        self._windows, self._load, self._prepared = windows, load, prepared
        self._device = device

    @cached_property
    def network(self) -> nn.Module:
        return self._load().to(self._device)

    def __call__(self, video: Video) -> NDArray[np.float32]:
        if not video.n_frames:
            raise ClipFailure("the video has no frames")
        indices = self._windows.of(video.n_frames)
        windows = (self._prepared(video.frames[at]) for at in indices)
        return extract(self.network, windows).astype(np.float32)


def extract(network: nn.Module, windows: Iterable[Tensor]) -> NDArray[np.floating]:
    """[n, d] of windows [C, T, H, W], in the numbers they are in; one per pass."""
    found = []
    with torch.inference_mode(), torch.backends.cudnn.flags(benchmark=False, allow_tf32=False):
        for window in windows:
            found.append(network(window[None])[0])
        features: NDArray[np.floating] = torch.stack(found).cpu().numpy()
    return features


def build_i3d(options: I3dOptions, context: Context) -> WindowFeatures:
    """400 Kinetics logits per window."""
    path = context.weights(options.weights)
    about = (
        f"i3d-kinetics400 v1, {i3d.FEATURES} logits, weights {digest(path)}, resize {options.resize} to "
        f"{i3d.SIDE}, batch norms folded"
    )

    def prepared(frames: Frames) -> Tensor:
        return prepare(frames, i3d.SIDE, options.resize, device=context.device)

    return WindowFeatures(
        about, options.windows(), lambda: i3d_weights.load(path).float(), prepared, context.device
    )


def build_videomae(options: VideoMaeOptions, context: Context) -> WindowFeatures:
    """1408 features per window of the large VideoMAE of content-debiased FVD."""
    path = context.weights(options.weights)
    about = (
        f"videomae-g v1, {videomae.GIANT.width} features, weights {digest(path)}, stretched to "
        f"{videomae.GIANT.side}, RGB 0..1"
    )

    def prepared(frames: Frames) -> Tensor:
        return (prepare(frames, videomae.GIANT.side, "stretch", device=context.device) + 1) / 2

    return WindowFeatures(
        about, options.windows(), lambda: videomae.load(path), prepared, context.device
    )


def build_puppet(options: PuppetVideoOptions, context: Context) -> WindowFeatures:
    """128 features per window of 16 frames, from weights that ship with the plugin."""
    about = (
        f"puppet-video v1, {puppet_net.FEATURES} features, weights {digest(PUPPET_WEIGHTS)}, resize area or "
        f"bilinear to {puppet_net.SIDE}"
    )

    def load() -> nn.Module:
        network = puppet_net.PuppetVideoNet()
        network.load_state_dict(load_file(PUPPET_WEIGHTS))
        return network.eval().requires_grad_(False)

    def prepared(frames: Frames) -> Tensor:
        return puppet_net.resized(on_device(frames, context.device)[None])[0]

    return WindowFeatures(about, options.windows(), load, prepared, context.device)


def digest(path: Path) -> str:
    """The first 16 digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
