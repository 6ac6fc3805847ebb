"""The wheel stays small: what is shipped of weights, in bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
LIMIT = 16_000_000
"""Bytes that all shipped weights were to have."""
TODAY = 18_223_464
"""Bytes that they have: 15.2 million without the map of thbench_expression, which came last."""


def total() -> int:
    files = list(PLUGINS.rglob("*.safetensors"))
    assert len(files) >= 7
    return sum(file.stat().st_size for file in files)


def test_shipped_weights_do_not_grow() -> None:
    assert total() <= TODAY


@pytest.mark.xfail(
    strict=True,
    reason="16-bit weights of thbench_fvd and 8-bit ones of thbench_expression would do, and move the identities of the "
    "demo's columns: with the next change of those",
)
def test_shipped_weights_are_within_their_limit() -> None:
    assert total() <= LIMIT
