"""Guards against tests that pass because there was nothing to test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def some(items: Iterable[T]) -> list[T]:
    """The items as a list; fails where there is none. For loops that hold all assertions of a test."""
    found = list(items)
    assert found, "nothing to test: the list is empty"
    return found
