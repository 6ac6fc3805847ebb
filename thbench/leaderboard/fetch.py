"""Download what a row names: the zip of its videos, unpacked where nothing can leave the folder, and its features."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from pathlib import Path, PurePosixPath

from thbench.api import UserError
from thbench.environment import default_offline
from thbench.files.atomic import disk_errors, temporary_folder
from thbench.files.cache import cache_root
from thbench.files.foreign import reading
from thbench.leaderboard.archive import LARGEST as LARGEST_FEATURES
from thbench.results.document import FeaturesRecord, VideosRecord

LARGEST = 50 * 10**9
MOST_FILES = 100_000
_CHUNK = 1 << 20


def fetch_videos(videos: VideosRecord, folder: Path) -> Path:
    """The folder with the unpacked videos. Raises UserError for another file than promised."""
    archive = folder / "videos.zip"
    _fetch(videos.url, videos.sha256, archive, LARGEST)
    return unpack(archive, folder / "videos")


def kept_archive(features: FeaturesRecord, fetch: bool) -> Path | None:
    """The feature archive of this digest in the cache, downloaded once if `fetch`; None where it is not there."""
    target = cache_root() / "archives" / f"{features.sha256}.zip"
    if target.is_file() or not fetch or features.url is None:
        return target if target.is_file() else None
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(target.parent) as folder:
            archive = folder / target.name
            _fetch(features.url, features.sha256, archive, LARGEST_FEATURES)
            archive.replace(target)
    return target


def _fetch(url: str, sha256: str, target: Path, largest: int) -> None:
    """Raises UserError for another file than promised."""
    if default_offline():
        raise UserError(
            f"THBENCH_OFFLINE forbids the download of {url}", "unset it, or leave this check"
        )
    if (found := _download(url, target, largest)) != sha256:
        raise UserError(
            f"{url}: SHA-256 {found[:12]}..., not {sha256[:12]}...",
            "the submitter must publish the file that the result names",
        )


def _download(url: str, target: Path, largest: int) -> str:
    """Write the body of an address to a file and return its SHA-256; all redirects stay on https."""
    import requests

    total, sha = 0, hashlib.sha256()
    try:
        with requests.get(url, stream=True, timeout=60) as response, target.open("xb") as file:
            if any(not r.url.startswith("https://") for r in [*response.history, response]):
                raise UserError(f"{url} leads away from https", "another address")
            response.raise_for_status()
            for chunk in response.iter_content(_CHUNK):
                total += len(chunk)
                if total > largest:
                    raise UserError(f"{url} is larger than {largest} bytes", "a smaller file")
                sha.update(chunk)
                file.write(chunk)
    except requests.RequestException as error:
        raise UserError(f"{url}: {type(error).__name__}", "is it reachable?") from None
    return sha.hexdigest()


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a flat zip of plain files.

    Raises UserError for folders, links and names that leave `folder`, and for what expands beyond reason.
    """
    folder.mkdir(parents=True)
    with reading(archive, "zip one video per clip"), zipfile.ZipFile(archive) as zipped:
        members = [m for m in zipped.infolist() if not m.is_dir()]
        if len(members) > MOST_FILES or sum(m.file_size for m in members) > LARGEST:
            raise UserError(f"{archive} expands beyond reason", "one video per clip")
        names = [_flat_name(m) for m in members]
        if len(set(names)) != len(names):
            raise UserError(f"{archive} holds two files of one name", "one video per clip")
        for member, name in zip(members, names, strict=True):
            _copy(zipped, member, folder / name)
    return folder


def _flat_name(member: zipfile.ZipInfo) -> str:
    """The last part of a member's name: `videos/a.mp4` is `a.mp4`."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    mode = member.external_attr >> 16
    if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(mode) or path.name.startswith("."):
        raise UserError(
            f"the zip holds '{member.filename}'", "only plain files, one video per clip"
        )
    return path.name


def _copy(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Copy one member; a header that lies about the size ends in an error, not in a full disk."""
    left = member.file_size
    with disk_errors(target), zipped.open(member) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise UserError(f"'{member.filename}' is larger than it says", "a sound zip")
            file.write(chunk)
