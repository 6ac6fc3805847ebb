"""Makes guided_diffusion.npz: outputs of guided-diffusion's own UNet on weights that ours is given too,
and its cosine betas.

    git clone https://github.com/openai/guided-diffusion && git -C guided-diffusion checkout 22e0df8
    python tests/tools/make_guided_diffusion_values.py guided-diffusion

Its norms and time codes compute in float32 whatever they are given; here those casts are taken out.
`--full` compares the 64 px column of table 1 (294 M parameters) instead, once, and stores nothing.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from thbench_ddpm.diffusion import TRAINING_STEPS
from thbench_ddpm.unet import UNet

VALUES = Path(__file__).resolve().parents[1] / "builtin" / "ddpm" / "guided_diffusion.npz"
SMALL = {"channels": 32, "multiples": (1, 2, 2), "blocks": 2, "heads": 4}
SIZE = 16

INSIDE = (
    ("in_layers.0", "norm_in"), ("in_layers.2", "conv_in"), ("emb_layers.1", "inject.time"),
    ("out_layers.0", "norm_out"), ("out_layers.3", "conv_out"), ("skip_connection", "skip"),
    ("proj_out", "proj"),
)  # fmt: skip


def our_name(theirs: str) -> str:
    """Our parameter's name for one of guided-diffusion's."""
    name = re.sub(r"^input_blocks\.0\.0", "first", theirs)
    name = re.sub(r"^input_blocks\.(\d+)\.0", lambda m: f"down.{int(m[1]) - 1}", name)
    name = name.replace("middle_block", "middle").replace("output_blocks", "up")
    name = name.replace("time_embed", "embed.time")
    name = re.sub(r"^out\.0", "norm", re.sub(r"^out\.2", "last", name))
    for part, ours in INSIDE:
        name = name.replace(part, ours)
    return name


def ours(channels: int, multiples: tuple[int, ...], blocks: int, heads: int) -> UNet:
    """Our network with weights drawn by name from one seed, in float64; the audio signal is never given."""
    network = UNet(9, 3, channels, multiples, blocks, heads, 0.0, {"audio": 8}).double().eval()
    rng = np.random.RandomState(0)
    with torch.no_grad():
        for _, values in sorted(network.state_dict().items()):
            values.copy_(torch.from_numpy(rng.standard_normal(values.shape) * 0.05))
    return network


def inputs(size: int) -> tuple[Tensor, Tensor]:
    rng = np.random.RandomState(1)
    images = torch.from_numpy(rng.standard_normal((2, 9, size, size)))
    return images, torch.tensor([3.0, 217.0], dtype=torch.float64)


def theirs(checkout: Path, network: UNet, size: int, **knobs: object) -> nn.Module:
    """guided-diffusion's network with our weights."""
    sys.path.insert(0, str(checkout))
    from guided_diffusion import nn as their_nn
    from guided_diffusion import unet as their_unet

    their_nn.GroupNorm32.forward = nn.GroupNorm.forward
    their_unet.timestep_embedding = _time_code
    peer = their_unet.UNetModel(
        image_size=size, in_channels=9, model_channels=knobs["channels"], out_channels=3,
        num_res_blocks=knobs["blocks"], attention_resolutions=(), dropout=0.0,
        channel_mult=knobs["multiples"], num_heads=knobs["heads"], use_scale_shift_norm=True,
        resblock_updown=True,
    ).double().eval()  # fmt: skip
    own = network.state_dict()
    copied = {k: own[our_name(k)].reshape(v.shape) for k, v in peer.state_dict().items()}
    peer.load_state_dict(copied)
    peer.dtype = torch.float64
    return peer


def _time_code(timesteps: Tensor, dim: int, max_period: int = 10000) -> Tensor:
    """Their `timestep_embedding` without its casts to float32."""
    half = dim // 2
    freqs = torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float64) / half)
    args = timesteps[:, None].double() * freqs[None]
    return torch.cat([torch.cos(args), torch.sin(args)], dim=-1)


def compare(checkout: Path, size: int, **knobs: object) -> np.ndarray:
    network = ours(**knobs)  # type: ignore[arg-type]
    peer = theirs(checkout, network, size, **knobs)
    images, t = inputs(size)
    with torch.inference_mode():
        mine, expected = network(images, t, {}), peer(images, t)
    distance = float((mine - expected).abs().max() / expected.abs().max())
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters: distance {distance:.2e}")
    return expected.numpy()


def betas() -> np.ndarray:
    """Their cosine schedule over our number of steps; `compare` has put their package on the path."""
    from guided_diffusion.gaussian_diffusion import get_named_beta_schedule

    return np.asarray(get_named_beta_schedule("cosine", TRAINING_STEPS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--full", action="store_true")
    given = parser.parse_args()
    if given.full:
        compare(given.checkout, 64, channels=192, multiples=(1, 2, 3, 4), blocks=3, heads=8)
        return
    output = compare(given.checkout, SIZE, **SMALL)
    np.savez_compressed(VALUES, output=output, betas=betas())


if __name__ == "__main__":
    main()
