"""One file from one address: resumed where it was stopped, and whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import requests

from thbench_crema_d.pointers import is_pointer

__all__ = ["Published", "Stopped", "Unreachable", "Unusable", "download", "part_of"]

CHUNK = 1 << 15
CONNECT, SILENCE = 10.0, 30.0
"""Seconds to connect, and seconds without a byte."""


class Published(Protocol):
    """A file as it was published: bytes, and a digest (lower-case hexadecimal) by an algorithm of hashlib."""

    @property
    def size(self) -> int: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def digest(self) -> str: ...


class Unusable(Exception):
    """This address does not give the file now. `lasting`: asking it again will not help."""

    def __init__(self, reason: str, lasting: bool = False) -> None:
        self.lasting = lasting
        super().__init__(reason)


class Unreachable(Unusable):
    """Nobody answers there."""


class Stopped(Exception):
    """The person wants to stop; what has come in is kept."""


def part_of(target: Path, file: Published) -> Path:
    """Where an unfinished download waits. The hash keeps parts of different files apart."""
    return target.with_name(f".{target.name}.{file.digest[:12]}.part")


def download(
    session: requests.Session,
    url: str,
    target: Path,
    file: Published,
    received: Callable[[int], None],
    stopped: Callable[[], bool],
) -> None:
    """Bring `file` to `target`, checked against its published digest.

    `received` is told of every chunk's bytes. Raises Unusable, Stopped, and OSError of the disk.
    """
    part = part_of(target, file)
    part.parent.mkdir(parents=True, exist_ok=True)
    if _size(part) < file.size:
        try:
            _receive(session, url, part, file, received, stopped)
        except requests.ConnectionError as error:
            raise Unreachable("no connection") from error
        except requests.RequestException as error:
            raise Unusable(type(error).__name__) from error
    _check(part, file)
    part.replace(target)


def _receive(
    session: requests.Session,
    url: str,
    part: Path,
    file: Published,
    received: Callable[[int], None],
    stopped: Callable[[], bool],
) -> None:
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with session.get(url, headers=headers, stream=True, timeout=(CONNECT, SILENCE)) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            raise Unusable("the address has a shorter file")
        _check_status(response)
        resumed = _resumes_at(response, have)
        chunks = response.iter_content(CHUNK)
        _check_length(response, have if resumed else 0, file, chunks)
        with part.open("ab" if resumed else "wb") as out:
            for chunk in chunks:
                out.write(chunk)
                received(len(chunk))
                if stopped():
                    raise Stopped
    if _size(part) < file.size:
        raise Unusable(f"the connection ended after {_size(part)} of {file.size} bytes")


def _check_status(response: requests.Response) -> None:
    code = response.status_code
    if code not in (200, 206):
        raise Unusable(f"HTTP {code}", lasting=400 <= code < 500 and code not in (408, 425, 429))


def _resumes_at(response: requests.Response, have: int) -> bool:
    """Whether the answer goes on where the part ends; some servers ignore ranges and start over."""
    content_range = response.headers.get("Content-Range", "")
    return response.status_code == 206 and content_range.startswith(f"bytes {have}-")


def _check_length(
    response: requests.Response, have: int, file: Published, chunks: Iterator[bytes]
) -> None:
    """Refuse what announces another length before a byte of it is kept: pointers, pages, other files."""
    stated = response.headers.get("Content-Length", "")
    if not stated.isdigit() or have + int(stated) == file.size:
        return
    head = next(chunks, b"")
    if is_pointer(head):
        raise Unusable("the address gives the Git LFS pointer, not the recording", lasting=True)
    if head[:64].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise Unusable("the address gives a web page, not the recording", lasting=True)
    raise Unusable(f"the address has {have + int(stated)} bytes, not {file.size}", lasting=True)


def _check(part: Path, file: Published) -> None:
    with part.open("rb") as content:
        found = hashlib.file_digest(content, file.algorithm).hexdigest()
    if found != file.digest:
        part.unlink()
        name = {"sha256": "SHA-256", "md5": "MD5"}.get(file.algorithm, file.algorithm)
        raise Unusable(f"{name} {found[:12]}..., not {file.digest[:12]}...")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
