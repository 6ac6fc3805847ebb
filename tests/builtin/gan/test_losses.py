"""Losses in float64 against the formulas of section 4.1.3, written out with sigmoids and loops."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from thbench_gan.losses import (
    adversarial_loss,
    discriminator_loss,
    pixel_loss,
    r1_penalty,
    snr_db,
)

LOGITS = st.lists(st.floats(-20, 20), min_size=1, max_size=5)


def double(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


@given(LOGITS, LOGITS)
@settings(max_examples=50, deadline=None)
def test_discriminator_loss_is_the_formula(real: list[float], fake: list[float]) -> None:
    on_real = -sum(math.log(probability(v)) for v in real) / len(real)
    on_fake = -sum(math.log(1 - probability(v)) for v in fake) / len(fake)
    found = float(discriminator_loss(double(real), double(fake)))
    assert found == pytest.approx(on_real + on_fake, rel=1e-6, abs=1e-9)


@given(LOGITS)
@settings(max_examples=50, deadline=None)
def test_adversarial_loss_is_the_formula(fake: list[float]) -> None:
    expected = -sum(math.log(probability(v)) for v in fake) / len(fake)
    assert float(adversarial_loss(double(fake))) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_losses_stay_finite_where_the_discriminator_is_sure() -> None:
    sure = double([1e4, -1e4])
    assert math.isfinite(float(discriminator_loss(sure, sure)))
    assert float(adversarial_loss(double([-1e4]))) == pytest.approx(1e4)


def test_an_undecided_discriminator_costs_two_log_two() -> None:
    zero = double([0.0, 0.0])
    assert float(discriminator_loss(zero, zero)) == pytest.approx(2 * math.log(2), rel=1e-12)
    assert float(adversarial_loss(zero)) == pytest.approx(math.log(2), rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_label_smoothing_is_the_cross_entropy_against_one_minus_s(smoothing: float) -> None:
    real, fake = double([0.3, -2.0]), double([-50.0])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        real, torch.full_like(real, 1 - smoothing)
    )
    assert float(discriminator_loss(real, fake, smoothing)) == pytest.approx(
        float(expected), rel=1e-12
    )


def test_pixel_loss_is_the_mean_over_every_value() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 3, 4, 5)), rng.normal(size=(2, 3, 3, 4, 5))
    total = 0.0
    for place in product(*map(range, a.shape)):
        total += abs(a[place] - b[place])
    found = float(pixel_loss(double(a), double(b)))
    assert found == pytest.approx(total / a.size, rel=1e-12)
    weight = rng.uniform(1, 3, size=(2, 3, 1, 4, 5))
    expected = np.average(np.abs(a - b), weights=np.broadcast_to(weight, a.shape))
    assert float(pixel_loss(double(a), double(b), double(weight))) == pytest.approx(
        expected, rel=1e-12
    )
    assert float(
        pixel_loss(double(a), double(b), double(np.ones((1, 1, 1, 1, 1))))
    ) == pytest.approx(found)


def test_snr_is_ten_log_of_signal_over_noise() -> None:
    rng = np.random.default_rng(1)
    truth, made = rng.uniform(size=(2, 4, 3, 5, 5)), rng.uniform(size=(2, 4, 3, 5, 5))
    for i, found in enumerate(snr_db(double(made), double(truth)).tolist()):
        expected = 10 * np.log10(np.sum(truth[i] ** 2) / np.sum((truth[i] - made[i]) ** 2))
        assert found == pytest.approx(expected, rel=1e-12)
    # noise a tenth of the signal everywhere: 20 dB
    assert float(snr_db(double(1.1 * truth[:1]), double(truth[:1]))) == pytest.approx(20, rel=1e-9)
    assert math.isfinite(float(snr_db(double(truth[:1]), double(truth[:1]))))


def test_r1_is_half_the_squared_gradient() -> None:
    x = double([[1.0, 2.0], [3.0, -1.0]]).requires_grad_()
    logits = (x**2).sum(dim=1)  # gradient 2 x
    expected = 0.5 * np.mean([4 * (1 + 4), 4 * (9 + 1)])
    penalty = r1_penalty(logits, x)
    assert penalty.item() == pytest.approx(expected, rel=1e-12)
    (second,) = torch.autograd.grad(penalty, x)  # 4 x / 2 clips: it can be minimised
    assert torch.allclose(second, 2 * x)
