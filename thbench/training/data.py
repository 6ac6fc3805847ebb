"""Clips in memory, and batches that are a pure function of (seed, step): nothing has to be resumed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import Clip, ClipFailure, Dataset, UserError, on_device
from thbench.training.contract import Example, Trainer

VALIDATION = 1 << 32
"""Stands where a step would in the seed of validation cuts, so that they are no training cuts."""


class ClipStore:
    """Prepared clips by index; those used longest ago make room when `memory` bytes are full."""

    def __init__(
        self, dataset: Dataset, clips: Sequence[Clip], size: int, trainer: Trainer, memory: int
    ) -> None:
        self.clips = tuple(clips)
        self._dataset, self._size, self._trainer = dataset, size, trainer
        self._memory, self._used = memory, 0
        self._kept: OrderedDict[int, Example] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Example:
        """Raises UserError naming the clip where it cannot be loaded."""
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        loaded = self._load(self.clips[index])
        with self._lock:
            self._keep(index, loaded)
        return loaded

    def _load(self, clip: Clip) -> Example:
        try:
            return self._trainer.prepare(self._dataset.load(clip, self._size))
        except ClipFailure as failure:
            raise UserError(
                f"training clip {clip.id} cannot be used: {failure.reason}",
                "fix it, or list it under `exclude` of the split",
            ) from failure

    def _keep(self, index: int, loaded: Example) -> None:
        if index in self._kept:
            return
        self._kept[index] = loaded
        self._used += _bytes(loaded)
        while self._used > self._memory and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._used -= _bytes(dropped)


def _bytes(example: Example) -> int:
    return sum(array.nbytes for array in example.values())


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(n)


@dataclass(frozen=True)
class Sampler:
    """Every clip once per epoch, in an order of that epoch's own; cuts of each batch's own."""

    store: ClipStore
    trainer: Trainer
    seed: int
    batch: int
    accumulate: int

    def epoch(self, step: int) -> float:
        """Epochs that `step` steps make."""
        return step * self.batch * self.accumulate / len(self.store)

    def __call__(self, step: int, part: int) -> Example:
        """Batch `part` of the `accumulate` of a step, counted from 0."""
        rng = np.random.default_rng([self.seed, step, part, 1])
        first = (step * self.accumulate + part) * self.batch
        places = [divmod(first + i, len(self.store)) for i in range(self.batch)]
        chosen = [int(_order(self.seed, e, len(self.store))[i]) for e, i in places]
        return stacked([self.trainer.cut(self.store[i], rng) for i in chosen])


def stacked(examples: Sequence[Example]) -> Example:
    return {name: np.stack([e[name] for e in examples]) for name in examples[0]}


def validation_batches(
    store: ClipStore, trainer: Trainer, seed: int, batch: int
) -> Iterator[tuple[int, Example]]:
    """The same cuts at every validation: (number of examples, batch)."""
    for first in range(0, len(store), batch):
        members = range(first, min(first + batch, len(store)))
        rngs = [np.random.default_rng([seed, VALIDATION, i]) for i in members]
        cuts = [trainer.cut(store[i], r) for i, r in zip(members, rngs, strict=True)]
        yield len(cuts), stacked(cuts)


def ahead(
    make: Callable[[int, int], Example], calls: Iterator[tuple[int, int]], workers: int
) -> Iterator[Example]:
    """`make` of every call in their order, made beforehand by threads; 0 workers: when asked for."""
    if workers == 0:
        for call in calls:
            yield make(*call)
        return
    waiting: deque[Future[Example]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="thbench-data") as pool:
        try:
            for call in calls:
                waiting.append(pool.submit(make, *call))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def tensors(batch: Example, device: str) -> Mapping[str, Any]:
    """The same arrays as tensors on the device."""
    import torch

    return {name: on_device(torch.from_numpy(array), device) for name, array in batch.items()}
