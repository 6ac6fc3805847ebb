"""Which packs a scoring reads and writes, and the keys of all observations of a row, computed once.

Only of large splits: see `thbench.score.packs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thbench.api import Clip
from thbench.files.cache import Cache, Entry
from thbench.run.folder import Record, Shard
from thbench.run.job import Job, suite_of
from thbench.score.keys import KeyBook
from thbench.score.packs import FEWEST, Keys, Pack, joined, packed, read_pack, write_pack
from thbench.suite.split import Split

Records = Mapping[str, Record]
WHOLE = ""
"""The part of a run that is not divided."""


@dataclass(frozen=True, eq=False)
class RowKeys:
    """The keys of one row's observations, in clip-id order.

    clips    those that have a video and a reference
    lacking  clip -> why it has none, of the others
    keys     [metrics, clips, 32]
    """

    clips: Sequence[Clip]
    lacking: Mapping[str, str]
    keys: Keys


class Packing:
    """What the rows of one scoring share: keys computed once, numbers read once.

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
        self._parts = [self._part, *map(str, parts)]
        self._metrics = [i for i, m in enumerate(suite_of(job).metrics) if not job.lack(m)]
        self._n_metrics = len(suite_of(job).metrics)
        self.is_large = len(split.clips) >= FEWEST // (part.count if part else 1)
        self.packs: dict[int, Pack] = {}
        self._whole: dict[tuple[int, int, str], Pack] = {}
        self._keys: dict[tuple[int, int], tuple[Records, Records, RowKeys]] = {}

    def keys(self, records: Records, references: Records) -> RowKeys:
        """Of a row whose videos `records` names; remembered for these very mappings."""
        mark = id(records), id(references)
        if mark not in self._keys:
            self._keys[mark] = records, references, self._computed(records, references)
        return self._keys[mark][2]

    def _computed(self, records: Records, references: Records) -> RowKeys:
        clips, lacking = [], {}
        found: list[list[bytes]] = [[] for _ in range(self._n_metrics)]
        for clip in self._split.clips:
            record = records.get(clip.id, {"failure": "not generated"})
            reference = references.get(clip.id, {"failure": "absent"})
            if reason := record.get("failure") or reference.get("failure"):
                lacking[clip.id] = str(reason)
                continue
            clips.append(clip)
            for of, key in zip(
                found, self._book.observations(clip, record, reference), strict=True
            ):
                of.append(key)
        raw = b"".join(key for of in found for key in of)
        keys = np.frombuffer(raw, np.uint8).reshape(self._n_metrics, len(clips), 32)
        return RowKeys(clips, lacking, keys)

    def load(self, size: int, rows: Sequence[str]) -> None:
        """Read what was packed of these rows of one resolution."""
        for metric in self._metrics if self.is_large else ():
            found = [self.packs[metric]] if metric in self.packs else []
            for row in rows:
                for part in self._parts:
                    pack = read_pack(self._name(metric, size, row, part), self._cache)
                    if pack is not None:
                        found.append(pack)
                        self._whole |= {(metric, size, row): pack} if part == self._part else {}
            self.packs[metric] = joined(found)

    def complete(self, rows: Sequence[Records], references: Records) -> set[str]:
        """Clips of which everything that these rows need is packed; none where nothing is."""
        if not any(map(len, self.packs.values())):
            return set()
        found: set[str] | None = None
        for records in rows:
            row = self.keys(records, references)
            there = np.ones(len(row.clips), bool)
            for metric in self._metrics:
                there &= self.packs[metric].find(row.keys[metric]) >= 0
            held = {row.clips[i].id for i in np.flatnonzero(there).tolist()} | row.lacking.keys()
            found = held if found is None else found & held
        return found or set()

    def fill(self, size: int, row: str, records: Records, references: Records) -> None:
        """Pack what there is of a row, metric by metric, where its own pack does not have all of it."""
        if not self.is_large:
            return
        keys = self.keys(records, references)
        for metric in self._metrics:
            asked, held = keys.keys[metric], self.packs[metric]
            whole = self._whole.get((metric, size, row))
            if whole is not None and (whole.find(asked) >= 0).all():
                continue
            places = held.find(asked)
            missing = (key.tobytes() for key in asked[places < 0])
            read = packed(self._in_cache(missing), self._cache)
            mine = joined([held.at(np.unique(places[places >= 0])), read])
            write_pack(self._name(metric, size, row, self._part), mine)
            self.packs[metric] = joined([held, read])

    def _in_cache(self, keys: Iterable[bytes]) -> Iterator[tuple[bytes, Entry]]:
        for key in keys:
            if (entry := self._cache.get(key.hex())) is not None:
                yield key, entry

    def entries(self, metric: int, keys: Keys) -> Iterator[tuple[str, Entry | None]]:
        """Every key in hexadecimal with what is known of it: packed, or in the cache, or None."""
        text = keys.tobytes().hex()
        spelled = [text[i : i + 64] for i in range(0, len(text), 64)]
        pack = self.packs.get(metric)
        if pack is None:
            yield from ((key, self._cache.get(key)) for key in spelled)
            return
        places = pack.find(keys)
        there = [key for key, place in zip(spelled, places.tolist(), strict=True) if place >= 0]
        held = pack.entries(places[places >= 0], there, self._cache)
        for key, place in zip(spelled, places.tolist(), strict=True):
            yield key, next(held) if place >= 0 else self._cache.get(key)

    def _name(self, metric: int, size: int, row: str, part: str) -> str:
        return self._book.pack(metric, self._split.digest, size, row, part)
