"""The registry of weights against real HTTP servers: good, lying, dead and dropping ones."""

from __future__ import annotations

import hashlib
import os
import socket
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mirror import CONTENT, SHA, Mirror, serving
from thbench.api import UserError, WeightsFile
from thbench.plugins import weights


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as address:
        yield address


@pytest.fixture
def dead() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/good"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("THBENCH_OFFLINE", raising=False)
    return tmp_path / "weights"


def registry(*urls: str, sha256: str | None = SHA, commercial: bool = True) -> weights.Registry:
    item = WeightsFile("net", "net.bin", urls, sha256, len(CONTENT), "MIT", commercial)
    return {"net": item, "other": replace(item, name="other", file="other.bin")}


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


# -- fetch ----------------------------------------------------------------------------------------


def test_a_good_mirror(mirror: str, store: Path) -> None:
    items = registry(f"{mirror}/good")
    assert weights.status("net", items) == "missing"
    path = weights.fetch("net", items)
    assert path == store / "net.bin" == weights.path("net", items)
    assert path.read_bytes() == CONTENT and weights.status("net", items) == "present"
    weights.fetch("net", items)
    assert Mirror.asked == ["/good"]


def test_mirrors_are_tried_in_order(mirror: str, dead: str, store: Path) -> None:
    urls = [dead, f"{mirror}/absent", f"{mirror}/other", f"{mirror}/cut", f"{mirror}/good"]
    weights.fetch("net", registry(*urls, f"{mirror}/never"))
    assert Mirror.asked == ["/absent", "/other", "/cut", "/good"]
    assert files(store) == ["net.bin", "net.bin.sha256.json"]


@pytest.mark.parametrize(
    ("name", "reason"), [("absent", "HTTP 404"), ("other", "SHA-256"), ("cut", "")]
)
def test_when_no_mirror_works_each_says_why(
    name: str, reason: str, mirror: str, dead: str, store: Path
) -> None:
    with pytest.raises(UserError) as error:
        weights.fetch("net", registry(f"{mirror}/{name}", dead))
    assert f"/{name}: {reason}" in error.value.message and "ConnectionError" in error.value.message
    assert "thbench weights import net FILE" in error.value.remedy
    assert files(store) == []


def test_a_cut_download_is_noticed_without_a_published_hash(mirror: str, store: Path) -> None:
    for name in ("cut", "page"):
        with pytest.raises(UserError, match="could not fetch"):
            weights.fetch("net", registry(f"{mirror}/{name}", sha256=None))
    assert files(store) == []


def test_only_http(tmp_path: Path) -> None:
    (tmp_path / "net.bin").write_bytes(CONTENT)
    for url in (f"file://{tmp_path}/net.bin", "ftp://127.0.0.1/net.bin"):
        with pytest.raises(UserError, match="not an http address"):
            weights.fetch("net", registry(url))


def test_offline_means_no_request(
    mirror: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_OFFLINE", "1")
    items = registry(f"{mirror}/good")
    for call in (weights.fetch, weights.path):
        with pytest.raises(UserError, match="thbench weights import net FILE"):
            call("net", items)
    missing = weights.missing("net", items)
    assert missing is not None and missing.command == "thbench weights import net FILE"
    assert Mirror.asked == []
    monkeypatch.setenv("THBENCH_OFFLINE", "0")
    assert weights.fetch("net", items).exists()


def test_a_restricted_licence_is_accepted_first(mirror: str) -> None:
    items = registry(f"{mirror}/good", commercial=False)
    with pytest.raises(UserError, match=r"restricted licence: MIT.*--accept-licence"):
        weights.fetch("net", items)
    assert Mirror.asked == []
    assert weights.fetch("net", items, accept_licence=True).exists()


def test_progress_goes_to_the_screen(mirror: str, capsys: pytest.CaptureFixture[str]) -> None:
    weights.fetch("net", registry(f"{mirror}/good"), progress=True)
    assert "100%" in capsys.readouterr().err


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with the file in it, which must not be imported for it."""
    folder = tmp_path / "installed" / "carrier"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "models" / "net.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder / "models" / "net.bin"


def test_an_installed_package_serves_before_any_mirror_and_offline(
    mirror: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = registry("package:carrier/models/net.bin", f"{mirror}/good")
    monkeypatch.setenv("THBENCH_OFFLINE", "1")
    missing = weights.missing("net", items)
    assert missing is not None and missing.command == "thbench weights fetch net"
    assert weights.fetch("net", items).read_bytes() == CONTENT
    assert Mirror.asked == []


def test_weights_of_a_package_have_a_licence_too(package: Path) -> None:
    items = registry("package:carrier/models/net.bin", commercial=False)
    with pytest.raises(UserError, match=r"restricted licence: MIT.*--accept-licence"):
        weights.fetch("net", items)
    assert weights.fetch("net", items, accept_licence=True).exists()


def test_another_file_in_the_package_is_refused(package: Path, store: Path) -> None:
    package.write_bytes(CONTENT[::-1])
    with pytest.raises(UserError, match=r"net\.bin is not net: SHA-256"):
        weights.fetch("net", registry("package:carrier/models/net.bin"))
    assert files(store) == []


def test_a_package_that_is_not_installed_is_passed_over(mirror: str) -> None:
    for url in ("package:absent_one/net.bin", "package:../net.bin", "package:json/net.bin"):
        items = registry(url, f"{mirror}/good")
        weights.fetch("net", items).unlink()
    with pytest.raises(UserError, match="no address is registered"):
        weights.fetch("net", registry("package:absent_one/net.bin"))


# -- what lies in the store -----------------------------------------------------------------------


def test_damage_is_seen_and_mended(mirror: str, store: Path) -> None:
    items = registry(f"{mirror}/good")
    path = weights.fetch("net", items)
    path.write_bytes(CONTENT[:-1])
    assert weights.status("net", items) == "corrupt"
    with pytest.raises(UserError, match=r"damaged.*thbench weights fetch net"):
        weights.path("net", items)
    assert weights.missing("net", items) is not None
    weights.fetch("net", items)
    assert weights.status("net", items) == "present"


def test_damage_under_the_same_size_and_date_is_seen_by_verify(mirror: str) -> None:
    items = registry(f"{mirror}/good")
    path = weights.fetch("net", items)
    stat = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert weights.status("net", items) == "present"  # trusted: it is not read at each start
    assert weights.verify("net", items) == "corrupt"
    assert weights.status("net", items) == "corrupt"


def test_files_are_hashed_once(mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    items = registry(f"{mirror}/good")
    path = weights.fetch("net", items)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    for _ in range(3):
        assert weights.path("net", items) == path


def test_a_file_put_there_by_hand(store: Path) -> None:
    store.mkdir()
    (store / "net.bin").write_bytes(CONTENT)
    assert weights.path("net", registry()) == store / "net.bin"
    (store / "other.bin").write_bytes(b"x")
    assert weights.status("other", registry()) == "corrupt"


def test_a_damaged_record_is_made_anew(store: Path) -> None:
    store.mkdir()
    (store / "net.bin").write_bytes(CONTENT)
    for content in ("", "[]", "{", '{"sha256": 5, "size": 102400}'):
        (store / "net.bin.sha256.json").write_text(content)
        assert weights.status("net", registry()) == "present"


def test_missing_says_the_command_and_the_size() -> None:
    missing = weights.missing("net", registry())
    assert missing is not None and missing.size == len(CONTENT)
    assert missing.command == "thbench weights fetch net"
    with pytest.raises(UserError) as error:
        weights.path("net", registry())
    assert "`thbench weights fetch net`" in error.value.remedy


def test_unknown_names(store: Path) -> None:
    with pytest.raises(UserError, match="did you mean net"):
        weights.path("nett", registry())
    with pytest.raises(UserError, match="thbench weights list"):
        weights.fetch("zzz", registry())


@pytest.mark.parametrize("file", ["../net.bin", "/etc/passwd", "a/b", "", ".."])
def test_files_stay_in_the_store(file: str) -> None:
    items = {"net": replace(registry()["net"], file=file)}
    with pytest.raises(UserError, match="plain file name"):
        weights.path("net", items)


def test_the_store_is_in_the_cache_unless_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights.store() == tmp_path / "weights"
    monkeypatch.delenv("THBENCH_WEIGHTS")
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    assert weights.store() == tmp_path / "cache" / "weights"


# -- import ---------------------------------------------------------------------------------------


def test_import(tmp_path: Path, store: Path) -> None:
    (tmp_path / "mine").write_bytes(CONTENT)
    assert weights.import_file("net", tmp_path / "mine", registry()) == store / "net.bin"
    assert weights.path("net", registry()).read_bytes() == CONTENT


def test_importing_the_wrong_file_changes_nothing(tmp_path: Path, store: Path) -> None:
    (tmp_path / "good").write_bytes(CONTENT)
    (tmp_path / "wrong").write_bytes(CONTENT[::-1])
    items = registry("https://example.org/net.bin")
    weights.import_file("net", tmp_path / "good", items)
    with pytest.raises(
        UserError, match=r"wrong is not net: SHA-256.*https://example\.org/net\.bin"
    ):
        weights.import_file("net", tmp_path / "wrong", items)
    assert weights.path("net", items).read_bytes() == CONTENT
    with pytest.raises(UserError, match="absent"):
        weights.import_file("net", tmp_path / "absent", items)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def test_import_from_a_wheel_takes_the_member_of_that_name(tmp_path: Path, store: Path) -> None:
    wheel = zipped(tmp_path / "some-1.0.whl", **{"a.txt": b"x", "some__models__net.bin": CONTENT})
    weights.import_file("net", wheel, registry())
    assert weights.path("net", registry()).read_bytes() == CONTENT


def test_a_wheel_without_the_right_member_changes_nothing(tmp_path: Path, store: Path) -> None:
    others = [
        zipped(tmp_path / "a.whl", **{"net.bin": CONTENT[::-1]}),
        zipped(tmp_path / "b.whl", **{"other.bin": CONTENT}),
        zipped(tmp_path / "c.whl", **{"net.bin": bytes(3 * len(CONTENT))}),
    ]
    damaged = zipped(tmp_path / "d.whl", **{"net.bin": CONTENT})
    content = bytearray(damaged.read_bytes())
    content[60:70] = bytes(10)
    damaged.write_bytes(content)
    for wheel in (*others, damaged):
        with pytest.raises(
            UserError, match=r"whl is not net: SHA-256|net\.bin in \S+whl cannot be read"
        ):
            weights.import_file("net", wheel, registry())
    assert files(store) == []


def test_weights_that_are_a_zip_themselves_are_not_opened(tmp_path: Path, store: Path) -> None:
    mine = zipped(tmp_path / "mine.pth", **{"archive__net.bin": b"inner"})
    item = replace(registry()["net"], sha256=hashlib.sha256(mine.read_bytes()).hexdigest())
    weights.import_file("net", mine, {"net": item})
    assert (store / "net.bin").read_bytes() == mine.read_bytes()


def test_the_first_import_sets_the_hash_where_none_is_published(
    tmp_path: Path, store: Path
) -> None:
    items = registry(sha256=None)
    assert weights.expected_sha256("net", items) is None
    (tmp_path / "first").write_bytes(CONTENT)
    (tmp_path / "second").write_bytes(CONTENT[::-1])
    weights.import_file("net", tmp_path / "first", items)
    assert weights.expected_sha256("net", items) == SHA
    with pytest.raises(UserError, match="is not net"):
        weights.import_file("net", tmp_path / "second", items)
    (store / "net.bin").write_bytes(CONTENT[::-1])
    assert weights.status("net", items) == "corrupt"
    weights.import_file("net", tmp_path / "first", items)
    assert weights.status("net", items) == "present"


def test_a_published_hash_is_the_expected_one() -> None:
    assert weights.expected_sha256("net", registry()) == SHA
