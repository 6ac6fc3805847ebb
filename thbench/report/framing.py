"""How delivered videos lie on their references: counts, and pictures of those that do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from thbench.files.atomic import atomic_write
from thbench.files.foreign import read_bytes
from thbench.report.run_data import ReportData, ReportRow

SAID = {
    "as it is": "taken as it is",
    "as its reference": "cut to their reference's square",
    "own face": "cut around their own face",
}
MOST = 12
"""Pictures of a system in a report; all are in systems/NAME/alignment of the run."""


@dataclass(frozen=True)
class Misframed:
    """One clip: what lies beyond the tolerances, and its pictures side by side, as a path of the report."""

    clip: str
    beyond: str
    picture: str | None


@dataclass(frozen=True)
class Framing:
    """What is said of one system's videos."""

    system: str
    remarks: Sequence[str]
    misframed: Sequence[Misframed]
    more: int


def framings(material: ReportData, out: Path) -> list[Framing]:
    """Of every system with delivered or misframed videos; copies its pictures into the report."""
    found = []
    for i, entrant in enumerate(material.entrants):
        clips = entrant.result.clips
        if clips.placements or clips.misframed:
            shown = list(_misframed(entrant, i, out))
            more = sum(r.count for r in clips.misframed) - len(shown)
            counts = [f"{n} video(s) {SAID[how]}" for how, n in clips.placements.items()]
            said = [", ".join(counts)] if counts else []
            found.append(Framing(entrant.name, said, shown, more))
    return found


def _misframed(entrant: ReportRow, index: int, out: Path) -> Iterator[Misframed]:
    reasons = [(c, r.reason) for r in entrant.result.clips.misframed for c in r.clips]
    for k, (clip, reason) in enumerate(sorted(reasons)[:MOST]):
        picture = None
        if entrant.folder is not None:
            stored = entrant.folder.alignment_file(clip)
            if stored.is_file():
                picture = f"framing/{index}-{k}.png"
                atomic_write(out / picture, read_bytes(stored), durable=False)
        yield Misframed(clip, reason, picture)
