"""The distance of LPIPS from feature maps that are made up, by loops; its scaling; its layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from thbench.api import UserError
from thbench_lpips import distance
from thbench_lpips.distance import distances, linear_layers, scaled
from thbench_lpips.network import CHANNELS

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of values in 0..1."""


def pictures(n: int = 2) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 4, 6, 3), dtype=np.uint8)


def test_values_are_scaled_as_imagenets() -> None:
    x = pictures()
    mean, deviation = (np.array(v) for v in IMAGENET)
    expected = (x / 255 - mean) / deviation
    found = scaled(x, torch.float64).permute(0, 2, 3, 1).numpy()
    assert found == pytest.approx(expected, abs=1e-6)
    assert scaled(x, torch.float32).dtype == torch.float32


def trunk(x: Tensor) -> list[Tensor]:
    """Two maps: the picture itself, and its left half twice as strong with a fourth channel."""
    half = 2 * x[..., :3]
    return [x, torch.cat([half, half[:, :1] ** 2], dim=1)]


def by_hand(x: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    a, b = trunk(scaled(x, torch.float64)), trunk(scaled(y, torch.float64))
    total = np.zeros(len(x))
    for p, q, w in zip(a, b, weights, strict=True):
        for n in range(len(x)):
            pixels = []
            for i in range(p.shape[2]):
                for j in range(p.shape[3]):
                    u, v = p[n, :, i, j].numpy(), q[n, :, i, j].numpy()
                    u, v = u / (np.sqrt((u**2).sum()) + 1e-10), v / (np.sqrt((v**2).sum()) + 1e-10)
                    pixels.append((w * (u - v) ** 2).sum())
            total[n] += np.mean(pixels)
    return total


def test_the_sum_over_layers_of_the_mean_over_pixels() -> None:
    x, y = pictures(2), pictures(3)[:2]
    weights = [np.array([0.5, 1.0, 0.25]), np.array([1.0, 0.0, 2.0, 0.5])]
    linear = [torch.tensor(w) for w in weights]
    found = distances(x, y, trunk, linear, torch.float64)  # type: ignore[arg-type]
    assert found.dtype == torch.float64
    assert found == pytest.approx(by_hand(x, y, weights), rel=1e-9)
    assert distances(x, x, trunk, linear, torch.float64).tolist() == [0.0, 0.0]  # type: ignore[arg-type]


def test_as_many_layers_as_maps() -> None:
    with pytest.raises(ValueError, match="zip"):
        distances(pictures(), pictures(), trunk, [torch.ones(3)], torch.float32)  # type: ignore[arg-type]


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_five_layers_of_weights_that_are_not_negative(net: str) -> None:
    found = linear_layers(net, torch.float64)
    assert [len(w) for w in found] == list(CHANNELS[net])
    assert len(found) == 5 and all((w >= 0).all() and w.dtype == torch.float64 for w in found)


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(distance.SHA256, "alex", "0" * 64)
    with pytest.raises(UserError, match="does not hold the published LPIPS weights"):
        linear_layers("alex")


def test_a_missing_file_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(distance.torchmetrics, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(UserError, match=r"alex\.pth"):
        linear_layers("alex")


def test_weights_are_read_as_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    load = torch.load

    def noted(*given: Any, **named: Any) -> Any:
        asked.append(named["weights_only"])
        return load(*given, **named)

    monkeypatch.setattr(torch, "load", noted)
    linear_layers("alex")
    assert asked == [True]
