"""Numbers and keys of a row in columns are those that went in."""

from __future__ import annotations

import numpy as np
import pytest

from thbench.score.numbers import ClipKeys, ClipNumbers, Numbers

PLACES = {"b": 0, "a": 1}


def test_every_clip_has_its_own_numbers_and_no_others() -> None:
    numbers = ClipNumbers(PLACES, Numbers.of([{"y": 1 / 3, "x": -0.0}, {"y": 2.0}]))
    assert list(numbers) == ["b", "a"] and len(numbers) == 2
    assert dict(numbers) == {"b": {"x": 0.0, "y": 1 / 3}, "a": {"y": 2.0}}
    assert str(numbers["b"]["x"]) == "-0.0"
    assert numbers.names == ("x", "y")
    assert numbers.column("y") == {"b": 1 / 3, "a": 2.0} and list(numbers.column("x")) == ["b"]
    with pytest.raises(KeyError, match="c"):
        numbers["c"]


def test_clips_without_a_number() -> None:
    assert dict(ClipNumbers(PLACES, Numbers.of([{}, {}]))) == {"b": {}, "a": {}}
    none = ClipNumbers({}, Numbers.of([]))
    assert dict(none) == {} and none.names == ()


def test_keys_in_hexadecimal() -> None:
    raw = np.arange(64, dtype=np.uint8).reshape(2, 32)
    keys = ClipKeys(PLACES, raw)
    assert dict(keys) == {"b": bytes(range(32)).hex(), "a": bytes(range(32, 64)).hex()}
    assert len(keys) == 2
