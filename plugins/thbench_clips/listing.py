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

from thbench.api import Clip, UserError, reading
from thbench_clips.actors import actors_of
from thbench_clips.names import clip_ids, printable_text, safe_id
from thbench_clips.pictures import picture_hint

__all__ = [
    "SUFFIXES",
    "Listed",
    "clips_in_folder",
    "clips_in_manifest",
    "files_under",
    "first_names",
]

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
        ".gif",
    ]
)
_SHOWN = 3
_COLUMNS = ("file", "clip", "actor")


@dataclass(frozen=True)
class Listed:
    """A clip and the path of its file relative to the root, with `/`."""

    clip: Clip
    file: str


def clips_in_folder(root: Path, actor: str | None = None) -> Sequence[Listed]:
    """Every video under `root`, sorted by clip id; hidden files and folders are passed over, links to
    folders are followed.

    `actor` is a pattern for paths without suffix, as `{actor}_{clip}`; without it the actor is the
    folder the file lies in, or the clip itself where it lies in the root.

    Raises:
        UserError: no video at all, or one that the pattern does not fit.
    """
    ids = clip_ids(sorted(_videos(root)))
    if not ids:
        known = f"known suffixes: {' '.join(sorted(SUFFIXES))}"
        raise UserError(f"no videos under {root}", picture_hint(root) or known)
    actors = actors_of(list(ids), actor) if actor else {f: _actor(f, i) for f, i in ids.items()}
    return _sorted(Listed(Clip(i, actors[f]), f) for f, i in ids.items())


def clips_in_manifest(manifest: Path, actor: str | None = None) -> Sequence[Listed]:
    """The rows of a CSV (with a header) or JSON (a list of objects) file, sorted by clip id.

    `file` is the path under the root. `clip` and `actor` default to what a folder would give (`actor`
    as in `clips_in_folder`), and every other column is a label.

    Raises:
        UserError: unreadable; or all faults of its rows in one list: no column `file`, a path that leaves
            the root, a clip named twice.
    """
    rows, faults = _checked(manifest)
    if faults:
        raise _all(manifest, faults)
    if not rows:
        raise UserError(f"{manifest}: no rows", "name at least one file")
    ids = clip_ids(sorted({row["file"] for _, row in rows}))
    if actor:
        found = actors_of([row["file"] for _, row in rows if "actor" not in row], actor)
        rows = [(n, {**row, "actor": row.get("actor") or found[row["file"]]}) for n, row in rows]
    return _sorted(_listed(row, ids[row["file"]]) for _, row in rows)


def _checked(manifest: Path) -> tuple[list[tuple[int, dict[str, str]]], list[UserError]]:
    """The rows that are in order, with their lines, and every fault of the others."""
    rows, faults = [], []
    lines: dict[str, int] = {}
    for number, row in _rows(manifest):
        try:
            rows.append(_row(manifest, number, row))
        except UserError as fault:
            faults.append(fault)
    ids = clip_ids(sorted({row["file"] for _, row in rows}))
    for number, row in rows:
        clip = _listed(row, ids[row["file"]]).clip.id
        if clip in lines:
            said = f"{manifest}:{number}: clip {clip} is named twice, first in line {lines[clip]}"
            faults.append(UserError(said, "rename one"))
        lines.setdefault(clip, number)
    return rows, faults


_MOST_FAULTS = 50


def _all(manifest: Path, faults: Sequence[UserError]) -> UserError:
    """One error of all faults."""
    if len(faults) == 1:
        return faults[0]
    said = [f.message.removeprefix(f"{manifest}:") for f in faults[:_MOST_FAULTS]]
    rest = len(faults) - len(said)
    more = f"; and {rest} more" if rest else ""
    return UserError(
        f"{manifest}: {len(faults)} faults: line {'; line '.join(said)}{more}",
        "; ".join(dict.fromkeys(f.remedy for f in faults[:_MOST_FAULTS])),
    )


def _videos(root: Path) -> Iterator[str]:
    """Paths under `root` of its videos; links to folders are followed."""
    return (file for file in files_under(root) if _is_video(file))


def files_under(root: Path) -> Iterator[str]:
    """Paths of files relative to `root`, with `/`, without hidden ones; links to folders are followed."""
    for path in _files(root, (root.resolve(),)):
        yield path.relative_to(root).as_posix()


def first_names(files: Sequence[str]) -> str:
    """`a.mp4, b.mp4, c.mp4 and 4 more`."""
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return f"{', '.join(printable_text(f) for f in sorted(files)[:_SHOWN])}{more}"


def _is_video(file: str) -> bool:
    return PurePosixPath(file).suffix.lower() in SUFFIXES


def _files(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """Files that are not hidden; a link that leads back to a folder above it is passed over.

    Raises UserError for a folder that cannot be read.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(
            f"{printable_text(str(folder))}: {error.strerror}", "make it readable, or move it away"
        ) from error
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield path
        elif (real := path.resolve()) not in above:
            yield from _files(path, (*above, real))


def _actor(file: str, clip_id: str) -> str:
    return printable_text(PurePosixPath(file).parent.name) or clip_id


def _sorted(listed: Any) -> Sequence[Listed]:
    return sorted(listed, key=lambda entry: entry.clip.id)


def _rows(manifest: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line or number of the entry, row); file names that are no UTF-8 survive as surrogates."""
    with reading(manifest, "give a CSV or JSON file"):
        text = manifest.read_bytes().decode("utf-8-sig", "surrogateescape")
    if manifest.suffix.lower() == ".json":
        yield from enumerate(_json_rows(manifest, text), start=1)
    else:
        yield from _csv_rows(manifest, text)


def _csv_rows(manifest: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with reading(manifest, "give a CSV file"):
        reader = csv.DictReader(io.StringIO(text, newline=""))
        try:
            yield from [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            raise UserError(f"{manifest}:{reader.line_num}: {error}", "give a CSV file") from error


def _json_rows(manifest: Path, text: str) -> Sequence[Mapping[str, Any]]:
    with reading(manifest, "give a list of objects"):
        rows = json.loads(text)
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
