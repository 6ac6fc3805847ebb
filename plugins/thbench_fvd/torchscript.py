"""The tensors of a TorchScript archive by name, without running what is in it.

`torch.jit.load` compiles and runs code that the file brings, and `torch.load(weights_only=True)` refuses
such archives. This reads `data.pkl` with an unpickler that knows three kinds of names only: the
archive's own classes, which become empty containers, `OrderedDict`, and the function that makes a
tensor of a storage, which is replaced by one that checks every bound. No code of the archive is read.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from thbench.api import reading

__all__ = ["is_torchscript", "tensors_of"]

MOST_PICKLE = 16 << 20
"""Bytes that `data.pkl` may have; that of the I3D archive has a few hundred kilobytes."""
DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
}


@dataclass(eq=False)
class Part:
    """An object of the archive: its attributes by name."""

    state: Any = field(default_factory=dict)

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __call__(self, *_: Any) -> Part:
        return Part()


def is_torchscript(path: Path) -> bool:
    """Whether the file is a zip archive with TorchScript code; False for any other file."""
    with reading(path):
        if not zipfile.is_zipfile(path):
            return False
    with reading(path), zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def tensors_of(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of every parameter and buffer, `a.b.weight` as in a state dict.

    Raises UserError for a file that is no such archive, is damaged, or wants to make anything else.
    """
    with (
        reading(path, "a TorchScript archive of weights is wanted"),
        zipfile.ZipFile(path) as archive,
    ):
        root = _Reader(archive).load()
        return dict(_walk(root, ""))


class _Refused(Exception):
    """The archive asks for something that no file of weights needs."""


class _Reader(pickle.Unpickler):
    """Only containers and tensors come out, whatever the pickle asks for."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        (name,) = [n for n in archive.namelist() if n.endswith("/data.pkl")][:1] or [""]
        if not name or archive.getinfo(name).file_size > MOST_PICKLE:
            raise _Refused("no data.pkl of a reasonable size")
        self._archive, self._folder = archive, name.removesuffix("data.pkl")
        super().__init__(archive.open(name))

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return Part
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if module == "torch.jit._pickle":  # typed lists and dicts of the module's settings
            return lambda value, *_: value
        raise _Refused(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> Tensor:
        """The storage as a flat tensor; its record must hold exactly what is declared."""
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or "/" in str(key):
            raise _Refused(f"an unknown storage {kind!r}")
        record = self._archive.getinfo(f"{self._folder}data/{key}")
        if record.compress_type != zipfile.ZIP_STORED or record.file_size != count * dtype.itemsize:
            raise _Refused(f"storage {key} is not {count} stored numbers")
        content = bytearray(self._archive.read(record))
        return torch.frombuffer(content, dtype=dtype) if count else torch.empty(0, dtype=dtype)


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    """A view of the storage; every element must lie inside it."""
    numbers = [offset, *size, *stride]
    if len(size) != len(stride) or any(type(n) is not int or n < 0 for n in numbers):
        raise _Refused("a tensor with impossible strides")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if math.prod(size) and last >= storage.numel():
        raise _Refused("a tensor beyond its storage")
    if math.prod(size) > storage.numel():
        raise _Refused("a tensor larger than its storage")
    return storage.as_strided(tuple(size), tuple(stride), offset)


def _walk(part: Any, prefix: str) -> list[tuple[str, Tensor]]:
    found: list[tuple[str, Tensor]] = []
    state = part.state if isinstance(part, Part) else part
    if not isinstance(state, dict):
        return found
    for name, value in state.items():
        key = f"{prefix}{name}"
        if isinstance(value, Tensor):
            found.append((key, value))
        elif isinstance(value, Part):
            found += _walk(value, f"{key}.")
    return found
