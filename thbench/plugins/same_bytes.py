"""Faster ways to the same bytes: each is compared with the plain one on this machine, once, and the answer kept.

One file per question lies in the cache under the kind of processor, the versions of the numerical
libraries and the code concerned, so that another machine on a shared file system asks for itself.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from thbench.errors import UserError
from thbench.files.atomic import atomic_write
from thbench.files.cache import cache_root
from thbench.files.canonical import digest
from thbench.files.foreign import json_or, read_text

_known: dict[Path, bool] = {}
"""What this process has asked or read, by file."""


def same_bytes(
    plugin: str,
    way: str,
    code: str,
    numerics: Mapping[str, Any],
    check: Callable[[], bool | None],
) -> bool:
    """What `check` found here, now or earlier; it is called where nobody has asked yet.

    False for now while another process is at the same check, the plain way costing it less than waiting,
    and where `check` gives None, having nothing to compare by.

    code  digest of the code that the way runs through
    """
    from filelock import FileLock, Timeout

    about = {"plugin": plugin, "way": way, "code": code, "processor": processor(), **numerics}
    file = (
        _folder() / f"{digest(about)}.json"
    )  # not of the folder: a cache may move, or be mounted elsewhere
    if file not in _known:
        found = json_or(file, None)
        if not _is_answer(found):
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(file.with_suffix(".lock"), timeout=0):
                    if (equal := check()) is None:
                        return False
                    found = {"equal": bool(equal), **about}
                    atomic_write(file, json.dumps(found, indent=1) + "\n", durable=False)
            except Timeout:
                return False
        _known[file] = found["equal"]
    return _known[file]


def _is_answer(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("equal"), bool)


def unequal() -> Iterator[str]:
    """A line for every faster way that gave other bytes here and is not taken."""
    for file in sorted(_folder().glob("*.json")):
        found = json_or(file, None)
        if isinstance(found, dict) and found.get("equal") is False:
            yield f"{found.get('plugin')}: {found.get('way')} gives other bytes on {found.get('processor')}"


def _folder() -> Path:
    return cache_root() / "same_bytes"


@lru_cache(maxsize=1)
def processor() -> str:
    """The kind of this machine's processor, in its own words."""
    try:
        lines = read_text(Path("/proc/cpuinfo")).splitlines()
    except UserError:  # not Linux
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
