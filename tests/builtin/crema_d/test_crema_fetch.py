"""Downloads under the faults of real hosts; interrupted preparation; files that are in the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from crema_server import Host, pointer_text, serving
from thbench.api import DataReport, UserError
from thbench.environment import Settings
from thbench.plugins.context import RunContext
from thbench.plugins.discovery import registry
from thbench_crema_d import Options, fetch
from thbench_crema_d.catalogue import COLUMNS, File, published
from thbench_crema_d.dataset import CremaD
from thbench_crema_d.download import Unreachable, part_of
from thbench_crema_d.pointers import parse_pointer, read_pointer
from thbench_crema_d.recordings import condition_of

CLIP = "1001_DFA_ANG_XX"
CONTENT = {"flv": bytes(range(256)) * 1000, "wav": bytes(reversed(range(256))) * 300}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    published = tmp_path / "published"
    for file in files():
        (published / file.path).parent.mkdir(parents=True)
        (published / file.path).write_bytes(CONTENT[file.kind])
    with serving(published) as host:
        yield host


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "PAUSE", 0.0)


def files() -> list[File]:
    return [
        File(CLIP, kind, hashlib.sha256(CONTENT[kind]).hexdigest(), len(CONTENT[kind]))
        for kind in ("flv", "wav")
    ]


def bring(root: Path, *mirrors: str, connections: int = 1) -> DataReport:
    return fetch.fetch(root, files(), mirrors, connections)


def whole(root: Path) -> bool:
    return all((root / f.path).read_bytes() == CONTENT[f.kind] for f in files())


@pytest.mark.slow
@pytest.mark.parametrize(
    "faults", [["busy"], ["cut"], ["cut", "cut"], ["damaged"], ["cut", "busy"]]
)
def test_passing_faults_are_outlasted(host: Host, tmp_path: Path, faults: list[str]) -> None:
    host.faults = {files()[0].path: list(faults)}
    account = bring(tmp_path / "root", host.url)
    assert account.problems == []
    assert "2 files fetched (0.3 MB)" in account.lines[0]
    assert whole(tmp_path / "root")


def test_a_cut_download_goes_on_where_it_was(host: Host, tmp_path: Path) -> None:
    host.faults = {files()[0].path: ["cut"]}
    bring(tmp_path / "root", host.url)
    (first, second) = [r for path, r in host.asked if path == files()[0].path]
    assert first is None
    assert second is not None
    assert 0 < int(second[6:-1]) <= len(CONTENT["flv"]) // 2


def test_a_host_that_ignores_ranges_starts_over(host: Host, tmp_path: Path) -> None:
    path = files()[0].path
    host.faults = {path: ["cut", "whole"]}
    assert bring(tmp_path / "root", host.url).problems == []
    assert len([p for p, _ in host.asked if p == path]) == 2
    assert whole(tmp_path / "root")


@pytest.mark.parametrize("junk", [b"x" * 10, b"x" * 300_000])
def test_a_part_with_other_content_is_given_up(host: Host, tmp_path: Path, junk: bytes) -> None:
    part = part_of(tmp_path / "root" / files()[0].path, files()[0])
    part.parent.mkdir(parents=True)
    part.write_bytes(junk)
    assert bring(tmp_path / "root", host.url).problems == []
    assert whole(tmp_path / "root")
    assert not part.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason", "asked"),
    [
        ("absent", "HTTP 404", 1),
        ("pointer", "Git LFS pointer", 1),
        ("page", "a web page", 1),
        ("busy", "HTTP 503", fetch.TRIES),
        ("damaged", "SHA-256", fetch.TRIES),
    ],
)
def test_lasting_faults_are_named_and_asked_once(
    host: Host, tmp_path: Path, fault: str, reason: str, asked: int
) -> None:
    path = files()[0].path
    host.faults = {path: fault}  # type: ignore[dict-item]
    account = bring(tmp_path / "root", host.url)
    assert len(account.problems) == 1
    assert account.problems[0].startswith(f"{path}: ")
    assert reason in account.problems[0]
    assert "1 files fetched" in account.lines[0]
    assert "1 failed" in account.lines[0]
    assert len([p for p, _ in host.asked if p == path]) == asked
    assert not (tmp_path / "root" / path).exists()


def test_the_next_mirror_is_asked(host: Host, tmp_path: Path) -> None:
    account = bring(tmp_path / "root", "http://127.0.0.1:9", host.url, connections=2)
    assert account.problems == []
    assert whole(tmp_path / "root")


def test_a_dead_host_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    account = bring(tmp_path / "root", "http://127.0.0.1:9")
    assert account.problems == [f"{files()[0].path} and 1 more: no connection (http://127.0.0.1:9)"]


@pytest.mark.parametrize("answers", [0, 1])
def test_a_mirror_that_never_answered_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    """Without a network not every file is tried; after a first answer each one is."""
    tried: list[str] = []

    def silent(session: object, url: str, *_: object) -> None:
        tried.append(url)
        if len(tried) > answers:
            raise Unreachable("no connection")

    monkeypatch.setattr(fetch, "download", silent)
    ten = [f for pair in list(published().values())[:5] for f in pair]
    account = fetch.fetch(tmp_path / "root", ten, ["http://127.0.0.1:9"], 1)
    assert len(tried) == (1 + 9 * fetch.TRIES if answers else fetch.TRIES)
    assert len(account.problems) == 1  # for all of them
    assert account.lines[0].endswith(f"{10 - answers} failed (the same command goes on)")


def test_a_damaged_file_of_the_right_size_is_replaced(host: Host, tmp_path: Path) -> None:
    bring(tmp_path / "root", host.url)
    target = tmp_path / "root" / files()[1].path
    target.write_bytes(bytes(len(CONTENT["wav"])))
    account = bring(tmp_path / "root", host.url)
    assert "1 files fetched" in account.lines[0]
    assert whole(tmp_path / "root")


def test_what_cannot_be_fetched_stays_as_it_was(host: Host, tmp_path: Path) -> None:
    target = tmp_path / "root" / files()[1].path
    target.parent.mkdir(parents=True)
    target.write_bytes(b"mine")
    host.faults = {files()[1].path: "damaged"}
    bring(tmp_path / "root", host.url)
    assert target.read_bytes() == b"mine"


def test_two_fetches_at_once_are_refused(host: Host, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with (
        FileLock(root / ".thbench-fetch.lock"),
        pytest.raises(UserError, match="another fetch is at work"),
    ):
        bring(root, host.url)


def test_a_folder_that_cannot_be_made_is_a_users_mistake(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write under"):
        bring(tmp_path / "file" / "root", host.url)


# -- pointers and conditions ------------------------------------------------------------------------


def test_pointers_are_read_and_nothing_else(tmp_path: Path) -> None:
    text = pointer_text(CONTENT["flv"])
    assert parse_pointer(text) == (files()[0].sha256, len(CONTENT["flv"]))
    assert parse_pointer(text + b"x") is None
    assert parse_pointer(b"") is None
    (tmp_path / "large").write_bytes(text * 20)
    assert read_pointer(tmp_path / "large") is None


def test_only_the_remuxed_clips_can_be_old(tmp_path: Path) -> None:
    path = tmp_path / "x.flv"
    path.write_bytes(b"FLV" * 100)
    remuxed = File("1005_IWW_DIS_XX", "flv", "0" * 64, 300)
    assert condition_of(path, remuxed, lambda _: True) == "old"
    assert condition_of(path, remuxed, lambda _: False) == "damaged"
    other = File(CLIP, "flv", "0" * 64, 300)
    assert condition_of(path, other, lambda _: True) == "damaged"
    assert condition_of(path, File(CLIP, "flv", "0" * 64, 301), lambda _: True) == "truncated"
    assert condition_of(tmp_path / "none", other, lambda _: True) == "missing"


# -- the dataset without media ----------------------------------------------------------------------


def dataset(tmp_path: Path, offline: bool = False, **options: Path) -> CremaD:
    context = RunContext(registry(), Settings(offline=offline), "crema_d")
    return CremaD(
        Options(root=tmp_path / "root", prepared=tmp_path / "prepared", **options), context
    )


def test_offline_nothing_is_fetched(tmp_path: Path) -> None:
    made = dataset(tmp_path, offline=True)
    with pytest.raises(UserError, match="THBENCH_OFFLINE forbids") as raised:
        made.fetch(made.clips()[:1], None, 1)
    assert str(tmp_path / "root") in raised.value.remedy


def test_missing_counts_what_is_not_there(tmp_path: Path) -> None:
    made = dataset(tmp_path)
    media = next(iter(made.missing()))
    flv, wav = next(iter(published().values()))
    assert media.size == 2_443_021_141 + 605_899_936
    for file in (flv, wav):
        path = tmp_path / "root" / file.path
        path.parent.mkdir(parents=True)
        path.write_bytes(b"\0" * file.size if file is wav else pointer_text(b"x"))
    media = next(iter(made.missing_of(made.clips()[:1], "--split all")))
    assert media.size == flv.size
    assert media.what.startswith("1 recordings")
    assert media.command == "thbench data fetch crema_d --split all"


def test_sizes_beyond_the_master_are_refused(tmp_path: Path) -> None:
    made = dataset(tmp_path)
    with pytest.raises(UserError, match="prepared at 320 px"):
        made.load(made.clips()[0], 512)


def test_clips_of_another_manifest(tmp_path: Path) -> None:
    rows = [CLIP, files()[0].sha256, "1", files()[1].sha256, "2"]
    (tmp_path / "m.csv").write_text(",".join(COLUMNS) + "\n" + ",".join(rows) + "\n")
    assert [c.id for c in dataset(tmp_path, manifest=tmp_path / "m.csv").clips()] == [CLIP]
    assert len(dataset(tmp_path).clips()) == 7442
