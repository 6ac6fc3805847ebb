"""Cache keys of observations and reductions, and the cache they lead to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache

from thbench.api import Clip, ClipFailure
from thbench.files.cache import Cache, cache_root
from thbench.files.canonical import canonical_json, digest
from thbench.run.folder import Record
from thbench.run.job import Job, suite_of
from thbench.suite.seeds import identity_index, request_seed


class KeyBook:
    """Cache keys of observations: identity, options, source, numerics, and digests of what is seen."""

    def __init__(self, job: Job) -> None:
        self._suite = suite_of(job)
        self._numerics = job.settings.numerics()
        self._last: tuple[tuple[object, ...], str] = (), ""

    @cached_property
    def _base(self) -> list[str]:
        """Made when a key is asked for: digests of code cost a worker, which asks for none, a second."""
        return [self._base_of(i) for i in range(len(self._suite.metrics))]

    @cached_property
    def _spelled(self) -> list[str]:
        return [canonical_json(base) for base in self._base]

    def _base_of(self, index: int) -> str:
        part = self._suite.metrics[index]
        return digest(
            {
                "identity": part.identity,
                "source": part.sources,
                "numerics": self._numerics,
            }
        )

    def observation(self, metric: int, clip: Clip, record: Record, reference: Record) -> str:
        """The digest of a list whose first item is the metric's: the others are the same for all metrics."""
        others = self._others(clip, record, reference)
        text = f"[{self._spelled[metric]},{others}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def observations(self, clip: Clip, record: Record, reference: Record) -> list[bytes]:
        """The keys of all metrics, each of 32 bytes: what `observation` spells in hexadecimal."""
        others = self._others(clip, record, reference).encode("utf-8", "surrogatepass")
        heads = (f"[{spelled},".encode() for spelled in self._spelled)
        return [hashlib.sha256(head + others).digest() for head in heads]

    def pack(self, metric: int, split: str, size: int, row: str, part: str) -> str:
        """Under which key the numbers of one metric and row are kept together (`thbench.score.packs`)."""
        return digest(["pack", self._base[metric], split, size, row, part])

    def _others(self, clip: Clip, record: Record, reference: Record) -> str:
        seen = (
            *(clip, record["digest"], record["n_frames"]),
            *(reference["digest"], reference.get("annotations_digest"), reference["n_frames"]),
        )
        known, others = self._last  # read and set as one: threads may share this
        if seen != known:
            about = [
                {"id": clip.id, "actor": clip.actor, "labels": dict(clip.labels)},
                record["digest"],
                reference["digest"],
                reference.get("annotations_digest"),
                record["n_frames"],
                self.identity_index(clip, reference),
            ]
            others = canonical_json(about)[1:]
            self._last = seen, others
        return others

    def reduction(self, metric: int, generated: Sequence[str], reference: Sequence[str]) -> str:
        return digest(["reduce", self._base[metric], list(generated), list(reference)])

    def identity_index(self, clip: Clip, reference: Record) -> int | None:
        """None where the clip is too short for the suite's rule, and no system was given a frame."""
        seed = request_seed(self._suite.seed, clip.id)
        try:
            return identity_index(self._suite.identity_frame, reference["n_frames"], seed)
        except ClipFailure:
            return None


def over_span(reference: Record, n_frames: int) -> Record:
    """The reference's first frames as a video to observe; its key is that of no whole video."""
    return {**reference, "n_frames": n_frames}


@lru_cache(maxsize=2)
def keybook_of(job: Job) -> KeyBook:
    return KeyBook(job)


def observation_cache() -> Cache:
    return Cache(cache_root() / "observations")
