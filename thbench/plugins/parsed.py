"""What was found in modules' code, kept between processes: parsing a hundred files takes a second.

One file in the cache for each version of Python and of the rules in `thbench.plugins.sources`. It begins
with the digest of the rest; one that is damaged counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from thbench.errors import UserError
from thbench.files.atomic import atomic_write
from thbench.files.cache import cache_root

MOST = 4096
"""Modules that are kept: with more of them the file begins anew with those of this process."""
Found = tuple[str, list[str]]
"""Digest of a module's code, and the names it imports."""


class Parsed:
    """Findings by key; new ones are in memory until `keep`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stored = _read(file)
        self._new: dict[str, Found] = {}
        self._used: dict[str, Found] = {}

    def get(self, key: str) -> Found | None:
        found = self._new.get(key) or self._stored.get(key)
        if found is not None:
            self._used[key] = found
        return found

    def add(self, key: str, found: Found) -> None:
        self._new[key] = self._used[key] = found

    def keep(self) -> None:
        """Write what is new next to what other processes wrote meanwhile."""
        if not self._new:
            return
        self._stored = {**_read(self._file), **self._new}
        if len(self._stored) > MOST:
            self._stored = dict(self._used)
        self._new.clear()
        text = json.dumps(self._stored)
        with suppress(OSError, UserError):  # a cache that cannot be written costs a second, no more
            atomic_write(self._file, f"{_digest(text)}\n{text}", durable=False)


def parsed(rules: Path) -> Parsed:
    """The findings of this Python by the code in the file `rules`, in the cache in use."""
    return _parsed(rules, cache_root())


@lru_cache(maxsize=4)
def _parsed(rules: Path, cache: Path) -> Parsed:
    about = f"{sys.version}\n{_digest(rules.read_text())}"
    return Parsed(cache / "code" / f"{_digest(about)[:16]}.json")


def _read(file: Path) -> Mapping[str, Found]:
    try:
        digest, _, text = file.read_text().partition("\n")
    except (OSError, UnicodeDecodeError):
        return {}
    if digest != _digest(text):
        return {}
    stored: dict[str, Found] = json.loads(text)
    return stored


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
