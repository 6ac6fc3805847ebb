"""The wheel stays small: what is shipped of weights, in bytes."""

from __future__ import annotations

from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
LIMIT = 16_000_000
"""Bytes that all shipped weights may have."""


def test_shipped_weights_are_within_their_limit() -> None:
    files = list(PLUGINS.rglob("*.safetensors"))
    assert len(files) >= 7
    assert sum(file.stat().st_size for file in files) <= LIMIT
