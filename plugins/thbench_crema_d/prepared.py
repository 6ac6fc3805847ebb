"""The prepared set on disk: one lossless master, one array of landmarks and one record per clip.

clips/<id>.mkv              320 px at 25 fps with the canonical sound (FFV1, FLAC)
clips/<id>.landmarks.npy    [T, 68, 2] float32, pixels of the master
records/<id>.json           how it was made, or why it was rejected; written last
manifest.json               digests of all clips, and one over them, which results cite
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Media, Source, Square, UserError, atomic_file, reading
from thbench_crema_d import MASTER

__all__ = ["PreparedSet", "array_digest", "canonical"]

Record = dict[str, Any]


@dataclass(frozen=True)
class PreparedSet:
    """A prepared set made by one recipe; records of other recipes count as absent."""

    folder: Path
    recipe: str

    def record(self, clip: str) -> Record | None:
        """What is known of a clip; None where it was not prepared by this recipe."""
        file = self.folder / "records" / f"{clip}.json"
        try:
            with reading(file):
                record = json.loads(file.read_text("utf-8"))
        except UserError:
            return None
        whole = isinstance(record, dict) and record.get("recipe") == self.recipe
        return record if whole else None

    def ready(self, clip: str, sources: Mapping[str, str]) -> bool:
        """Whether the clip was prepared, or rejected, from files of these SHA-256. By name and stat only."""
        record = self.record(clip)
        if record is None or record.get("sources") != dict(sources):
            return False
        return record["reject"] is not None or (
            self.picture(clip).is_file() and self.landmarks(clip).is_file()
        )

    def picture(self, clip: str) -> Path:
        return self.folder / "clips" / f"{clip}.mkv"

    def landmarks(self, clip: str) -> Path:
        return self.folder / "clips" / f"{clip}.landmarks.npy"

    def store(self, clip: str, record: Record, source: Source | None, media: Media) -> None:
        """Write a clip, its record last, so that a record stands only next to a whole clip."""
        record = {**record, "clip": clip, "recipe": self.recipe}
        if source is not None:
            points = source.annotations["landmarks"]
            media.write_lossless(self.picture(clip), source.frames, source.audio)
            _write(self.landmarks(clip), _npy(points))
            record["digests"] = _digests(source)
        _write(self.folder / "records" / f"{clip}.json", canonical(record, indent=1))

    def load(self, clip: str, media: Media) -> Source:
        """The master as it was stored. Raises ClipFailure: rejected, not prepared, damaged."""
        record = self.record(clip)
        if record is None:
            raise ClipFailure("not prepared")
        if record["reject"] is not None:
            raise ClipFailure(record["reject"])
        stored = media.read(self.picture(clip), fps=None)
        try:
            with reading(self.landmarks(clip)):
                points = np.load(self.landmarks(clip), allow_pickle=False)
        except UserError:
            raise ClipFailure("its landmarks are gone or damaged: prepare it again") from None
        audio = np.zeros(0, np.int16) if stored.audio is None else stored.audio
        source = Source(stored.frames, audio, {"landmarks": points}, frame=_frame(record))
        if _digests(source) != record["digests"]:
            raise ClipFailure("the prepared clip is not what was stored: prepare it again")
        return source

    # -- the manifest -----------------------------------------------------------------------------

    def write_manifest(self) -> None:
        """Gather the records of this recipe, in any order."""
        names = sorted(p.stem for p in (self.folder / "records").glob("*.json"))
        records = {name: r for name in names if (r := self.record(name)) is not None}
        clips = {n: r["digests"] if r["reject"] is None else None for n, r in records.items()}
        sources = {n: r["sources"] for n, r in records.items()}
        content = {"recipe": self.recipe, "clips": clips, "sources": sources}
        content["rejected"] = {n: r["reject"] for n, r in records.items() if r["reject"]}
        digest = hashlib.sha256(canonical(content)).hexdigest()
        _write(self.folder / "manifest.json", canonical({"digest": digest, **content}, indent=1))

    @property
    def digest(self) -> str | None:
        """SHA-256 over recipe, sources and digests of all clips; None before any was prepared."""
        file = self.folder / "manifest.json"
        try:
            with reading(file):
                manifest = json.loads(file.read_text("utf-8"))
        except UserError:
            return None
        if not isinstance(manifest, dict) or manifest.get("recipe") != self.recipe:
            return None
        return str(manifest.get("digest"))


def _frame(record: Record) -> Square | None:
    """Where the master lies in its recording, as `prepare` wrote it down."""
    crop, recording = record.get("crop"), record.get("recording")
    if not crop or not recording:
        return None
    size = recording["width"], recording["height"]
    return Square(crop["left"], crop["top"], crop["side"], *size, via=MASTER)


def _digests(source: Source) -> dict[str, str]:
    arrays: dict[str, NDArray[Any]] = {
        "frames": source.frames,
        "audio": source.audio,
        **source.annotations,
    }
    return {name: array_digest(array) for name, array in arrays.items()}


def array_digest(array: NDArray[Any]) -> str:
    """SHA-256 over dtype, shape and little-endian content."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    state = hashlib.sha256(f"{little.dtype.str} {little.shape}".encode())
    state.update(little.data)
    return state.hexdigest()


def canonical(data: Any, indent: int | None = None) -> bytes:
    """JSON that is equal for equal data."""
    return json.dumps(data, sort_keys=True, indent=indent, allow_nan=False).encode()


def _npy(array: NDArray[Any]) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, with the rights that any new file has."""
    with atomic_file(path, durable=False) as file:
        file.write(content)
