"""Networks of other programs, for comparisons and benchmarks; none of their code is in this project."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Mapping
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

from torch import Tensor, nn


def module_of(path: Path) -> ModuleType:
    """The module in a file of Python."""
    spec = spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stand_in_for_torchvision() -> None:
    """Lets packages import that name torchvision and do not need it for what is measured here.

    Never in a process that uses torchmetrics, which asks whether torchvision is there.
    """
    if find_spec("torchvision") is not None:
        return
    for name in ("", ".transforms", ".transforms.functional", ".datasets", ".models"):
        module = MagicMock()
        module.__spec__ = importlib.machinery.ModuleSpec(f"torchvision{name}", None)
        module.__path__ = []
        sys.modules[f"torchvision{name}"] = module


def i3d_of(source: Path, state: Mapping[str, Tensor]) -> nn.Module:
    """piergiaj/pytorch-i3d's network with 400 logits, from its file pytorch_i3d.py."""
    network: nn.Module = module_of(source).InceptionI3d(400, in_channels=3)
    network.load_state_dict(dict(state), strict=False)
    return network.eval()
