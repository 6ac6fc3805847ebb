"""A feature archive: what set metrics saw in every clip of a row, so that anyone can compute them again.

    features.json    metric -> clip -> name of the array -> number of its member
    0.npy, 1.npy ... each array once, however many metrics share it

It is a zip that may come from a third party. Its members are stored uncompressed, so it never holds more
than its own size; nothing is unpacked to a disk; arrays are finite numbers, nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thbench.api import UserError
from thbench.files.arrays import array_bytes, read_array, zip_member
from thbench.files.atomic import atomic_file, printable
from thbench.files.foreign import reading, sha256_of

LARGEST = 4 * 10**9
"""Bytes: CREMA-D's 820 test clips have 430 MB of Inception features."""
INDEX = "features.json"
_LARGEST_INDEX = 64_000_000
_NUMBERS = "biuf"
"""Kinds of numpy's types: truth values, integers, floats."""

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""Of one clip, by name."""


class Index(BaseModel):
    """features.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(default=1, alias="schema")
    metrics: dict[str, dict[str, dict[str, Annotated[int, Field(ge=0)]]]]


def write_archive(path: Path, observed: Iterable[tuple[str, str, Arrays]]) -> str:
    """Write (metric, clip, arrays) and return the file's SHA-256. Equal arrays give equal bytes.

    Raises UserError for arrays that are no finite numbers and where the disk is full.
    """
    numbers: dict[bytes, int] = {}
    metrics: dict[str, dict[str, dict[str, int]]] = {}
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as zipped:
        for metric, clip, arrays in observed:
            of_clip = metrics.setdefault(metric, {}).setdefault(clip, {})
            for name in sorted(arrays):
                array = arrays[name]
                if reason := _wrong(array):
                    raise UserError(f"{metric}, clip {clip}: {name} {reason}", "leave --features")
                content = array_bytes(array)
                key = hashlib.sha256(content).digest()
                if key not in numbers:
                    numbers[key] = len(numbers)
                    zipped.writestr(zip_member(f"{numbers[key]}.npy"), content)
                of_clip[name] = numbers[key]
        text = json.dumps({"schema": 1, "metrics": metrics}, sort_keys=True)
        zipped.writestr(zip_member(INDEX), text)
    return sha256_of(path)


def _wrong(array: NDArray[Any]) -> str:
    """Why an array may not be in an archive; empty where it may."""
    if array.dtype.kind not in _NUMBERS:
        return f"is of type {array.dtype}, not of numbers"
    return "" if np.isfinite(array).all() else "holds NaN or infinity"


@dataclass(frozen=True)
class Archive:
    """An open archive that was checked."""

    zipped: zipfile.ZipFile
    index: Index

    def clips(self, metric: str) -> dict[str, Arrays]:
        """Clip -> its arrays, each read when asked for; empty for a metric that is not there."""
        found = self.index.metrics.get(metric, {})
        return {clip: _Members(self.zipped, numbers) for clip, numbers in found.items()}


@dataclass(frozen=True)
class _Members(Mapping[str, NDArray[Any]]):
    zipped: zipfile.ZipFile
    numbers: Mapping[str, int]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return read_array(self.zipped, f"{self.numbers[name]}.npy")

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


@contextmanager
def open_archive(path: Path, sha256: str, largest: int = LARGEST) -> Iterator[Archive]:
    """Open and check an archive: size, digest, index, every array.

    Raises UserError for what is no such archive.
    """
    name = printable(path)
    remedy = "`thbench leaderboard add --features` writes one"
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{name} is missing, or no file", remedy)
    if path.stat().st_size > largest:
        raise UserError(
            f"{name} is larger than {largest} bytes", "--features-at says where it lies"
        )
    if (found := sha256_of(path)) != sha256:
        raise UserError(
            f"{name}: SHA-256 {found[:12]}..., the result names {sha256[:12]}...", remedy
        )
    with path.open("rb") as file:
        with reading(f"feature archive {name}", remedy):
            try:
                archive = _checked(zipfile.ZipFile(file), path.stat().st_size)
            except ValidationError as error:
                raise UserError(f"{name}: {INDEX}: {error.errors()[0]['msg']}", remedy) from None
        yield archive


def _checked(zipped: zipfile.ZipFile, size: int) -> Archive:
    """Raises whatever its parts raise for bytes that are not what they claim."""
    members = zipped.infolist()
    names = [f"{n}.npy" for n in range(len(members) - 1)]
    if sorted(m.filename for m in members) != sorted([*names, INDEX]):
        raise ValueError(f"its members are not {INDEX} and 0.npy, 1.npy, ...")
    if any(m.compress_type != zipfile.ZIP_STORED for m in members):
        raise ValueError("its members are compressed")
    if sum(m.file_size for m in members) > size:
        raise ValueError("its members are larger than the file")
    if zipped.getinfo(INDEX).file_size > _LARGEST_INDEX:
        raise ValueError(f"{INDEX} is larger than {_LARGEST_INDEX} bytes")
    index = Index.model_validate_json(zipped.read(INDEX))
    used = {n for of in index.metrics.values() for arrays in of.values() for n in arrays.values()}
    if used != set(range(len(names))):
        raise ValueError(f"{INDEX} does not name exactly the arrays that are there")
    for name in names:
        if reason := _wrong(read_array(zipped, name)):
            raise ValueError(f"{name} {reason}")
    return Archive(zipped, index)
