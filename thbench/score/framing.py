"""framing.csv next to a result: which square of every video was scored, and how it lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from thbench.results.clips import clips_text
from thbench.run.folder import Record

FILE = "framing.csv"
COLUMNS = (
    *("clip", "placement", "why", "left", "top", "side", "width", "height"),
    *("right", "down", "scale", "stretch", "turn", "matches", "faces", "beyond"),
)
"""`placement` to `height` are of files, in pixels of the delivered picture; `right` to `matches` as video.registration has
them, of the first picture against the identity frame; `beyond` what lies beyond the tolerances."""


def placements(records: Iterable[Record]) -> list[str]:
    """How each delivered video was placed."""
    return [str(r["placement"]["how"]) for r in records if "placement" in r]


def misframed(records: Mapping[str, Record]) -> list[tuple[str, str]]:
    """(clip, what lies beyond the tolerances) of every clip where something does."""
    found = {c: r.get("registration", {}).get("beyond", ()) for c, r in records.items()}
    return [(clip, "; ".join(beyond)) for clip, beyond in found.items() if beyond]


def framing_table(records: Mapping[str, Record]) -> str | None:
    """The text of framing.csv, None where no video was registered."""
    lines = [_line(clip, r) for clip, r in records.items() if "registration" in r]
    return clips_text(COLUMNS, lines) if lines else None


def _line(clip: str, record: Record) -> dict[str, Any]:
    registration = record["registration"]
    faces = [_face(name, face) for name, face in registration.get("faces", {}).items()]
    return {
        "clip": clip,
        **(_placed(record["placement"]) if "placement" in record else {}),
        **registration.get("first", {}),
        "faces": "; ".join(faces),
        "beyond": "; ".join(registration.get("beyond", ())),
    }


def _placed(placement: Mapping[str, Any]) -> dict[str, Any]:
    left, top, side = placement["square"]
    width, height = placement["picture"]
    return {
        "placement": placement["how"],
        "why": placement["why"],
        **{"left": left, "top": top, "side": side, "width": width, "height": height},
    }


def _face(name: str, face: Mapping[str, Any]) -> str:
    if "unknown" in face:
        return f"{name}: {face['unknown']}"
    return f"{name}: right {face['right']:g}, down {face['down']:g}, scale {face['scale']:g}"
