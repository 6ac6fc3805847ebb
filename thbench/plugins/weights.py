"""Named weights: fetched from mirrors or imported from a file, checked by SHA-256, with their licence.

Nothing here downloads unless `fetch` is called: a run that lacks weights says which command gets them.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import shlex
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, TypeAlias

from thbench.api import Context, Missing, UserError, WeightsFile
from thbench.environment import default_offline
from thbench.files.atomic import atomic_file, atomic_write, printable
from thbench.files.cache import cache_root
from thbench.files.foreign import json_or, reading, refuse_blocking, sha256_of

Registry: TypeAlias = Mapping[str, WeightsFile]
"""Registered weights by name, as the plugins declare them."""
Status: TypeAlias = Literal["present", "missing", "corrupt"]
_CHUNK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte
_SLOWEST = 20_000  # bytes per second, over the whole download
_SHORTEST = 120.0  # seconds that any download may take
_SLACK = 100_000  # bytes that even a small file may be larger than registered
_LARGEST = 20 * 10**9  # bytes of weights whose size nobody registered
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")
_PACKAGE = "package:"
"""Begins an address `package:NAME/path/to/file`: the file of an installed Python package."""


def store() -> Path:
    """The folder weights lie in: $THBENCH_WEIGHTS, or `weights` in the cache."""
    chosen = os.environ.get("THBENCH_WEIGHTS")
    return Path(chosen) if chosen else cache_root() / "weights"


def find(name: str, items: Registry) -> WeightsFile:
    """Raises UserError for an unknown name, with the nearest right one."""
    if name in items:
        return items[name]
    near = difflib.get_close_matches(name, items, n=1)
    remedy = f"did you mean {near[0]}?" if near else "`thbench weights list` shows all names"
    raise UserError(f"unknown weights {name!r}", remedy)


def location(name: str, items: Registry) -> Path:
    """Where the file of `name` lies or would lie, checked or not."""
    file = find(name, items).file
    if file in ("", ".", "..") or Path(file).name != file:
        raise UserError(f"weights {name}: {file!r} is no plain file name", "fix the plugin")
    return store() / file


def status(name: str, items: Registry) -> Status:
    """present, missing or corrupt. Hashes the file only where its size or date have changed."""
    return _status(name, items, trust=True)


def verify(name: str, items: Registry) -> Status:
    """As `status`, but reads the whole file."""
    return _status(name, items, trust=False)


def path(name: str, items: Registry) -> Path:
    """The verified file. Raises UserError with the command that gets it."""
    where = location(name, items)
    state = status(name, items)
    if state == "present":
        return where
    shown = printable(where)
    what = f"missing ({shown})" if state == "missing" else f"damaged: {shown} has another SHA-256"
    raise UserError(f"weights {name}: {what}", how_to_get(name))


def missing(name: str, items: Registry) -> Missing | None:
    """What a plan says of weights that are not here, or are damaged; None where they are ready."""
    if status(name, items) == "present":
        return None
    by_hand = _needs_a_file(name, items)
    verb, file = ("import", " FILE") if by_hand else ("fetch", "")
    command = f"thbench weights {verb} {shlex.quote(name)}{file}"
    return Missing(f"weights {name}", command, find(name, items).size)


def _needs_a_file(name: str, items: Registry) -> bool:
    """Offline, unless an installed package has it."""
    return default_offline() and _in_a_package(find(name, items)) is None


def expected_sha256(name: str, items: Registry) -> str | None:
    """What the file is checked against: the published SHA-256, else that of the first import, else None."""
    return find(name, items).sha256 or _first_hash(location(name, items))


def recognised(name: str, items: Registry, sample: Path, context: Context) -> str:
    """What the file says of a published sample. Raises UserError for the wrong file, or without a sample."""
    item = find(name, items)
    if item.recognise is None:
        raise UserError(
            f"weights {name} have no published sample", "their sha256 is checked instead"
        )
    return item.recognise(path(name, items), sample, context)


def fetch(
    name: str, items: Registry, *, accept_licence: bool = False, progress: bool = False
) -> Path:
    """Copy from an installed package, or download from the first mirror that delivers the right file.

    Does nothing if it is there. Raises UserError offline (a package serves offline too), where a
    licence that forbids commercial use was not accepted, and where no mirror works.
    """
    item = find(name, items)
    if status(name, items) == "present":
        return location(name, items)
    package = _in_a_package(item)
    if package is None:
        _refuse_offline(name)
    if not accept_licence and restricted([name], items):
        raise UserError(
            f"weights {name} are under a restricted licence: {item.licence}",
            f"read it, then `thbench weights fetch {shlex.quote(name)} --accept-licence`",
        )
    if package is not None:
        return import_file(name, package, items)
    reasons = []
    for url in item.urls:
        if url.startswith(_PACKAGE):
            continue
        try:
            return _download(item, url, location(name, items), progress)
        except _Unusable as reason:
            reasons.append(f"{url}: {reason}")
    tried = "; ".join(reasons) or "no address is registered"
    raise UserError(f"could not fetch weights {name} ({tried})", _how_to_import(item))


def restricted(names: Sequence[str], items: Registry) -> list[str]:
    """Those that are not here and whose licence has to be accepted before they are fetched."""
    return [n for n in names if not find(n, items).commercial and status(n, items) != "present"]


def import_file(name: str, source: Path, items: Registry) -> Path:
    """Check a file the person has and copy it into the store; of a zip, a wheel say, the member of that name.

    Raises UserError where it cannot be read or is another file than the registered one.
    """
    item, target = find(name, items), location(name, items)
    try:
        with _content(item, source) as given, atomic_file(target) as copy:
            shutil.copyfileobj(given, copy, _CHUNK)
            _check(item, copy, target)
    except _Unusable as reason:
        raise UserError(f"{printable(source)} is not {name}: {reason}", _expected(item)) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"{printable(source)}: {why}", "name a readable file") from error
    _hash_of(target, trust=False)
    return target


def _in_a_package(item: WeightsFile) -> Path | None:
    """The file in the first installed package that an address names; the package is not imported."""
    for url in item.urls:
        name, _, inside = url.removeprefix(_PACKAGE).partition("/")
        if not url.startswith(_PACKAGE) or not name.isidentifier():
            continue
        spec = find_spec(name)
        for folder in (spec and spec.submodule_search_locations) or ():
            if (file := Path(folder, inside)).is_file():
                return file
    return None


@contextmanager
def _content(item: WeightsFile, source: Path) -> Iterator[IO[bytes]]:
    """The open `source`, or its member of the registered file name where it is a zip that is not itself the file."""
    refuse_blocking(source)
    with source.open("rb") as given:
        member = _member(item, given)
        if member is None:
            given.seek(0)
            yield given
            return
        named = f"{member} in {printable(source)}"
        with (
            reading(named, _expected(item)),
            zipfile.ZipFile(given) as archive,
            archive.open(member) as content,
        ):
            yield content


def _member(item: WeightsFile, file: IO[bytes]) -> str | None:
    """Only where a sha256 is published: a zip may be the weights themselves, as files of torch are."""
    if item.sha256 is None or not zipfile.is_zipfile(file):
        return None
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() == item.sha256.lower():  # type: ignore[arg-type]
        return None
    with suppress(UserError), reading("a zip"), zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            same = PurePosixPath(member.filename).name == item.file
            if same and member.file_size <= 2 * item.size:
                return member.filename
    return None


def _download(item: WeightsFile, url: str, target: Path, progress: bool) -> Path:
    if not url.startswith(("https://", "http://")):
        raise _Unusable("not an http address")
    with atomic_file(target) as file:
        _fill(item, url, file, progress)
        _check(item, file, target)
    _hash_of(target, trust=False)
    return target


def _fill(item: WeightsFile, url: str, file: IO[bytes], progress: bool) -> None:
    """The body of an address, up to the registered size and a tenth, within the time it may take."""
    import requests
    import urllib3
    from tqdm import tqdm

    most = item.size + max(item.size // 10, _SLACK) if item.size else _LARGEST
    until = time.monotonic() + max(_SHORTEST, most / _SLOWEST)
    try:
        with requests.get(url, stream=True, timeout=_TIMEOUT) as response:
            response.raise_for_status()
            stated = response.headers.get("Content-Length", "")
            if stated.isdigit() and int(stated) > most:
                raise _Unusable(f"{stated} bytes, about {item.size} were expected")
            bar = tqdm(total=item.size or None, unit="B", unit_scale=True, disable=not progress)
            with bar:
                # read1 gives what has arrived: a whole chunk of a slow drip would take for ever
                while chunk := response.raw.read1(_CHUNK, decode_content=True):
                    file.write(chunk)
                    bar.update(len(chunk))
                    if file.tell() > most:
                        raise _Unusable(f"over {most} bytes, about {item.size} were expected")
                    if time.monotonic() > until:
                        raise _Unusable(f"slower than {_SLOWEST // 1000} kB per second")
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Unusable(_in_short(error)) from error


def _status(name: str, items: Registry, trust: bool) -> Status:
    item, where = find(name, items), location(name, items)
    if not where.is_file():
        return "missing"
    found = _hash_of(where, trust)
    expected = item.sha256 or _first_hash(where) or found
    return "present" if found == expected.lower() else "corrupt"


def _check(item: WeightsFile, file: Any, target: Path) -> None:
    """Raise _Unusable unless the open `file` holds what is registered."""
    file.flush()
    size = file.seek(0, os.SEEK_END)
    expected = item.sha256 or _first_hash(target)
    if expected is None:
        # Nothing to compare with: at least no error page in the place of the weights.
        file.seek(0)
        if file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
            raise _Unusable("a page of text, not weights")
        if 2 * size < item.size:
            raise _Unusable(f"{size} bytes, about {item.size} were expected")
        return
    file.seek(0)
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected.lower():
        raise _Unusable(f"SHA-256 {found[:12]}..., not {expected[:12]}...")


class _Unusable(UserError):
    """This source does not give the registered file; another one may."""


# -- what is known of a file on disk --------------------------------------------------------------


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256.json")


def _record(path: Path) -> dict[str, Any]:
    record = json_or(_record_path(path), {})
    return record if isinstance(record, dict) else {}


def _first_hash(path: Path) -> str | None:
    """What the file hashed to when it first came in: the reference where none is published."""
    first = _record(path).get("first")
    return first if isinstance(first, str) else None


def _hash_of(path: Path, trust: bool) -> str:
    """SHA-256 of `path`; `trust` takes the recorded one while size and date are the same."""
    stat, record = path.stat(), _record(path)
    stamp = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    if trust and isinstance(record.get("sha256"), str) and stamp.items() <= record.items():
        return str(record["sha256"])
    found = sha256_of(path)
    new = {"first": record.get("first") or found, "sha256": found, **stamp}
    # A store that others share may be read-only: then the file is hashed each time.
    with suppress(UserError, OSError):
        atomic_write(_record_path(path), json.dumps(new, sort_keys=True))
    return found


# -- words for people -------------------------------------------------------------------------------


def megabytes(size: int) -> str:
    """`337 MB`; with one decimal below 1 MB."""
    return f"{size / 1e6:.{1 if size < 1e6 else 0}f} MB"


def _refuse_offline(name: str) -> None:
    if default_offline():
        raise UserError(
            f"weights {name} are not here and THBENCH_OFFLINE forbids the download",
            f"`thbench weights import {shlex.quote(name)} FILE`, or unset THBENCH_OFFLINE",
        )


def how_to_get(name: str) -> str:
    """The command that brings weights here, for messages."""
    quoted = shlex.quote(name)
    if default_offline():
        return f"`thbench weights import {quoted} FILE` (THBENCH_OFFLINE is set)"
    return f"`thbench weights fetch {quoted}`, or `thbench weights import {quoted} FILE`"


def _how_to_import(item: WeightsFile) -> str:
    return (
        f"get {item.file} some other way and `thbench weights import {shlex.quote(item.name)} FILE`"
    )


def _expected(item: WeightsFile) -> str:
    sources = " or ".join(url for url in item.urls if not url.startswith(_PACKAGE))
    return f"take {item.file} from {sources}" if sources else f"take the published {item.file}"


def _in_short(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__
