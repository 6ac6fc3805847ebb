"""PSNR and SSIM of two pictures, against scikit-image and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from thbench_similarity import picture
from thbench_similarity.picture import as_tensor, picture_psnr, picture_ssim


def two(height: int = 24, width: int = 17) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(height)
    a = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return a, (a.astype(int) + rng.integers(-9, 10, a.shape)).clip(0, 255).astype(np.uint8)


def test_psnr_is_scikit_images() -> None:
    a, b = two()
    assert picture_psnr(a, b) == pytest.approx(
        peak_signal_noise_ratio(b, a, data_range=255), rel=1e-7
    )


def test_psnr_is_capped() -> None:
    a, _ = two()
    assert picture_psnr(a, a) == 100.0
    assert picture_psnr(a, a, cap=60.0) == 60.0
    b = a.copy()
    b[0, 0, 0] ^= 1
    assert picture_psnr(a, b) == pytest.approx(10 * np.log10(255**2 * a.size), rel=1e-7)
    assert picture_psnr(a, b, cap=40.0) == 40.0


@pytest.mark.parametrize("size", [(11, 11), (12, 30), (24, 17), (530, 300)])
def test_ssim_is_scikit_images_over_whole_windows(size: tuple[int, int]) -> None:
    a, b = two(*size)
    expected = structural_similarity(
        a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=255,
    )  # fmt: skip
    assert picture_ssim(a, b, torch.float64) == pytest.approx(expected, rel=1e-7)
    assert picture_ssim(a, b) == pytest.approx(expected, abs=1e-4)
    assert picture_ssim(a, a, torch.float64) == pytest.approx(1.0)


def test_a_tensor_has_channels_first_and_the_same_values() -> None:
    a, _ = two()
    x = as_tensor(a, torch.float64)
    assert x.shape == (1, 3, 24, 17) and x.dtype == torch.float64
    assert np.array_equal(x[0].permute(1, 2, 0).numpy(), a)


@pytest.mark.parametrize("height", [20, 24, 25, 53])
def test_a_large_picture_is_seen_a_strip_at_a_time(
    height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every window once, those of the last strip too; no strip has more rows than its windows need."""
    a, b = two(height, 17)
    whole = picture_ssim(a, b, torch.float64)
    seen: list[int] = []
    of_windows = picture._ssim_of_windows

    def counted(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        seen.append(x.shape[2])
        return of_windows(x, y)

    monkeypatch.setattr(picture, "_ssim_of_windows", counted)
    monkeypatch.setattr(picture, "_AT_ONCE", 14 * 17)
    assert picture_ssim(a, b, torch.float64) == pytest.approx(whole, rel=1e-12)
    assert max(seen) <= 24 and sum(rows - 10 for rows in seen) == height - 10
    assert len(seen) == -(-(height - 10) // 14)
