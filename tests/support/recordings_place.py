"""Trees of recordings, what is prepared of them, and the data commands on both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crema_place import Done, thbench


@dataclass(frozen=True)
class Trees:
    """A root per dataset, and a folder for what is prepared of them."""

    roots: dict[str, Path]
    made: Path

    def where(self, dataset: str, prepared: str = "prepared") -> list[str]:
        values = {"root": self.roots[dataset], "prepared": self.made / dataset / prepared}
        words = [f"dataset.{k}={json.dumps(str(v))}" for k, v in values.items()]
        return [w for word in words for w in ("--set", word)]

    def data(self, verb: str, dataset: str, *words: object, prepared: str = "prepared") -> Done:
        return thbench("data", verb, dataset, *self.where(dataset, prepared), *words)

    def records(self, dataset: str, prepared: str = "prepared") -> dict[str, Any]:
        folder = self.made / dataset / prepared / "records"
        return {p.stem: json.loads(p.read_text()) for p in sorted(folder.glob("*.json"))}


def told(done: Done) -> Sequence[str]:
    return (done.out + done.err).splitlines()
