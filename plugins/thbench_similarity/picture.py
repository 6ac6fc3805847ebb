"""PSNR and SSIM of two pictures, in the definitions the field uses."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

__all__ = ["as_tensor", "picture_psnr", "picture_ssim"]

_WINDOW = 11
_AT_ONCE = 256 * 256
"""Pixels of a picture that are seen at a time: torch holds 121 numbers for each."""


def as_tensor(frame: NDArray[np.uint8], dtype: torch.dtype) -> torch.Tensor:
    """[H, W, 3] uint8 to [1, 3, H, W] of `dtype`, values 0..255."""
    channels_first = np.ascontiguousarray(frame.transpose(2, 0, 1))
    return torch.from_numpy(channels_first).to(dtype)[None]


def picture_psnr(
    generated: NDArray[np.uint8], reference: NDArray[np.uint8], cap: float = 100.0
) -> float:
    """PSNR in dB of two [H, W, 3] uint8 pictures, peak 255, at most `cap`.

    Identical pictures have an infinite PSNR and get `cap`. A single differing pixel at 128 x 128 is at
    most 95 dB, so 100 keeps the order; from 227 pixels on the cap may also meet near-identical frames.
    Exact but for 4e-8 of the value: torchmetrics holds log(10) in float32.
    """
    a, b = as_tensor(generated, torch.float64), as_tensor(reference, torch.float64)
    return min(float(peak_signal_noise_ratio(a, b, data_range=255.0)), cap)


def picture_ssim(
    generated: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    dtype: torch.dtype = torch.float32,
) -> float:
    """SSIM of two [H, W, 3] uint8 pictures, -1..1, mean over channels and over the valid region.

    Gaussian window 11 x 11, sigma 1.5, K1 0.01, K2 0.03, range 255, population variances (Wang, Bovik,
    Sheikh and Simoncelli 2004). Only windows that lie wholly in the picture count, as in the paper and
    in scikit-image; torchmetrics' own mean takes mirrored borders in as well, which moves the value by
    0.001 to 0.007 on real faces. Pictures are at least 11 pixels wide and high.

    On real faces float32 differs from float64 by up to 2e-5: variances are differences of large squares.
    """
    a, b = as_tensor(generated, dtype), as_tensor(reference, dtype)
    height, width = generated.shape[:2]
    windows, strip = height - _WINDOW + 1, max(_WINDOW, _AT_ONCE // width)
    seen = [
        _ssim_of_windows(*(x[:, :, top : top + strip + _WINDOW - 1] for x in (a, b)))
        for top in range(0, windows, strip)
    ]
    return float(torch.cat(seen, dim=2).to(torch.float64).mean())


def _ssim_of_windows(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """[1, 3, H - 10, W - 10]: SSIM of every window that lies in both [1, 3, H, W]."""
    _, full = structural_similarity_index_measure(
        a, b, sigma=1.5, data_range=255.0, return_full_image=True
    )
    border = _WINDOW // 2
    return full[..., border:-border, border:-border]
