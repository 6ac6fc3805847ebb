"""The VideoMAE network of content-debiased FVD (Ge et al. 2024): ViT-g/14 fine-tuned on Something-Something v2.

Tong et al. 2022 and Wang et al. 2023 (VideoMAE V2): cubes of 2 x 14 x 14 pixels, fixed sinusoidal positions,
40 pre-norm blocks of joint attention over all cubes; the mean over cubes, normalised, is the feature.
Names follow the published state dict.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from thbench.api import UserError, reading

__all__ = ["GIANT", "Shape", "VideoMae", "load", "positions"]

REMEDY = "import vit_g_hybrid_pt_1200e_ssv2_ft.pth: `thbench weights import videomae-g-ssv2 FILE`"
EPSILON = 1e-6


@dataclass(frozen=True)
class Shape:
    """Of the network: pixels, frames, cube, channels, blocks, heads, and channels inside each MLP."""

    side: int = 224
    frames: int = 16
    patch: int = 14
    tubelet: int = 2
    width: int = 1408
    depth: int = 40
    heads: int = 16
    hidden: int = 6144  # 1408 x 48 / 11

    @property
    def cubes(self) -> int:
        return (self.frames // self.tubelet) * (self.side // self.patch) ** 2


GIANT = Shape()


class Attention(nn.Module):
    """Multi-head self-attention with biases on queries and values only."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(shape.width))
        self.v_bias = nn.Parameter(torch.zeros(shape.width))
        self.proj = nn.Linear(shape.width, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        n, cubes, width = x.shape
        bias = torch.cat([self.q_bias, torch.zeros_like(self.v_bias), self.v_bias])
        q, k, v = (
            F.linear(x, self.qkv.weight, bias)
            .reshape(n, cubes, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 1, 4)  # 3 x [N, heads, cubes, width / heads]
        )
        y = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.proj(y.transpose(1, 2).reshape(n, cubes, width))
        return out


class Mlp(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.fc1 = nn.Linear(shape.width, shape.hidden)
        self.fc2 = nn.Linear(shape.hidden, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(shape.width, eps=EPSILON) for _ in range(2))
        self.attn, self.mlp = Attention(shape), Mlp(shape)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Patches(nn.Module):
    """Videos [N, 3, T, H, W] -> one vector per cube [N, cubes, width]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        cube = (shape.tubelet, shape.patch, shape.patch)
        self.proj = nn.Conv3d(3, shape.width, cube, cube)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return out


class VideoMae(nn.Module):
    """Windows [N, 3, frames, side, side], RGB 0..1 (as content-debiased FVD feeds them) -> features [N, width]."""

    def __init__(self, shape: Shape = GIANT) -> None:
        super().__init__()
        self.shape = shape
        self.patch_embed = Patches(shape)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.fc_norm = nn.LayerNorm(shape.width, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x)
        x = x + positions(self.shape.cubes, self.shape.width).to(x)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.fc_norm(x.mean(dim=1))
        return out


def positions(cubes: int, width: int) -> Tensor:
    """[cubes, width] float32: sines at even, cosines at odd places, of angles p / 10000^(2 [i / 2] / width)."""
    p = torch.arange(cubes, dtype=torch.float64)[:, None]
    i = torch.arange(width, dtype=torch.float64)
    angles = p / 10000 ** (2 * (i // 2) / width)
    return torch.where(i % 2 == 0, angles.sin(), angles.cos()).float()


def load(path: Path, shape: Shape = GIANT) -> VideoMae:
    """The network of a published file (4 GB). Raises UserError for any other file."""
    with reading(path, REMEDY):
        mapped = zipfile.is_zipfile(path)  # files older than the zip format cannot be
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    for wrapper in ("model", "module"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict):
        raise UserError(f"{path.name} holds no state dict of tensors", REMEDY)
    with torch.device("meta"):
        network = VideoMae(shape)
    wanted = network.state_dict()
    for key, tensor in wanted.items():
        if key not in state or state[key].shape != tensor.shape:
            has = tuple(state[key].shape) if key in state else "missing"
            raise UserError(
                f"{path.name} is not the VideoMAE of content-debiased FVD: {key} is {has}, expected "
                f"{tuple(tensor.shape)}",
                REMEDY,
            )
    unknown = [k for k in state if k not in wanted and not str(k).startswith("head.")]
    if unknown:
        raise UserError(
            f"{path.name} is not the VideoMAE of content-debiased FVD: it holds {unknown[0]}",
            REMEDY,
        )
    network.load_state_dict({key: state[key].float() for key in wanted}, assign=True)
    return network.eval().requires_grad_(False)
