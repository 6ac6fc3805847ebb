"""What one metric found in the clips of one row, kept in columns: a hundred thousand clips have millions of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from thbench.score.packs import Keys


class ClipNumbers(Mapping[str, Mapping[str, float]]):
    """Clip -> its numbers by name, those of other metrics apart."""

    def __init__(self, places: Mapping[str, int], rows: Sequence[Mapping[str, float]]) -> None:
        """places  clip -> which of `rows` is its own; numbers are finite, as observations' are"""
        self._places = places
        self._names = tuple(sorted({name for row in rows for name in row}))
        self._values = np.array([[row.get(n, np.nan) for n in self._names] for row in rows])

    def __getitem__(self, clip: str) -> Mapping[str, float]:
        values = self._values[self._places[clip]].tolist()
        return {n: v for n, v in zip(self._names, values, strict=True) if not math.isnan(v)}

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
