"""Schedule and steps in float64 against diffusers' schedulers and against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from guards import some
from make_guided_diffusion_values import VALUES
from thbench_ddpm.diffusion import (
    TRAINING_STEPS,
    Diffusion,
    Predicts,
    alphas_bar,
    spaced,
    steps_back,
)
from thbench_ddpm.options import MOST_QUADRATIC

THEIR_NAME = {"noise": "epsilon", "v": "v_prediction"}
TOLERANCE = 1e-6
"""diffusers computes its betas in float32; ours are given to it, what stays is its arithmetic."""


def theirs_of(name: str) -> Any:
    """A class of diffusers, whose import takes two seconds: not when tests are collected."""
    import diffusers  # type: ignore[import-untyped]

    return getattr(diffusers, name)


def scheduler(name: str, predicts: Predicts, **options: object) -> Any:
    """diffusers' scheduler with our float64 table of abar and no other choice of its own."""
    made = theirs_of(name)(
        num_train_timesteps=TRAINING_STEPS, beta_schedule="squaredcos_cap_v2", clip_sample=True,
        prediction_type=THEIR_NAME[predicts], **options,
    )  # fmt: skip
    made.alphas_cumprod = torch.from_numpy(alphas_bar())
    made.final_alpha_cumprod = made.one = torch.tensor(1.0, dtype=torch.float64)
    made.alphas = made.alphas_cumprod / torch.cat((made.one[None], made.alphas_cumprod[:-1]))
    made.betas = 1 - made.alphas
    return made


def images(seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((2, 3, 8, 8)))


def close(a: Tensor, b: Tensor) -> bool:
    return float((a - b).abs().max()) <= TOLERANCE * float(b.abs().max())


@pytest.mark.slow
def test_the_schedule_is_diffusers_and_that_of_the_paper() -> None:
    """Nichol & Dhariwal 2021, equation 17, s = 0.008, betas cut at 0.999."""
    theirs = theirs_of("DDIMScheduler")(num_train_timesteps=250, beta_schedule="squaredcos_cap_v2")
    assert np.allclose(alphas_bar(), theirs.alphas_cumprod.double().numpy(), rtol=1e-4, atol=1e-9)
    assert 0 < alphas_bar()[-1] < 1e-5
    assert alphas_bar()[0] == pytest.approx(
        (np.cos((1 / 250 + 0.008) / 1.008 * np.pi / 2) / np.cos(0.008 / 1.008 * np.pi / 2)) ** 2
    )


def test_the_schedule_is_guided_diffusions() -> None:
    """Its own betas (22e0df8, float64), by make_guided_diffusion_values.py."""
    theirs = np.load(VALUES)["betas"]
    assert theirs.shape == (TRAINING_STEPS,)
    assert np.allclose(alphas_bar(), np.cumprod(1 - theirs), rtol=1e-12, atol=0)


def test_steps_are_spaced_from_the_first_to_the_last() -> None:
    assert spaced(250) == list(range(250))
    assert spaced(50)[:3] == [0, 5, 10]
    assert spaced(50)[-1] == spaced(1)[0] == 249
    assert spaced(5) == [0, 62, 124, 187, 249]


def test_quadratic_steps_are_closer_where_there_is_little_noise() -> None:
    assert spaced(4, "quadratic") == [16, 62, 140, 249]
    assert spaced(1, "quadratic") == [249]
    assert [step.t for step in steps_back(4, 0.0, "quadratic")] == [249, 140, 62, 16]
    assert steps_back(4, 0.0, "quadratic")[-1].abar_next == 1
    different = [s for s in range(1, 251) if len(set(spaced(s, "quadratic"))) == s]
    assert different == list(range(1, MOST_QUADRATIC + 1))


@pytest.mark.parametrize("predicts", ["noise", "v"])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 7, 50])
def test_every_ddim_step_is_that_of_diffusers(predicts: Predicts, eta: float, steps: int) -> None:
    theirs, ours = scheduler("DDIMScheduler", predicts), steps_back(steps, eta)
    following = [s.t for s in ours[1:]]
    for i, step in some(enumerate(ours)):
        # diffusers finds the next timestep by a constant stride: given ours, one pair at a time
        after = following[i] if i < len(following) else -1
        theirs.num_inference_steps = 1
        theirs.config.num_train_timesteps = step.t - after
        x, output, fresh = images(i), images(i + 500), images(i + 900)
        expected = theirs.step(
            output, step.t, x, eta=eta, use_clipped_model_output=True, variance_noise=fresh
        )
        image = step.image(x, output, predicts)
        assert close(image, expected.pred_original_sample)
        assert close(step.back(x, image, fresh if eta else None), expected.prev_sample)


@pytest.mark.parametrize("predicts", ["noise", "v"])
def test_eta_1_over_all_steps_is_ancestral_ddpm(
    predicts: Predicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = scheduler("DDPMScheduler", predicts, variance_type="fixed_small")
    for i, step in some(enumerate(steps_back(250, 1.0))):
        x, output, fresh = images(i), images(i + 500), images(i + 900)
        monkeypatch.setattr(
            "diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, _f=fresh, **__: _f
        )
        expected = theirs.step(output, step.t, x)
        image = step.image(x, output, predicts)
        assert close(image, expected.pred_original_sample)
        assert close(step.back(x, image, fresh), expected.prev_sample)


@pytest.mark.parametrize("predicts", ["noise", "v"])
@pytest.mark.parametrize("t", [0, 100, 249])
def test_the_image_is_recovered_from_the_exact_output(predicts: Predicts, t: int) -> None:
    """x_t = sqrt(abar) x_0 + sqrt(1 - abar) noise, inverted."""
    image, noise = images(1).clamp(-1, 1), images(2)
    at = torch.full((2,), t)
    diffusion = Diffusion(predicts)
    x = diffusion.noisy(image, noise, at)
    abar = alphas_bar()[t]
    assert torch.allclose(x, np.sqrt(abar) * image + np.sqrt(1 - abar) * noise, rtol=1e-12)
    step = steps_back(250, 0.0)[249 - t]
    assert step.t == t
    found = step.image(x, diffusion.target(image, noise, at), predicts)
    assert torch.allclose(found, image, atol=1e-9)


def test_sampling_ends_at_the_image_that_an_exact_network_sees() -> None:
    image, x = images(1).clamp(-1, 1), images(2)
    for step in steps_back(10, 0.0):
        noise = (x - step.abar**0.5 * image) / (1 - step.abar) ** 0.5
        x = step.back(x, step.image(x, noise, "noise"), None)
    assert torch.allclose(x, image, atol=1e-9)
