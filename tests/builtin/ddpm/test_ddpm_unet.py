"""The UNet: parameter counts of table 1, and guided-diffusion's own outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from make_guided_diffusion_values import SIZE, SMALL, VALUES, inputs, ours
from thbench_ddpm.networks import Denoiser
from thbench_ddpm.options import Architecture
from thbench_ddpm.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")

COLUMN_64 = Architecture()
COLUMN_128 = Architecture(
    channels=256, multiples=(1, 1, 2, 3, 4), blocks=2, heads=4, dropout=0.0, landmarks=True
)


@pytest.mark.parametrize(
    ("architecture", "parameters"), [(COLUMN_64, 294_172_419), (COLUMN_128, 469_951_747)]
)
def test_parameters_of_table_1(architecture: Architecture, parameters: int) -> None:
    with torch.device("meta"):
        unet = Denoiser(architecture).unet
    assert sum(p.numel() for p in unet.parameters()) == parameters


def test_outputs_are_those_of_guided_diffusion() -> None:
    """Values: openai/guided-diffusion 22e0df8, by make_guided_diffusion_values.py (torch 2.13.0, float64),
    the same weights by name, only the time injected. The 64 px column, 293,195,523 parameters without
    landmarks and with a short audio signal, was compared once with `--full`: largest distance 2.6e-9.
    """
    network = ours(**SMALL)
    with torch.inference_mode():
        output = network(*inputs(SIZE), {}).numpy()
    expected = np.load(VALUES)["output"]
    assert np.abs(output - expected).max() <= 1e-10 * np.abs(expected).max()


def test_every_signal_changes_the_output_and_a_fresh_network_puts_out_zeros() -> None:
    network = ours(**SMALL)
    x, t = inputs(SIZE)
    sound = torch.ones(2, 8, dtype=torch.float64)
    with torch.inference_mode():
        heard = network(x, t, network.embedded({"audio": sound}))
        assert not torch.allclose(heard, network(x, t, {}))
        assert not torch.allclose(heard, network(x, t + 1, network.embedded({"audio": sound})))
        fresh = UNet(9, 3, 32, (1,), 1, 1, 0.0, {})
        assert float(fresh(torch.randn(1, 9, 8, 8), torch.zeros(1), {}).abs().max()) == 0


def test_patches_give_images_of_the_same_size() -> None:
    network = UNet(9, 3, 32, (1, 1), 1, 1, 0.0, {}, patch=2)
    assert network(torch.zeros(1, 9, 16, 16), torch.zeros(1), {}).shape == (1, 3, 16, 16)


def test_gradient_checkpointing_changes_no_gradient() -> None:
    x, t = inputs(SIZE)
    gradients = []
    for again in (False, True):
        network = ours(**SMALL).train()
        network.checkpointing = again
        network(x, t, {}).square().mean().backward()
        gradients.append(network.first.weight.grad)
    assert gradients[0] is not None
    assert gradients[1] is not None
    assert torch.equal(gradients[0], gradients[1])


def test_sizes_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="channels 36 is not a multiple of groups 32"):
        Architecture(channels=36)
    with pytest.raises(ValueError, match="64 channels in the middle are no multiple of heads 6"):
        Architecture(channels=32, multiples=(1, 2), heads=6)
