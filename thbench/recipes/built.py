"""What `thbench recipe build` has made on this machine, by recipe: folder, interpreter, image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from thbench.api import UserError
from thbench.files.atomic import atomic_write
from thbench.files.cache import cache_root
from thbench.files.foreign import reading

MARK = "thbench-environment.json"
"""Beside the interpreter of a built environment: what it was built from. Written last."""


@dataclass(frozen=True)
class Built:
    """Where one recipe's program lies and what runs it; `python` or `image` is empty where it has none.

    recipe   SHA-256 of the recipe's file: another file is another program
    key      of the environment: what it was built from
    """

    recipe: str
    root: str
    key: str
    python: str = ""
    image: str = ""
    versions: Mapping[str, str] | None = None

    def options(self) -> dict[str, str]:
        """Of the generator, as far as a suite does not give them."""
        found = {"root": self.root, "python": self.python, "image": self.image}
        return {name: value for name, value in found.items() if value}


def places() -> Path:
    """The folder in the cache that holds programs, environments and records."""
    return cache_root() / "recipes"


def built_of(path: Path) -> Built | None:
    """The build of this very recipe file; None where there is none, or its folder has gone."""
    record = _record(path)
    try:
        with reading(record):
            built = Built(**json.loads(record.read_text(encoding="utf-8")))
    except UserError:
        return None
    here = Path(built.root).is_dir() and (not built.python or Path(built.python).exists())
    return built if here and built.recipe == digest_of(path) else None


def remember(path: Path, built: Built) -> None:
    atomic_write(_record(path), json.dumps(asdict(built), indent=1) + "\n")


def digest_of(path: Path) -> str:
    with reading(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()


def _record(path: Path) -> Path:
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return places() / "built" / f"{place}.json"
