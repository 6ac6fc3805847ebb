"""From a published state dict to the folded network.

Both public files (pytorch-fid's `pt_inception-...`, torch-fidelity's `weights-inception-...`) name a
layer `Mixed_5b.branch1x1.conv.weight` (by their names' hash they are one file); a state dict saved from pytorch-fid's own module numbers the
outer layers instead (`blocks.2.0.branch1x1.conv.weight`). Both are read, with `weights_only=True`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from thbench.api import UserError, reading
from thbench_fid.network import Inception2015

__all__ = ["folded", "load", "read"]

REMEDY = "`thbench weights fetch inception-2015` gets the right one"
BATCH_NORM_EPSILON = 1e-3  # TensorFlow's, not torch's 1e-5
BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
CLASSIFIER = "fc.weight"
CLASSES = 1008  # the 2015 graph; ImageNet's usual 1000 betray another network

MIDDLE = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e")
# pytorch-fid's module: outer layers by block and place; places with pools or activations only are absent
NUMBERED = {
    "blocks.0.0": "Conv2d_1a_3x3",
    "blocks.0.1": "Conv2d_2a_3x3",
    "blocks.0.2": "Conv2d_2b_3x3",
    "blocks.1.0": "Conv2d_3b_1x1",
    "blocks.1.1": "Conv2d_4a_3x3",
    **{f"blocks.2.{i}": f"Mixed_{n}" for i, n in enumerate(MIDDLE)},
    **{f"blocks.3.{i}": f"Mixed_{n}" for i, n in enumerate(("7a", "7b", "7c"))},
}


def load(path: Path, dtype: torch.dtype = torch.float64) -> Inception2015:
    """The folded network of a published file. Raises UserError for any other file."""
    return folded(read(path), path.name, dtype)


def read(path: Path) -> dict[str, Tensor]:
    """The state dict of a file under the published names. Raises UserError where it is none."""
    with reading(path, REMEDY):
        state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError(f"{path.name} holds no state dict of tensors", REMEDY)
    return {published_name(str(k)): v for k, v in state.items()}


def published_name(key: str) -> str:
    """`blocks.2.0.branch1x1.conv.weight` -> `Mixed_5b.branch1x1.conv.weight`; other keys as they are."""
    outer = ".".join(key.split(".")[:3])
    return NUMBERED[outer] + key[len(outer) :] if outer in NUMBERED else key


def folded(
    state: Mapping[str, Tensor],
    origin: str = "the state dict",
    dtype: torch.dtype = torch.float64,
) -> Inception2015:
    """Network with y = gamma (w x - mean) / sqrt(var + eps) + beta written as w' x + b'.

    Computed in float64 layer by layer and rounded once to `dtype`: a whole network in float64 beside
    the one in use would be 174 MB.

    Raises UserError naming the first key that is missing, unknown or of the wrong shape.
    """
    with torch.device("meta"):  # values drawn only to be replaced take a tenth of a second
        network = Inception2015()
    convolutions = {n: m for n, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    check(state, convolutions, origin)
    for name, conv in convolutions.items():
        norm = [state[f"{name}.bn.{p}"] for p in BATCH_NORM]
        weight, bias = fold(state[f"{name}.conv.weight"], norm)
        # Put in its place: `Module.to_empty` of a network without memory imports sympy, 0.4 s.
        conv.weight, conv.bias = (nn.Parameter(t.to(dtype), False) for t in (weight, bias))
    return network.eval()


def fold(weight: Tensor, batch_norm: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Weight and bias in float64 of the convolution that does both."""
    gamma, beta, mean, variance = (t.double() for t in batch_norm)
    scale = gamma / torch.sqrt(variance + BATCH_NORM_EPSILON)
    return weight.double() * scale[:, None, None, None], beta - mean * scale


def check(state: Mapping[str, Tensor], convolutions: Mapping[str, nn.Conv2d], origin: str) -> None:
    expected = {f"{n}.conv.weight": tuple(c.weight.shape) for n, c in convolutions.items()}
    for name, conv in convolutions.items():
        expected |= {f"{name}.bn.{p}": (conv.out_channels,) for p in BATCH_NORM}
    for key, shape in expected.items():
        if key not in state:
            raise UserError(f"{origin} is not the 2015 Inception: {key} is missing", REMEDY)
        if tuple(state[key].shape) != shape:
            found = tuple(state[key].shape)
            raise UserError(
                f"{origin} is not the 2015 Inception: {key} is {found}, not {shape}", REMEDY
            )
    unknown = [k for k in state if k not in expected and not ignored(k)]
    if unknown:
        raise UserError(f"{origin} is not the 2015 Inception: it holds {unknown[0]}", REMEDY)
    if CLASSIFIER in state and len(state[CLASSIFIER]) != CLASSES:
        raise UserError(
            f"{origin} is not the 2015 Inception: it knows {len(state[CLASSIFIER])} classes, not "
            f"{CLASSES}",
            REMEDY,
        )


def ignored(key: str) -> bool:
    """Parts of the published files that features do not need: the classifier and counters."""
    return key in (CLASSIFIER, "fc.bias") or key.endswith("num_batches_tracked")
