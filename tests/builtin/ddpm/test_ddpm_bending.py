"""A denoiser that bends the identity frame: its formula, and what it starts from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from denoisers import SIZE, checkpoint, context, request, source, trainer
from thbench.api import Generated
from thbench.training.data import tensors
from thbench_ddpm.bending import REACH, SUREST, bend, with_identity
from thbench_ddpm.diffusion import Diffusion, Predicts
from thbench_ddpm.generator import DdpmGenerator
from thbench_ddpm.options import Options

pytestmark = pytest.mark.usefixtures("one_thread")
SHOWN = 40.0
"""Odds of a bent frame that is trusted as far as one can be."""


@pytest.mark.parametrize("predicts", ["v", "noise"])
def test_the_image_is_the_mean_of_both_estimates_weighted_by_precision(predicts: Predicts) -> None:
    """x_0 is the mean of x_0' (variance r^2) and bent (1 / o), weighted by precision, in float64."""
    torch.manual_seed(0)
    diffusion, t = Diffusion(predicts), torch.tensor([0, 50, 150, 249])
    image, noise, frame, off = torch.randn(4, 4, 3, 8, 8).double()
    abar = diffusion.abar[t]
    signal, spread = abar.sqrt()[:, None, None, None], (1 - abar).sqrt()[:, None, None, None]
    noisy = signal * image + spread * noise
    plain = diffusion.target(image, noise, t) + off
    odds = 9 * torch.randn(4, 1, 8, 8).double()
    flow = torch.zeros(4, 2, 8, 8).double()

    def seen(output: torch.Tensor) -> torch.Tensor:
        if predicts == "v":
            return signal * noisy - spread * output
        return (noisy - spread * output) / signal

    raw = torch.cat((plain, flow, odds), dim=1)
    found = seen(with_identity(raw, noisy, frame, abar, predicts))
    precision = (1 / spread**2, (SUREST * (odds / SUREST).tanh()).exp())
    expected = (precision[0] * seen(plain) + precision[1] * frame) / (precision[0] + precision[1])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_a_flow_moves_the_frame_by_pixels() -> None:
    frame = torch.rand(1, 3, 16, 16).double()
    flow = torch.zeros(1, 2, 16, 16).double()
    torch.testing.assert_close(bend(frame, flow), frame)
    flow[:, 0] = 2 / 16 * 3  # three pixels to the right in the frame
    moved = bend(frame, flow)
    torch.testing.assert_close(moved[..., :13], frame[..., 3:])
    torch.testing.assert_close(moved[..., 13:], frame[..., 15:].expand(-1, -1, -1, 3))


def test_what_is_seen_already_is_left_as_it_is() -> None:
    """Without noise the frame has no say, with nothing but noise all of it."""
    raw = torch.cat((torch.zeros(2, 5, 8, 8), torch.full((2, 1, 8, 8), SHOWN)), dim=1)
    frame = torch.rand(2, 3, 8, 8)
    noisy = torch.rand(2, 3, 8, 8)
    v = with_identity(raw, noisy, frame, torch.tensor([1.0, 0.0]), "v")
    assert torch.equal(v[0], torch.zeros(3, 8, 8))
    trusted = math.exp(SUREST) / (1 + math.exp(SUREST))
    torch.testing.assert_close(-v[1], trusted * frame[1])
    assert REACH > 0


def test_it_learns_and_draws(tmp_path: Path) -> None:
    learner = trainer(architecture={"output": "identity", "dropout": 0.0})
    clip = learner.prepare(source())
    cuts = [learner.cut(clip, np.random.default_rng(i)) for i in range(2)]
    batch = tensors({k: np.stack([c[k] for c in cuts]) for k in cuts[0]}, "cpu")
    for _ in range(2):  # the last layer starts at 0
        learner.loss("denoiser", batch)[0].backward()
        with torch.no_grad():
            learner.denoiser.unet.last.weight -= 0.1 * learner.denoiser.unet.last.weight.grad
    patches = learner.denoiser.unet.last.weight.grad.flatten(1).abs().sum(dim=1)
    assert bool((patches > 0).all())
    made = DdpmGenerator(
        Options(checkpoint=checkpoint(tmp_path / "a.safetensors", output="identity"), steps=3),
        context(),
    )
    (answer,) = made.generate([request("a", 2)])
    assert isinstance(answer, Generated)
    assert answer.frames is not None
    assert answer.frames.shape == (2, SIZE, SIZE, 3)


def test_weights_of_a_plain_network_serve_it(tmp_path: Path) -> None:
    start = checkpoint(tmp_path / "start.safetensors", dropout=0.0)
    changes = {"output": "identity", "motion_signal": True, "dropout": 0.0}
    learner = trainer(architecture=changes, init_from=start)
    plain = trainer(architecture={"dropout": 0.0}, init_from=start)
    n = len(plain.denoiser.unet.last.bias)
    assert torch.equal(learner.denoiser.unet.last.weight[:n], plain.denoiser.unet.last.weight)
    assert not learner.denoiser.unet.last.weight[n:].any()
    assert learner.architecture["output"] == "identity"
    assert "output" not in plain.architecture
