"""Rows through a network in calls of one shape, so that no feature depends on how many a video has.

The last call of a video is shorter. Its rows are filled up with copies of the first one; where convolutions of
fewer rows give the same bytes on this machine, it is filled up to those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["SameBytes", "Stream", "filled", "in_batches", "short_or_whole"]

SameBytes: TypeAlias = Callable[[str, Callable[[], bool | None]], bool]
"""(the way in words, its check) -> whether it may be taken: `Context.same_bytes`."""
SIZES = 4
"""Lengths that a last call may have: each is compared once per machine."""
LEAST = 2
"""Rows of a call at least: torch gives a single one to kernels of its own, which round differently."""


class Stream(Protocol):
    """A network that can see few rows through its convolutions and many in its linear layers."""

    def __call__(self, rows: Tensor, /, linear: int | None = None) -> Tensor:
        """[n, ...] -> [n, D]; `linear` is how many rows the linear layers are given, n if None."""
        ...


def in_batches(
    network: Callable[[Tensor], Tensor],
    inputs: Callable[[int, int], Tensor],
    total: int,
    batch: int,
    last: Callable[[Tensor], Tensor] | None = None,
) -> NDArray[np.floating]:
    """[total, D]: the network over `inputs(i, j)`, rows i..j-1 of its input; float64 or float32.

    Every call has `batch` rows, the last one filled up with copies of its first row: another shape
    would take another kernel and round differently. `last` is called for fewer rows in its place.
    """
    found: Tensor | None = None
    with torch.inference_mode():
        for start in range(0, total, batch):
            part = inputs(start, min(start + batch, total))
            short = len(part) < batch and last is not None
            rows = last(part) if short and last else network(filled(part, batch))[: len(part)]
            if found is None:
                kind = torch.float64 if rows.dtype == torch.float64 else torch.float32
                found = torch.empty((total, *rows.shape[1:]), dtype=kind)
            found[start : start + len(part)] = rows
    assert found is not None, "no row was asked for"
    return found.numpy()


def filled(part: Tensor, rows: int) -> Tensor:
    """At most `rows` rows, and copies of the first one up to so many; never a view.

    Windows that overlap in memory would take another kernel, and round differently.
    """
    return torch.cat([part, part[:1].expand(rows - len(part), *part.shape[1:])])


def short_or_whole(
    network: Stream, part: Tensor, batch: int, same_bytes: SameBytes, name: str
) -> Tensor:
    """[n, D] of a last call's n rows, as a whole call would give them.

    The linear layers are given `batch` rows in either case: they take little time, and round by their number.
    """
    n, step = len(part), max(LEAST, batch // SIZES)
    fewer = -(-n // step) * step
    whole: list[Tensor] = []

    def short() -> Tensor:
        return network(filled(part, fewer), batch)

    def check() -> bool:
        whole.append(network(filled(part, batch)))
        return torch.equal(short(), whole[0][:fewer])

    way = f"{name}: {fewer} windows instead of {batch}"
    if fewer < batch and same_bytes(way, check) and not whole:
        return short()[:n]
    return (whole[0] if whole else network(filled(part, batch)))[:n]
