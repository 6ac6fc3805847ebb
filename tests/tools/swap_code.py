"""Puts a mutant into a running process: functions of its module get the code of the changed text.

Collecting tests and importing what they need takes longer than most tests; so it happens once, and every mutant is tried in a
fork of that process.
"""

from __future__ import annotations

import functools
import gc
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any


def codes(code: CodeType) -> Iterator[CodeType]:
    """Every function's code in a module's."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes(constant)


class Loaded:
    """What this process holds: functions by the file they were made from, and what they keep of earlier answers."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        self.functions: dict[str, list[FunctionType]] = defaultdict(list)
        self.caches: list[Any] = []
        for found in gc.get_objects():
            kind = type(found)  # isinstance() would ask objects that only pretend
            if kind is FunctionType:
                self.functions[found.__code__.co_filename].append(found)
            elif kind is functools._lru_cache_wrapper and found.__module__.startswith(packages):
                self.caches.append(found)

    def swap(self, file: str, text: str) -> bool:
        """Give every function made from `file` its code in `text`; False where that cannot be done."""
        new = {(c.co_qualname, c.co_firstlineno): c for c in codes(compile(text, file, "exec"))}
        for function in self.functions[file]:
            old = function.__code__
            code = new.get((old.co_qualname, old.co_firstlineno))
            if code is None or len(code.co_freevars) != len(old.co_freevars):
                return False
            function.__code__ = code
        for cache in self.caches:
            cache.cache_clear()  # what the sound module answered before
        return bool(self.functions[file])
