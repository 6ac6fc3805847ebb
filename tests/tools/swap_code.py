"""Puts a mutant into a running process: functions of its module get the code of the changed text.

Collecting tests and importing what they need takes longer than most tests; so it happens once, and every mutant is tried in a
fork of that process.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator
from types import CodeType, FunctionType


def codes(code: CodeType) -> Iterator[CodeType]:
    """Every function's code in a module's."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes(constant)


def swap(file: str, text: str) -> bool:
    """Give every function that was made from `file` its code in `text`; False where that cannot be done."""
    new = {(c.co_qualname, c.co_firstlineno): c for c in codes(compile(text, file, "exec"))}
    made = [o for o in gc.get_objects() if isinstance(o, FunctionType)]
    swapped = 0
    for function in made:
        if function.__code__.co_filename == file:
            code = new.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
            if code is None or len(code.co_freevars) != len(function.__code__.co_freevars):
                return False
            function.__code__ = code
            swapped += 1
    for cached in [o for o in gc.get_objects() if isinstance(o, functools._lru_cache_wrapper)]:
        if cached.__module__.startswith("thbench"):
            cached.cache_clear()  # what the sound module answered while tests were collected
    return swapped > 0
