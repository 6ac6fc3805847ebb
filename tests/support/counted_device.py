"""A device that computes nothing and counts what crosses its border: torch's `meta` with a dispatch mode.

Shapes, types and devices are real, so code that runs on it runs on a GPU as far as these go. An operation that mixes it
with tensors in memory fails, as on a GPU. Values that come down are zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = "meta"
_MOVES = {"aten::_to_copy": 0, "aten::copy_": 1}
"""Which argument is what is moved."""
_READS = ("aten::_local_scalar_dense", "aten::item", "aten::equal", "aten::is_nonzero")


@dataclass
class CountedDevice(TorchDispatchMode):
    """Within the block: shapes of what went up, of what came down, and the names of operations that wait for a value.

    Whatever comes down makes the caller wait for all work that was given to the device before.
    """

    up: list[tuple[int, ...]] = field(default_factory=list)
    down: list[tuple[int, ...]] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    operations: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func._can_decompose():  # in inference mode `x.cpu()` arrives as it is written
            with self:
                return func.decompose(*args, **kwargs)
        name = func._schema.name
        there = any(_is_there(a) for a in [*args, *kwargs.values()])
        if name in _READS and there:
            self.waits.append(name)
            return 1
        if name == "aten::_to_copy" and there and str(kwargs.get("device")) == "cpu":
            self.down.append(tuple(args[0].shape))
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        result = func(*args, **kwargs)
        if name in _MOVES and _is_there(result) and not _is_there(args[_MOVES[name]]):
            self.up.append(tuple(result.shape))
        self.operations += _is_there(result)
        return result


def _is_there(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.device.type == DEVICE
