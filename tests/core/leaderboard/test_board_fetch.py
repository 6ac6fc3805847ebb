"""Zips of videos: unpacked flat, nothing leaves the folder, nothing expands beyond reason."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from thbench.errors import UserError
from thbench.leaderboard import fetch
from thbench.leaderboard.fetch import fetch_videos, unpack
from thbench.results.document import VideosRecord


def archive(folder: Path, names: list[str], content: bytes = b"video") -> Path:
    file = folder / "videos.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in names:
            zipped.writestr(name, content)
    return file


def test_files_come_out_flat(tmp_path: Path) -> None:
    folder = unpack(archive(tmp_path, ["videos/a.mp4", "b.mkv"]), tmp_path / "out")
    assert sorted(p.name for p in folder.iterdir()) == ["a.mp4", "b.mkv"]
    assert (folder / "a.mp4").read_bytes() == b"video"


@pytest.mark.parametrize(
    "name", ["../a.mp4", "/etc/a.mp4", "x/../../a.mp4", "..\\a.mp4", ".hidden"]
)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="only plain files, one video per clip"):
        unpack(archive(tmp_path, [name]), tmp_path / "out")
    assert not (tmp_path / "a.mp4").exists()


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one name"):
        unpack(archive(tmp_path, ["x/a.mp4", "y/a.mp4"]), tmp_path / "out")


def test_links_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "videos.zip"
    with zipfile.ZipFile(file, "w") as zipped:
        link = zipfile.ZipInfo("a.mp4")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match="plain files"):
        unpack(file, tmp_path / "out")


def test_a_zip_bomb_is_refused_before_it_goes_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 1_000_000)
    file = archive(tmp_path, ["a.mp4", "b.mp4"], bytes(600_000))
    assert file.stat().st_size < 10_000
    with pytest.raises(UserError, match="beyond reason"):
        unpack(file, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "videos.zip"
    file.write_bytes(content)
    with pytest.raises(UserError, match="no zip"):
        unpack(file, tmp_path / "out")


def test_offline_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_OFFLINE", "1")
    videos = VideosRecord(url="https://example.org/v.zip", sha256="0" * 64)
    with pytest.raises(UserError, match="OFFLINE"):
        fetch_videos(videos, tmp_path)


def test_another_file_than_promised_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deliver(url: str, target: Path, largest: int) -> str:
        target.write_bytes(b"something else")
        return "1" * 64

    monkeypatch.setattr(fetch, "_download", deliver)
    monkeypatch.delenv("THBENCH_OFFLINE", raising=False)
    videos = VideosRecord(url="https://example.org/v.zip", sha256="0" * 64)
    with pytest.raises(UserError, match="SHA-256"):
        fetch_videos(videos, tmp_path)


class Answer:
    """What a server gives back."""

    def __init__(self, url: str, body: bytes, history: tuple[Any, ...] = ()) -> None:
        self.url, self.body, self.history = url, body, history

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def raise_for_status(self) -> None:
        if self.url.endswith("/gone"):
            raise requests.HTTPError("410")

    def iter_content(self, size: int) -> list[bytes]:
        return [self.body[i : i + size] for i in range(0, len(self.body), size)]


def answer(monkeypatch: pytest.MonkeyPatch, given: Answer) -> None:
    monkeypatch.setattr("requests.get", lambda *_, **__: given)
    monkeypatch.delenv("THBENCH_OFFLINE", raising=False)


def test_videos_come_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = archive(tmp_path, ["a.mp4"]).read_bytes()
    sha256 = hashlib.sha256(body).hexdigest()
    answer(monkeypatch, Answer("https://example.org/v.zip", body))
    (tmp_path / "scratch").mkdir()
    videos = VideosRecord(url="https://example.org/v.zip", sha256=sha256)
    folder = fetch_videos(videos, tmp_path / "scratch")
    assert [p.name for p in folder.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Answer("https://example.org/gone", b""), "reachable"),
        (Answer("http://example.org/v.zip", b""), "away from https"),
        (Answer("https://b.org", b"", (Answer("http://a.org", b""),)), "away from https"),
        (Answer("https://example.org/v.zip", bytes(2000)), "larger than"),
    ],
)
def test_a_bad_answer_is_refused(
    given: Answer, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 1000)
    answer(monkeypatch, given)
    with pytest.raises(UserError, match=says):
        fetch_videos(VideosRecord(url="https://example.org/v.zip", sha256="0" * 64), tmp_path)
