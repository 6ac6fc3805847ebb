"""What one metric found in the clips of one row, kept in columns: a hundred thousand clips have millions of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from thbench.score.packs import Keys


@dataclass(frozen=True, eq=False)
class Numbers:
    """What was found in some clips: names, sorted, and values [clips, names], NaN where a clip has no such number."""

    names: tuple[str, ...]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, float]]) -> Self:
        """One row for each clip; their numbers are finite, as observations' are."""
        names = tuple(sorted({name for row in rows for name in row}))
        return cls(names, np.array([[row.get(n, np.nan) for n in names] for row in rows]))


class ClipNumbers(Mapping[str, Mapping[str, float]]):
    """Clip -> its numbers by name, those of other metrics apart."""

    def __init__(self, places: Mapping[str, int], numbers: Numbers) -> None:
        """places  clip -> which row of `numbers` is its own"""
        self._places, self._names, self._values = places, numbers.names, numbers.values

    def __getitem__(self, clip: str) -> Mapping[str, float]:
        values = self._values[self._places[clip]].tolist()
        return {n: v for n, v in zip(self._names, values, strict=True) if not math.isnan(v)}

    def column(self, name: str) -> dict[str, float]:
        """Clip -> its number of this name, of the clips that have one."""
        values = self._values[:, self._names.index(name)].tolist()
        return {c: v for c, i in self._places.items() if not math.isnan(v := values[i])}

    @property
    def names(self) -> Sequence[str]:
        """Of the numbers that any clip has, sorted."""
        return self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class ClipKeys(Mapping[str, str]):
    """Clip -> the key of its observation, in hexadecimal."""

    def __init__(self, places: Mapping[str, int], keys: Keys) -> None:
        self._places, self._keys = places, keys

    def __getitem__(self, clip: str) -> str:
        key: bytes = self._keys[self._places[clip]].tobytes()
        return key.hex()

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
