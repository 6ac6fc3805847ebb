"""Which packs a scoring reads and writes, and the keys of all observations of a row, computed once.

Only of large splits: see `thbench.score.packs`. Whatever is asked of one metric opens the packs of that metric and row
alone, so that workers share the work and none holds all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from thbench.api import Clip, Engine
from thbench.files.cache import Cache, Entry
from thbench.progress import Progress
from thbench.run.folder import Record, Shard
from thbench.run.job import Job, suite_of
from thbench.score.keys import KeyBook, observation_cache
from thbench.score.packs import FEWEST, Keys, Pack, joined, packed, read_pack, write_pack
from thbench.suite.split import Split

Records = Mapping[str, Record]
Held: TypeAlias = Mapping[int, NDArray[np.bool_]]
"""Metric -> [clips] which of a row's observations are packed."""
WHOLE = ""
"""The part of a run that is not divided."""


@dataclass(frozen=True, eq=False)
class RowKeys:
    """The keys of one row's observations, in clip-id order.

    clips    those that have a video and a reference
    places   [clips] which of the split's clips these are
    lacking  clip -> why it has none, of the others
    keys     [metrics, clips, 32]
    """

    clips: Sequence[Clip]
    places: NDArray[np.int32]
    lacking: Mapping[str, str]
    keys: Keys


@dataclass(frozen=True, eq=False)
class PackedRow:
    """A row that has packs of its own at one resolution."""

    size: int
    name: str
    records: Records
    references: Records


@dataclass(frozen=True, eq=False)
class PackTask:
    """One metric of one row: its pack, those that shards left of it, and the keys that are asked for."""

    whole: str
    parts: tuple[str, ...]
    keys: Keys


def join(task: PackTask) -> NDArray[np.bool_]:
    """[n] which of the keys are packed; where shards have packed all of them, their packs become one."""
    cache = observation_cache()
    pack = read_packs([task.whole], cache)
    if task.parts and (pack.find(task.keys) < 0).any():
        pack = joined([pack, read_packs(task.parts, cache)])
        places = pack.find(task.keys)
        if (places >= 0).all():
            write_pack(task.whole, pack.at(np.unique(places)))
    return pack.find(task.keys) >= 0


def read_packs(names: Iterable[str], cache: Cache, look: bool = True) -> Pack:
    """All observations of these packs; of packs that are not there, none.

    look  whether to leave out observations whose arrays are not there any more
    """
    found = (read_pack(name, cache, look) for name in names)
    return joined([pack for pack in found if pack is not None])


def entries(pack: Pack, keys: Keys, cache: Cache) -> Iterator[tuple[str, Entry | None]]:
    """Every key in hexadecimal with what is known of it: packed, or in the cache, or None."""
    text = keys.tobytes().hex()
    spelled = [text[i : i + 64] for i in range(0, len(text), 64)]
    places = pack.find(keys)
    there = [key for key, place in zip(spelled, places.tolist(), strict=True) if place >= 0]
    held = pack.entries(places[places >= 0], there, cache)
    for key, place in zip(spelled, places.tolist(), strict=True):
        yield key, next(held) if place >= 0 else cache.get(key)


class Packing:
    """What the rows of one scoring share: their keys, and the names of their packs.

    part   of a run whose observations are packed here: a shard's "3/16"
    parts  whose packs are read as well
    """

    def __init__(
        self,
        job: Job,
        split: Split,
        book: KeyBook,
        cache: Cache,
        part: Shard | None = None,
        parts: Sequence[Shard] = (),
    ) -> None:
        self._split, self._book, self._cache = split, book, cache
        self._part = str(part) if part else WHOLE
        self._parts = [str(p) for p in parts]
        self._metrics = [i for i, m in enumerate(suite_of(job).metrics) if not job.lack(m)]
        self._n_metrics = len(suite_of(job).metrics)
        self.is_large = len(split.clips) >= FEWEST // (part.count if part else 1)
        self._keys: dict[tuple[int, int], tuple[Records, Records, RowKeys]] = {}

    def keys(self, records: Records, references: Records) -> RowKeys:
        """Of a row whose videos `records` names; remembered for these very mappings."""
        mark = id(records), id(references)
        if mark not in self._keys:
            self._keys[mark] = records, references, self._computed(records, references)
        return self._keys[mark][2]

    def _computed(self, records: Records, references: Records) -> RowKeys:
        clips, places, lacking = [], [], {}
        found: list[list[bytes]] = [[] for _ in range(self._n_metrics)]
        for place, clip in enumerate(self._split.clips):
            record = records.get(clip.id, {"failure": "not generated"})
            reference = references.get(clip.id, {"failure": "absent"})
            if reason := record.get("failure") or reference.get("failure"):
                lacking[clip.id] = str(reason)
                continue
            clips.append(clip)
            places.append(place)
            made = self._book.observations(clip, record, reference)
            for of, key in zip(found, made, strict=True):
                of.append(key)
        raw = b"".join(key for of in found for key in of)
        keys = np.frombuffer(raw, np.uint8).reshape(self._n_metrics, len(clips), 32)
        return RowKeys(clips, np.array(places, np.int32), lacking, keys)

    def alike(self, records: Records, references: Records) -> bool:
        """Whether a row shows what the references show."""
        ours, theirs = self.keys(records, references), self.keys(references, references)
        return np.array_equal(ours.keys, theirs.keys)

    def join(self, rows: Sequence[PackedRow], engine: Engine) -> list[Held]:
        """What is packed of every row; packs of shards become one where they hold all of a row."""
        if not self.is_large:
            return [{} for _ in rows]
        asked = [(place, m) for m in self._metrics for place in range(len(rows))]
        tasks = [self._task(rows[place], metric) for place, metric in asked]
        found: list[dict[int, NDArray[np.bool_]]] = [{} for _ in rows]
        with Progress("packs", len(tasks)) as progress:
            for i, held in engine.map(join, tasks):
                place, metric = asked[i]
                found[place][metric] = held
                progress.advance()
        return list(found)

    def _task(self, row: PackedRow, metric: int) -> PackTask:
        keys = self.keys(row.records, row.references).keys[metric]
        parts = tuple(self._name(metric, row, part) for part in self._parts)
        return PackTask(self.name(metric, row), parts, keys)

    def complete(self, rows: Sequence[PackedRow], held: Sequence[Held]) -> set[str]:
        """Clips of which everything that these rows need is packed; none where nothing is."""
        if not any(there.any() for of in held for there in of.values()):
            return set()
        found = [self._complete(row, of) for row, of in zip(rows, held, strict=True)]
        return set[str].intersection(*found)

    def _complete(self, row: PackedRow, held: Held) -> set[str]:
        keys = self.keys(row.records, row.references)
        there = np.logical_and.reduce(list(held.values()))
        return {keys.clips[i].id for i in np.flatnonzero(there).tolist()} | keys.lacking.keys()

    def fill(self, row: PackedRow, held: Held) -> None:
        """Pack what there is of a row, metric by metric, where not all of it is packed."""
        for metric, there in held.items():
            if there.all() and len(there):
                continue
            task = self._task(row, metric)
            pack = read_packs([task.whole, *task.parts], self._cache)
            places = pack.find(task.keys)
            missing = (key.tobytes() for key in task.keys[places < 0])
            read = packed(self._in_cache(missing), self._cache)
            write_pack(task.whole, joined([pack.at(np.unique(places[places >= 0])), read]))

    def _in_cache(self, keys: Iterable[bytes]) -> Iterator[tuple[bytes, Entry]]:
        for key in keys:
            if (entry := self._cache.get(key.hex())) is not None:
                yield key, entry

    def name(self, metric: int, row: PackedRow) -> str:
        """Of the pack of one metric and row."""
        return self._name(metric, row, self._part)

    def _name(self, metric: int, row: PackedRow, part: str) -> str:
        return self._book.pack(metric, self._split.digest, row.size, row.name, part)
