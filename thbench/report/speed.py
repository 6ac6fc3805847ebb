"""How long each entrant took and how much memory, from timings.jsonl."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thbench.api import FPS
from thbench.errors import UserError
from thbench.files.foreign import json_of, read_text
from thbench.report.run_data import ReportData


@dataclass(frozen=True)
class Speed:
    """Sums over the clips of a stage; frames and the rate only where videos were generated."""

    stage: str
    clips: int
    seconds: float
    frames: int | None
    peak_megabytes: float

    @property
    def frames_per_second(self) -> float | None:
        return self.frames / self.seconds if self.frames and self.seconds else None

    @property
    def realtime(self) -> float | None:
        """Seconds of video per second of work."""
        rate = self.frames_per_second
        return None if rate is None else rate / FPS


def speeds(material: ReportData) -> list[Speed]:
    """One line per stage, in the order the stages began. A clip that was made again counts every time."""
    if material.run is None:
        return []
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in _lines(material.run.root / "timings.jsonl"):
        found[str(line.get("stage", ""))].append(line)
    lengths = {
        f"generate {e.name}": {
            clip: int(r.get("n_frames", 0)) for clip, r in e.folder.journal.read().items()
        }
        for e in material.entrants
        if e.folder is not None and not e.is_control
    }
    return [_speed(stage, lines, lengths.get(stage)) for stage, lines in found.items()]


def _speed(stage: str, lines: list[Mapping[str, Any]], lengths: Mapping[str, int] | None) -> Speed:
    clips = [clip for line in lines for clip in line.get("clips", ())]
    return Speed(
        stage,
        len(clips),
        sum(float(line.get("seconds", 0)) for line in lines),
        None if lengths is None else sum(lengths.get(clip, 0) for clip in clips),
        max(float(line.get("peak_memory") or 0) for line in lines) / 2**20,
    )


def _lines(path: Path) -> list[Mapping[str, Any]]:
    """Whole lines only: a kill may have cut off the last."""
    try:
        text = read_text(path)
    except UserError:
        return []
    found: list[Mapping[str, Any]] = []
    for line in text.splitlines():
        with suppress(UserError):
            entry = json_of(line, path)
            if isinstance(entry, dict):
                found.append(entry)
    return found
