"""Extractor `puppet-v1`: 128 features per frame, from weights that ship with the plugin.

It was trained on puppets (see `thbench_fid.train_puppet`), so that the embedded suite has a Fréchet
distance without a download. It says little about photographs and is never called FID alone.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from thbench.api import ClipFailure, Context, Video, on_device
from thbench_fid import PUPPET_WEIGHTS as WEIGHTS
from thbench_fid.inception import BATCH, padded_batches
from thbench_fid.puppet_net import FEATURES, SIDE, PuppetNet, resized

__all__ = ["WEIGHTS", "PuppetFeatures"]


class PuppetFeatures:
    """Features [T, 128] float32 of a video."""

    def __init__(self, context: Context) -> None:
        self.device, self.batch = context.device, max(BATCH, context.batch)
        digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
        self.identity = f"puppet-v1, {FEATURES} features, weights {digest[:16]}, resize area or bilinear to {SIDE}"

    @cached_property
    def network(self) -> PuppetNet:
        network = PuppetNet()
        network.load_state_dict(load_file(WEIGHTS))
        return network.eval().requires_grad_(False).to(self.device)

    def __call__(self, video: Video) -> NDArray[np.float32]:
        if not video.n_frames:
            raise ClipFailure("the video has no frames")
        found = torch.empty((video.n_frames, FEATURES), device=self.device)
        with torch.inference_mode(), torch.backends.cudnn.flags(benchmark=False, allow_tf32=False):
            for i, (rows, n) in enumerate(padded_batches(video.frames, self.batch)):
                x = resized(on_device(rows, self.device))
                found[i * self.batch :][:n] = self.network(x)[:n]
        features: NDArray[np.float32] = found.cpu().numpy()
        return features
