"""The distance of LPIPS as pure functions of pictures and feature maps.

    d(x, y) = sum over layers l of mean over pixels of sum_c w_lc (x_lc - y_lc)^2       (Zhang et al. 2018, eq. 1)

with each pixel's vector of channels divided by its length first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torchmetrics
from numpy.typing import NDArray
from torch import Tensor

from thbench.api import UserError, on_device, reading
from thbench_lpips.network import CHANNELS, Trunk

__all__ = ["distances", "linear_layers", "scaled"]

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and standard deviation per channel, R G B, for values in -1..1."""
EPSILON = 1e-10
"""Added to the length of a pixel's vector, outside the root."""
SHA256 = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
}
"""Of the linear layers, version 0.1, in torchmetrics and in lpips 0.1.4."""


def scaled(frames: NDArray[np.uint8], dtype: torch.dtype, device: str = "cpu") -> Tensor:
    """[N, H, W, 3] uint8 RGB -> [N, 3, H, W] of `dtype`, as the trunks were trained, channels_last.

    Values go from 0..255 to -1..1 in here, so that no caller can hand in 0..1, which would lower the
    distance to a fifth without an error.
    """
    x = on_device(frames, device).permute(0, 3, 1, 2).to(dtype) / 127.5 - 1
    # the package holds both in float32, whatever it computes in
    shift, scale = (
        torch.tensor(values, device=device).to(dtype).reshape(1, 3, 1, 1)
        for values in (SHIFT, SCALE)
    )
    return ((x - shift) / scale).contiguous(memory_format=torch.channels_last)


def distances(
    x: NDArray[np.uint8],
    y: NDArray[np.uint8],
    trunk: Trunk,
    linear: Sequence[Tensor],
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> Tensor:
    """[N] float64, on `device`: LPIPS of each picture of x to that of y, both [N, H, W, 3] uint8 RGB; >= 0, 0 for equal ones.

    Args:
        linear: five weights [C], see `linear_layers`.

    Source: Zhang, Isola, Efros, Shechtman and Wang 2018, version 0.1 of the published package.
    """
    maps = zip(
        trunk(scaled(x, dtype, device)), trunk(scaled(y, dtype, device)), linear, strict=True
    )
    total = torch.zeros(len(x), dtype=dtype, device=device)
    for a, b, weights in maps:
        difference = (_unit(a) - _unit(b)) ** 2
        total += torch.einsum("nchw,c->nhw", difference, weights).mean(dim=(1, 2))
    return total.double()


def _unit(x: Tensor) -> Tensor:
    """[N, C, H, W] with each pixel's vector divided by its length."""
    return x / (x.square().sum(dim=1, keepdim=True).sqrt() + EPSILON)


def linear_layers(
    net: str, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> list[Tensor]:
    """The five learned weights [C] >= 0 of version 0.1, from the file in torchmetrics.

    Raises UserError where that file is another than the published one.
    """
    folder = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models"
    path = folder / f"{net}.pth"
    with reading(path, "install torchmetrics 1.9"):
        content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[net]:
        raise UserError(
            f"torchmetrics {torchmetrics.__version__} does not hold the published LPIPS weights ({path})",
            "install torchmetrics 1.9",
        )
    with reading(path, "install torchmetrics 1.9"):
        state = torch.load(path, map_location=device, weights_only=True)
    keys = [f"lin{i}.model.1.weight" for i in range(len(CHANNELS[net]))]
    return [state[key].reshape(-1).to(dtype) for key in keys]
