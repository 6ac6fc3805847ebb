"""Which clips there are: from a folder, or from a manifest. Opens no media."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from thbench.api import Clip, UserError
from thbench_clips.names import clip_ids, printable_text, safe_id

__all__ = ["SUFFIXES", "Listed", "clips_in_folder", "clips_in_manifest"]

SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".flv",
        ".mpg",
        ".mpeg",
        ".mts",
        ".m2ts",
        ".ts",
        ".wmv",
        ".3gp",
        ".ogv",
        ".mxf",
    ]
)
_COLUMNS = ("file", "clip", "actor")


@dataclass(frozen=True)
class Listed:
    """A clip and the path of its file relative to the root, with `/`."""

    clip: Clip
    file: str


def clips_in_folder(root: Path) -> Sequence[Listed]:
    """Every video under `root`, sorted by clip id; hidden files and folders are passed over.

    The actor is the folder the file lies in, or the clip itself where it lies in the root.

    Raises:
        UserError: no video at all.
    """
    ids = clip_ids(sorted(_videos(root)))
    if not ids:
        raise UserError(f"no videos under {root}", f"known suffixes: {' '.join(sorted(SUFFIXES))}")
    return _sorted(Listed(Clip(i, _actor(f, i)), f) for f, i in ids.items())


def clips_in_manifest(manifest: Path) -> Sequence[Listed]:
    """The rows of a CSV (with a header) or JSON (a list of objects) file, sorted by clip id.

    `file` is the path under the root. `clip` and `actor` default to what a folder would give, and
    every other column is a label.

    Raises:
        UserError: unreadable, no column `file`, a path that leaves the root, a clip named twice.
    """
    rows = [_row(manifest, number, row) for number, row in _rows(manifest)]
    if not rows:
        raise UserError(f"{manifest}: no rows", "name at least one file")
    ids = clip_ids(sorted({row["file"] for _, row in rows}))
    listed: dict[str, Listed] = {}
    for number, row in rows:
        entry = _listed(row, ids[row["file"]])
        if entry.clip.id in listed:
            raise UserError(
                f"{manifest}:{number}: clip {entry.clip.id} is named twice", "rename one"
            )
        listed[entry.clip.id] = entry
    return _sorted(listed.values())


def _videos(root: Path) -> Iterator[str]:
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield (Path(folder) / name).relative_to(root).as_posix()


def _actor(file: str, clip_id: str) -> str:
    return printable_text(PurePosixPath(file).parent.name) or clip_id


def _sorted(listed: Any) -> Sequence[Listed]:
    return sorted(listed, key=lambda entry: entry.clip.id)


def _rows(manifest: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line or number of the entry, row); file names that are no UTF-8 survive as surrogates."""
    try:
        text = manifest.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise UserError(f"{manifest}: {error.strerror}", "give a CSV or JSON file") from error
    if manifest.suffix.lower() == ".json":
        yield from enumerate(_json_rows(manifest, text), start=1)
    else:
        yield from _csv_rows(manifest, text)


def _csv_rows(manifest: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise UserError(f"{manifest}:{reader.line_num}: {error}", "give a CSV file") from error


def _json_rows(manifest: Path, text: str) -> Sequence[Mapping[str, Any]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise UserError(f"{manifest}: {error}", "give a list of objects") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{manifest}: not a list of objects", 'as [{"file": "a.mp4"}, ...]')
    return rows


def _row(manifest: Path, number: int, row: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
    """Texts only, empty ones left out, `file` confined to the root."""
    if None in row:
        raise UserError(f"{manifest}:{number}: more fields than columns", "quote commas")
    texts = {str(k).strip(): str(v).strip() for k, v in row.items() if v is not None}
    texts = {k: v for k, v in texts.items() if v}
    file = PurePosixPath(texts.get("file", ""))
    if not file.parts:
        raise UserError(f"{manifest}:{number}: no file", "the column `file` names the video")
    if file.is_absolute() or ".." in file.parts:
        raise UserError(f"{manifest}:{number}: {file} leaves the root", "paths are under `root`")
    return number, {**texts, "file": str(file)}


def _listed(row: Mapping[str, str], default_id: str) -> Listed:
    clip_id = safe_id(row["clip"]) if "clip" in row else default_id
    actor = printable_text(row["actor"]) if "actor" in row else _actor(row["file"], clip_id)
    labels = {printable_text(k): printable_text(v) for k, v in row.items() if k not in _COLUMNS}
    return Listed(Clip(clip_id, actor, labels), row["file"])
