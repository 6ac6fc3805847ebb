"""Names of the small study that tests share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from thbench.files.journal import Journal

SYSTEMS = ("alphasystem", "betasystem", "gammasystem")
QUESTIONS = ("sync", "realism")


def named(run: Path, systems: Sequence[str]) -> Path:
    """The made run with its systems' folders called as the systems are, as in a real one."""
    for i, name in enumerate(systems):
        folder = run / "systems" / name
        (run / "systems" / f"s{i}").rename(folder)
        journal = folder / "journal.jsonl"
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        journal.unlink()
        for line in lines:
            line.pop("sum", None)
            text = json.dumps(line).replace(f"systems/s{i}/", f"systems/{name}/")
            Journal(journal, key="clip").append(json.loads(text))
    return run
