"""RAVDESS by archives: fetched, resumed, checked by the published MD5, unpacked, verified."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crema_place import Done, thbench
from crema_server import Host, serving
from recordings_tree import CONVERTED_R, RAVDESS, make_ravdess, write_record

ONE, OTHER = (f"Video_Speech_Actor_{a}.zip" for a in ("01", "21"))
CLIPS = [clip for clips in RAVDESS.values() for clip in clips]


@dataclass
class Zenodo:
    host: Host
    root: Path

    def data(self, verb: str, *words: object) -> Done:
        at = ["--root", self.root, "--set", 'dataset.actors=["01", "21"]']
        return thbench("data", verb, "ravdess", *at, "--split", "all", *words)

    def fetch(self, *words: object) -> Done:
        return self.data("fetch", "--mirror", self.host.url, *words)


@pytest.fixture(scope="module")
def published(assets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ravdess(tmp_path_factory.mktemp("zenodo") / "files", assets)


@pytest.fixture
def zenodo(published: Path, tmp_path: Path, weights: Path) -> Iterator[Zenodo]:
    with serving(published) as host:
        yield Zenodo(host, tmp_path / "root")


def recordings(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*.mp4"))


def test_archives_come_and_only_clips_are_unpacked(zenodo: Zenodo, tmp_path: Path) -> None:
    done = zenodo.fetch()
    assert done.code == 0, done.err
    assert "licence of ravdess: CC BY-NC-SA 4.0" in done.out
    assert "2 archives fetched and unpacked, 0 were here already, 0 failed" in done.out
    inside = [f"Actor_{c[-2:]}/{c}.mp4" for c in CLIPS]
    extra = [
        f"Actor_{a}/01-01-02-01-01-01-{a}.mp4" for a in RAVDESS
    ]  # the name from above, put in its place
    assert recordings(zenodo.root) == sorted([*inside, *extra])
    assert not list(tmp_path.rglob("outside.mp4")) and not list(zenodo.root.rglob("*.zip"))
    again = zenodo.fetch()
    assert "0 archives fetched and unpacked, 2 were here already" in again.out


def test_a_cut_download_goes_on_where_it_was(zenodo: Zenodo) -> None:
    zenodo.host.faults = {ONE: ["cut", "busy", "busy"]}
    first = zenodo.fetch()
    assert first.code == 1
    assert "1 archives fetched and unpacked" in first.out and f"{ONE}: " in first.err
    assert "HTTP 503 (the same command goes on)" in first.err
    (part,) = zenodo.root.rglob("*.part")
    have = part.stat().st_size
    done = zenodo.fetch()
    assert done.code == 0, done.err
    assert (ONE, f"bytes={have}-") in zenodo.host.asked[-1:]
    assert "1 archives fetched and unpacked, 1 were here already, 0 failed" in done.out


def test_another_file_than_the_published_one_is_refused(zenodo: Zenodo) -> None:
    zenodo.host.faults = {ONE: "damaged", OTHER: "page"}
    done = zenodo.fetch()
    assert done.code == 1
    assert "MD5" in done.err and "the address gives a web page" in done.err
    assert recordings(zenodo.root) == []


def test_a_dead_address_ends_in_words(zenodo: Zenodo) -> None:
    done = zenodo.data("fetch", "--mirror", "http://127.0.0.1:9")
    assert done.code == 1
    (problem,) = [line for line in done.err.splitlines() if line.startswith("problem:")]
    assert "http://127.0.0.1:9/record.json: no answer" in problem and str(zenodo.root) in problem
    zenodo.host.faults = {"record.json": "page"}
    assert "no list of files with checksums" in zenodo.fetch().err
    zenodo.host.faults = {"record.json": "absent"}
    assert "record.json: HTTP 404" in zenodo.fetch().err


def test_an_archive_that_is_none_is_named(published: Path, tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / ONE).write_bytes(b"PK no archive")
    write_record(folder)
    with serving(folder) as host:
        done = Zenodo(host, tmp_path / "root").fetch()
    assert done.code == 1
    assert f"{ONE}: no archive that can be unpacked" in done.err
    assert f"{OTHER}: {host.url}/record.json does not list it" in done.err


def test_offline_nothing_is_asked(zenodo: Zenodo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_OFFLINE", "1")
    done = zenodo.fetch()
    assert done.code == 2 and "THBENCH_OFFLINE forbids the download" in done.err
    assert zenodo.host.asked == []


def test_verify_names_every_fault(zenodo: Zenodo) -> None:
    zenodo.fetch()
    damaged = zenodo.root / "Actor_01" / f"{RAVDESS['01'][0]}.mp4"
    damaged.write_bytes(damaged.read_bytes() + b"x")
    (zenodo.root / "Actor_21" / f"{RAVDESS['21'][0]}.mp4").unlink()
    chosen = [w for c in CLIPS for w in ("--clip", c)]
    done = zenodo.data("verify", *chosen)
    assert done.code == 1
    assert "5 recordings under" in done.out and "3 with problems" in done.out
    assert f"{RAVDESS['01'][0]}.mp4 is not the published file" in done.err
    assert f"{RAVDESS['21'][0]}: missing — thbench data fetch ravdess" in done.err
    assert (
        f"{CONVERTED_R}.mp4 has 25 frames per second, published at 29.97: a converted copy"
        in done.err
    )
    assert "not verifiable" not in done.out


def test_a_note_that_was_cut_off_fetches_again(zenodo: Zenodo) -> None:
    zenodo.fetch()
    note = zenodo.root / ".thbench" / f"{ONE}.json"
    digests = json.loads(note.read_text())
    assert len(digests) == len(RAVDESS["01"]) + 1
    note.unlink()
    (zenodo.root / "Actor_01" / f"{RAVDESS['01'][0]}.mp4").unlink()
    assert "1 archives fetched and unpacked" in zenodo.fetch().out
    assert json.loads(note.read_text()) == digests


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ("mead", "https://wywu.github.io/projects/MEAD/MEAD.html"),
        ("hdtf", "the list names YouTube videos"),
    ],
)
def test_what_nobody_may_hand_out_says_where_it_is_had(
    dataset: str, said: str, tmp_path: Path, weights: Path
) -> None:
    done = thbench("data", "fetch", dataset, "--root", tmp_path)
    assert done.code == 1
    assert said in done.err and str(tmp_path) in done.err
    assert f"licence of {dataset}: " in done.out
