"""Extractor `puppet_face`: points, pose and openness of the eyes of drawn faces, from weights that ship here.

Read linearly from the features of `thbench_fid`'s network of puppets, by a map fitted to the exact
annotations of the dataset `puppet` (`thbench_expression.train_puppet`): the embedded suites have measures
of faces without a download. It takes every frame for a puppet and knows no photograph.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thbench.api import ClipFailure, Video
from thbench_expression.puppet_readout import (
    FEATURE_WEIGHTS,
    feature_network,
    features,
    load,
    read,
)
from thbench_fid.puppet_net import PuppetNet

__all__ = ["WEIGHTS", "PuppetFace"]

WEIGHTS = Path(__file__).with_name("puppet_v1.safetensors")
BATCH = 16


class PuppetFace:
    """[T, 140] float32: x, y of 68 points in pixels (iBUG order, pixel centres at integers); yaw to the
    picture's right, pitch upwards, roll clockwise in degrees; eye aspect ratio over the clip's median."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._path = weights
        digests = [
            hashlib.sha256(p.read_bytes()).hexdigest()[:8] for p in (FEATURE_WEIGHTS, weights)
        ]
        self.identity = (
            f"puppet_face 1, features {digests[0]}, map {digests[1]}, the whole frame at 64 px"
        )

    @cached_property
    def _parts(self) -> tuple[PuppetNet, dict[str, Tensor]]:
        return feature_network(), load(self._path)

    def __call__(self, video: Video) -> NDArray[np.float32]:
        if not video.n_frames:
            raise ClipFailure("the video has no frames")
        found = []
        with torch.inference_mode():
            for start in range(0, video.n_frames, BATCH):
                found.append(self._of(video.frames[start : start + BATCH]))
        values = np.concatenate(found)
        values[:, :136] = (values[:, :136] + 1) * (video.size / 2) - 0.5
        return values

    def _of(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """One batch, filled up with black to the fixed shape."""
        padded = np.zeros((BATCH, *frames.shape[1:]), np.uint8)
        padded[: len(frames)] = frames
        network, weights = self._parts
        return np.asarray(
            read(features(torch.from_numpy(padded), network), weights)[: len(frames)].numpy()
        )
