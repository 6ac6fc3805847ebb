"""Columns of a spectrum in blocks: those of a long clip at once would be hundreds of megabytes."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["BLOCK", "blocks"]

BLOCK = 2048
"""Columns that are computed at once: 20 s of sound, one every 10 ms."""


def blocks(columns: int) -> Iterator[tuple[int, int]]:
    """(start, end) of spans of BLOCK columns, the last one up to twice as long: a short one might be multiplied by
    another kernel, which rounds differently. With several threads BLAS may round a row in ten thousand otherwise."""
    starts = range(0, max(1, columns - BLOCK + 1), BLOCK)
    return zip(starts, [*starts[1:], columns], strict=True)
