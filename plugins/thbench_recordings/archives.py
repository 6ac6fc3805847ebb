"""Archives of recordings: fetched, checked against their published checksums, unpacked by the layout."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import requests

from thbench.api import DataReport, Progress, UserError, reading
from thbench_crema_d.disk import fetching_into
from thbench_crema_d.download import CONNECT, SILENCE, Stopped, Unusable, download
from thbench_recordings.layout import Archives, Layout
from thbench_recordings.pattern import filled

__all__ = ["Archive", "fetch", "recorded"]

NOTES = ".thbench"
"""Folder under the root with what was unpacked: SHA-256 by path, one file per archive."""
_LARGEST_RECORD = 10_000_000
_LARGEST_FILE = 2_000_000_000
_ALGORITHMS = ("md5", "sha256")
_TRIES = 3


@dataclass(frozen=True)
class Archive:
    """One published file: name, bytes, checksum and address."""

    name: str
    size: int
    algorithm: str
    digest: str
    url: str


def fetch(root: Path, layout: Layout, actors: Sequence[str], mirror: str | None) -> DataReport:
    """Bring the archives of these actors that are not unpacked yet.

    A stopped fetch goes on where it was, inside an archive too. `mirror` serves the archives by their
    names, and `record.json`. Raises UserError for a full disk and where another fetch is at work.
    """
    assert layout.fetch is not None
    wanted = {a: filled(layout.fetch.archive, {"actor": a}) for a in actors}
    todo = {a: name for a, name in wanted.items() if not _note(root, name).is_file()}
    with fetching_into(root):
        problems = list(_bring(root, layout, layout.fetch, todo, mirror)) if todo else []
    got = sum(_note(root, name).is_file() for name in todo.values())
    line = f"{got} archives fetched and unpacked, {len(wanted) - len(todo)} were here already"
    return DataReport([f"{line}, {len(todo) - got} failed"], problems)


def _bring(
    root: Path, layout: Layout, where: Archives, todo: Mapping[str, str], mirror: str | None
) -> Iterator[str]:
    """Problems, one for each archive that did not come."""
    record = f"{mirror.rstrip('/')}/record.json" if mirror else where.record
    session = requests.Session()
    try:
        published = _published(session, record)
    except Unusable as error:
        yield (
            f"{record}: {error} — nothing was fetched; try again later, name a copy by --mirror URL, or "
            f"unpack the archives under {root} by hand"
        )
        return
    for name in todo.values():
        if name not in published:
            yield f"{name}: {record} does not list it"
        elif reason := _one(root, layout, session, published[name], mirror):
            yield f"{name}: {reason} (the same command goes on)"


def _published(session: requests.Session, record: str) -> dict[str, Archive]:
    """Archives by name, as the record lists them. Raises Unusable."""
    try:
        with session.get(record, stream=True, timeout=(CONNECT, SILENCE)) as answer:
            if answer.status_code != 200:
                raise Unusable(f"HTTP {answer.status_code}")
            content = answer.raw.read(_LARGEST_RECORD, decode_content=True)
        with reading(record):
            files = [_archive(file) for file in json.loads(content)["files"]]
    except requests.RequestException as error:
        raise Unusable(f"no answer ({type(error).__name__})") from error
    except UserError as error:
        raise Unusable(f"no list of files with checksums ({error.message})") from error
    return {file.name: file for file in files}


def _archive(file: Mapping[str, Any]) -> Archive:
    algorithm, _, digest = str(file["checksum"]).rpartition(":")
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"checksum {file['checksum']}")
    links = file["links"]
    return Archive(str(file["key"]), int(file["size"]), algorithm, digest, str(links["self"]))


def _one(
    root: Path, layout: Layout, session: requests.Session, archive: Archive, mirror: str | None
) -> str | None:
    """None, or why the archive did not come."""
    url = f"{mirror.rstrip('/')}/{archive.name}" if mirror else archive.url
    target = root / NOTES / PurePosixPath(archive.name).name
    if not target.is_file():
        reason = _downloaded(session, url, target, archive)
        if reason:
            return f"{url}: {reason}"
    try:
        unpack(target, root, layout)
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None  # the disk's fault: the archive is whole
        target.unlink()
        return f"no archive that can be unpacked: {error.message}"
    target.unlink()
    return None


def _downloaded(session: requests.Session, url: str, target: Path, archive: Archive) -> str | None:
    reason = None
    with Progress(archive.name, archive.size, unit="B") as bar:
        for _ in range(_TRIES):
            try:
                download(session, url, target, archive, bar.advance, lambda: False)
                return None
            except Unusable as error:
                reason = str(error)
                if error.lasting:
                    break
            except Stopped:
                return "stopped"
    return reason


def unpack(archive: Path, root: Path, layout: Layout) -> None:
    """Write the recordings of an archive under `root` and, last, the note of their SHA-256.

    Only files that the layout knows are taken, each to where its own pattern says, so that no name in
    the archive leads out of the root.
    """
    digests: dict[str, str] = {}
    with reading(archive), zipfile.ZipFile(archive) as content:
        for member in content.infolist():
            fields = layout.fields_of(PurePosixPath(member.filename).as_posix())
            if member.is_dir() or fields is None:
                continue
            if member.file_size > _LARGEST_FILE:
                raise zipfile.BadZipFile(f"{member.filename} is larger than any recording")
            path = filled(layout.media[0], fields)
            with content.open(member) as stream:
                digests[path] = _written(root / path, stream)
    note = _note(root, archive.name)
    _replace(note, json.dumps(digests, sort_keys=True, indent=0).encode())


def _written(path: Path, stream: Any) -> str:
    """Write a file whole or not at all; its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    state = hashlib.sha256()
    with part.open("wb") as out:
        while block := stream.read(1 << 20):
            state.update(block)
            out.write(block)
    part.replace(path)
    return state.hexdigest()


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)


def _note(root: Path, archive: str) -> Path:
    return root / NOTES / f"{PurePosixPath(archive).name}.json"


def recorded(root: Path) -> dict[str, str]:
    """SHA-256 by path of everything that was unpacked from checked archives."""
    found: dict[str, str] = {}
    for note in sorted((root / NOTES).glob("*.json")):
        try:
            with reading(note):
                found.update(json.loads(note.read_text("utf-8")))
        except UserError:
            continue  # cut off by a full disk: its recordings cannot be verified
    return found
