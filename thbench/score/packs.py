"""The numbers of a row's observations in columns: one file for each metric instead of one for each clip.

A run of 100,000 clips and seven metrics leaves over a million observations in the cache. Whoever has made, or read,
those of a row packs their numbers (a shard those of its own clips), and whoever reduces reads the packs. They are
found by the keys of the observations they hold, so that one that is out of date holds nothing that is asked for;
arrays stay where they are, and an observation whose file of arrays is gone counts as absent.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thbench.errors import UserError
from thbench.files.cache import Cache, Entry, StoredArrays, cache_root
from thbench.files.foreign import json_of

FEWEST = 1000
"""Clips of the smallest split that is packed: below, the files themselves are read as fast."""
Keys: TypeAlias = NDArray[np.uint8]
"""[n, 32] keys of observations; the hexadecimal form of one is what the cache calls it."""


@dataclass(frozen=True, eq=False)
class Pack:
    """Observations of one metric, sorted by key.

    keys     [n, 32]
    names    of the numbers, sorted
    values   [n, names] float64; NaN where an observation has no such number: none is stored that is not finite
    kinds    [n] which of `others` each has: the names of its arrays, and why it has no numbers
    sizes    [n] bytes of the file in the cache, which holds the arrays
    """

    keys: Keys
    names: tuple[str, ...]
    values: NDArray[np.float64]
    kinds: NDArray[np.int32]
    others: tuple[tuple[tuple[str, ...], str | None], ...]
    sizes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    def at(self, places: NDArray[Any]) -> Pack:
        """Of these observations alone: indices, or a mask, that keep the keys sorted."""
        return replace(self, **{name: getattr(self, name)[places] for name in _ARRAYS})

    def find(self, keys: Keys) -> NDArray[np.intp]:
        """[n] where each key is, -1 where it is not."""
        if not len(self) or not len(keys):
            return np.full(len(keys), -1, np.intp)
        own, asked = _starts(self.keys), _starts(keys)
        places = np.minimum(np.searchsorted(own, asked), len(self) - 1)
        places[~(self.keys[places] == keys).all(axis=1)] = -1
        return places

    def entries(
        self, places: NDArray[np.intp], spelled: Sequence[str], cache: Cache
    ) -> Iterator[Entry]:
        """What the cache would say of the observations at these places, none of which is -1.

        spelled  their keys in hexadecimal
        """
        whole = not np.isnan(self.values).any()
        kinds, names = self.kinds[places].tolist(), self.names
        rows_of = self.values[places].tolist()
        for key, kind, numbers in zip(spelled, kinds, rows_of, strict=True):
            arrays, reason = self.others[kind]
            pairs = zip(names, numbers, strict=True)
            rows = dict(pairs) if whole else {n: v for n, v in pairs if not math.isnan(v)}
            yield Entry(rows, _ArraysOfPacked(cache.place(key), arrays) if arrays else {}, reason)


def packed(entries: Iterable[tuple[bytes, Entry]], cache: Cache) -> Pack:
    """A pack of observations and their keys; each key once."""
    found = dict(entries)
    keys = sorted(found)
    names = sorted({name for entry in found.values() for name in entry.rows})
    others: dict[tuple[tuple[str, ...], str | None], int] = {}
    values = np.full((len(keys), len(names)), np.nan)
    kinds, sizes = np.zeros(len(keys), np.int32), np.zeros(len(keys), np.int64)
    for i, key in enumerate(keys):
        entry = found[key]
        values[i] = [entry.rows.get(name, np.nan) for name in names]
        kinds[i] = others.setdefault((tuple(entry.arrays), entry.reason), len(others))
        sizes[i] = _size(cache, key) if entry.arrays else 0
    raw = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 32)
    return Pack(raw, tuple(names), values, kinds, tuple(others), sizes)


def joined(packs: Sequence[Pack]) -> Pack:
    """All observations of several packs."""
    names = tuple(sorted({name for pack in packs for name in pack.names}))
    others: dict[tuple[tuple[str, ...], str | None], int] = {}
    values, kinds = [], []
    for pack in packs:
        wide = np.full((len(pack), len(names)), np.nan)
        wide[:, [names.index(name) for name in pack.names]] = pack.values
        values.append(wide)
        places = [others.setdefault(other, len(others)) for other in pack.others]
        kinds.append(np.array(places, np.int32)[pack.kinds])
    raw = np.concatenate([pack.keys for pack in packs]) if packs else np.zeros((0, 32), np.uint8)
    if not packs:
        return Pack(raw, (), np.zeros((0, 0)), np.zeros(0, np.int32), (), np.zeros(0, np.int64))
    sizes = np.concatenate([pack.sizes for pack in packs])
    whole = Pack(raw, names, np.concatenate(values), np.concatenate(kinds), tuple(others), sizes)
    return whole.at(np.argsort(_starts(raw), kind="stable"))


def _starts(keys: Keys) -> NDArray[np.uint64]:
    """[n] the first 8 bytes of every key as a number: digests that share them are not met in practice, and
    one that does is absent, as `find` compares the rest."""
    return np.ascontiguousarray(keys[:, :8]).view(">u8").ravel().astype(np.uint64)


def _size(cache: Cache, key: bytes) -> int:
    try:
        return os.stat(cache.place(key.hex())).st_size  # noqa: PTH116 a million of them
    except OSError:
        return -1


def pack_cache() -> Cache:
    return Cache(cache_root() / "packs")


def write_pack(key: str, pack: Pack) -> None:
    """Keep a pack under `key`, whole or not at all. Raises UserError where the disk is full."""
    words = json.dumps([pack.names, pack.others]).encode("ascii")
    arrays = {"words": np.frombuffer(words, np.uint8)}
    arrays |= {name: getattr(pack, name) for name in _ARRAYS}
    pack_cache().put(key, arrays=arrays)


def read_pack(key: str, cache: Cache, look: bool = True) -> Pack | None:
    """The pack of `key` without the observations whose arrays are not there any more; None where there is none.

    cache  where the observations themselves are
    look   False where it was just looked whether the arrays are there: every observation has a file of them
    """
    entry = pack_cache().get(key)  # whole, as its checksum says
    if entry is None:
        return None
    found: Mapping[str, NDArray[Any]] = dict(entry.arrays)
    names, others = json_of(found["words"].tobytes().decode("ascii"), "a pack")
    kinds = tuple((tuple(arrays), reason) for arrays, reason in others)
    arrays = {name: found[name] for name in _ARRAYS}
    pack = Pack(names=tuple(names), others=kinds, **arrays)
    return _with_arrays(pack, cache) if look else pack


_ARRAYS = ("keys", "values", "kinds", "sizes")


def _with_arrays(pack: Pack, cache: Cache) -> Pack:
    has = np.array([bool(arrays) for arrays, _ in pack.others], bool)[pack.kinds]
    if not has.any():
        return pack
    there = np.ones(len(pack), bool)
    for i in np.flatnonzero(has).tolist():
        there[i] = pack.sizes[i] == _size(cache, pack.keys[i].tobytes())
    return pack.at(there)


class _ArraysOfPacked(StoredArrays):
    """Arrays of an observation of which nothing but the size was looked at: one that is damaged is removed, so
    that the next command computes it again, as the error says."""

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return super().__getitem__(name)
        except UserError:
            Path(self._path).unlink(missing_ok=True)
            raise
