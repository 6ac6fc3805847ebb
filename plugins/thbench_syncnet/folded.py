"""SyncNet evaluated as two plain 2-D networks: the same function, 1.6 times as fast on a CPU.

Only the first lip layer looks along time, over all five frames at once, so five RGB frames are one
picture of 15 channels. Batch norms are folded into the convolutions before them.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from thbench_syncnet.calls import filled
from thbench_syncnet.networks import SyncNet


class Folded(nn.Module):
    """`lip` and `sound` of a SyncNet in evaluation mode.

    precision  dtype of weights and activations: float32, bfloat16, or float64 for comparisons
    """

    def __init__(self, network: SyncNet, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._lip = Halves(_fold(network.netcnnlip, network.netfclip, precision))
        self._sound = Halves(_fold(network.netcnnaud, network.netfcaud, precision))
        for parameter in self.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.precision = precision

    def lip(self, windows: Tensor, linear: int | None = None) -> Tensor:
        """[N, 15, 224, 224], channel 3 t + c is frame t, colour c of B, G, R -> [N, 1024].

        linear  rows that the linear layers are given, N if None
        """
        features: Tensor = self._lip(_picture(windows, self.precision), linear)
        return features

    def sound(self, windows: Tensor, linear: int | None = None) -> Tensor:
        """[N, 1, 13, 20] -> [N, 1024]; `linear` as for `lip`."""
        features: Tensor = self._sound(_picture(windows, self.precision), linear)
        return features


class Halves(nn.Module):
    """Convolutions up to one vector per row, then linear layers, which may be given copies of rows behind it."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        cut = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Flatten)) + 1
        self.convolutions, self.linear = layers[:cut], layers[cut:]

    def forward(self, x: Tensor, rows: int | None) -> Tensor:
        vectors = self.convolutions(x)
        if rows is not None:
            vectors = filled(vectors, rows)
        features: Tensor = self.linear(vectors)[: len(x)]
        return features


def _picture(windows: Tensor, precision: torch.dtype) -> Tensor:
    return windows.to(precision).contiguous(memory_format=torch.channels_last)


def _fold(
    convolutions: nn.Sequential, head: nn.Sequential, precision: torch.dtype
) -> nn.Sequential:
    """One Sequential without batch norms, its 3-D layers made 2-D.

    Folding in float64, a layer at a time, keeps the float32 result within rounding of the unfolded network.
    """
    folded: list[nn.Module] = []
    for layer in (*convolutions, nn.Flatten(), *head):
        module = _flat(copy.deepcopy(layer).double())
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            folded[-1] = _fused(folded[-1], module).to(precision)
        elif isinstance(module, nn.MaxPool2d):
            # max(relu(x)) == relu(max(x)): pooling first leaves a quarter of the values to rectify.
            folded.insert(len(folded) - 1, module)
        elif isinstance(module, nn.ReLU):
            folded.append(nn.ReLU(inplace=True))
        elif not isinstance(module, nn.Identity):
            folded.append(module)
    return nn.Sequential(*folded).to(precision).eval().requires_grad_(False)


def _fused(layer: nn.Module, norm: nn.BatchNorm2d | nn.BatchNorm1d) -> nn.Module:
    if isinstance(layer, nn.Conv2d):
        return fuse_conv_bn_eval(layer, norm)
    assert isinstance(layer, nn.Linear)
    return fuse_linear_bn_eval(layer, norm)


def _flat(module: nn.Module) -> nn.Module:
    """The 2-D module that does to [N, T*C, H, W] what `module` does to [N, C, T, H, W]."""
    if isinstance(module, nn.Conv3d):
        return _flat_convolution(module)
    if isinstance(module, nn.BatchNorm3d):
        norm = nn.BatchNorm2d(module.num_features, eps=module.eps, dtype=module.weight.dtype)
        norm.load_state_dict(module.state_dict())
        return norm.eval()
    if isinstance(module, nn.MaxPool3d):
        size, stride = _picture_part(module.kernel_size), _picture_part(module.stride)
        return nn.MaxPool2d(size, stride, _picture_part(module.padding))
    return module


def _picture_part(sizes: int | tuple[int, int, int]) -> tuple[int, int]:
    """Height and width of a size given as (time, height, width)."""
    assert isinstance(sizes, tuple)
    return sizes[1], sizes[2]


def _flat_convolution(conv: nn.Conv3d) -> nn.Conv2d:
    weight = conv.weight.transpose(1, 2).flatten(1, 2)  # [O, C, T, h, w] -> [O, T*C, h, w]
    height, width = conv.kernel_size[1:]
    flat = nn.Conv2d(
        weight.shape[1],
        conv.out_channels,
        (height, width),
        stride=(conv.stride[1], conv.stride[2]),
        padding=(int(conv.padding[1]), int(conv.padding[2])),
        dtype=weight.dtype,
    )
    assert flat.bias is not None and conv.bias is not None
    flat.weight.data.copy_(weight.data)
    flat.bias.data.copy_(conv.bias.data)
    return flat.eval()
