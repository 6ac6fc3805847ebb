"""Feature archives: set metrics computed again from them, and whatever is wrong with one found out."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boards import Board, board_of, shared_run
from guards import some
from thbench.cli.main import main
from thbench.errors import UserError
from thbench.files.arrays import array_bytes
from thbench.leaderboard.add import add
from thbench.leaderboard.archive import INDEX, open_archive, sha256_of, write_archive
from thbench.leaderboard.build import board
from thbench.leaderboard.page import page
from thbench.leaderboard.store import features_file, read_row, verified_file
from thbench.leaderboard.verify import Finding, record
from thbench.results.document import SubmissionRecord

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_run(tmp_path_factory)


@pytest.fixture
def toys(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """A board whose rows, and the pinned ground truth, have their archives."""
    monkeypatch.setenv("THBENCH_CACHE", str(run.parent / "cache"))
    return board_of(run, tmp_path, features=True)


def row(board_: Board, name: str = "echo") -> dict[str, Any]:
    rows = board(board_.root)["measured"][0]["rows"]
    return next(dict(r) for r in rows if r["system"] == name)


# -- what an honest archive gives ---------------------------------------------------------------


def test_set_metrics_follow_from_the_archive(toys: Board) -> None:
    for name in ("echo", "loud", "twin", "ground-truth@32"):
        finding = toys.verify(name)
        assert (finding.problems, finding.tier) == ((), "rows-verified")
        assert finding.remarks == ("computed again from the feature archive: spread",)
        assert finding.verification is not None
        assert (finding.verification.features, finding.verification.sets) == (True, False)


def test_only_systems_and_the_ground_truth_have_archives(toys: Board) -> None:
    names = {p.parent.name for p in toys.root.rglob("*.features.zip")}
    assert names == {"echo", "loud", "twin", "ground-truth@32"}


@pytest.mark.slow
def test_the_mark_goes_and_the_tier_says_what_was_shown(toys: Board, run: Path) -> None:
    assert row(toys)["self_reported"] == ["spread"]
    record(toys.verify(), toys.root)
    assert row(toys)["self_reported"] == []
    assert (row(toys)["tier"], row(toys)["verified"]) == (
        "rows-verified",
        "rows-verified, sets from features",
    )
    assert "| echo | rows-verified, sets from features |" in page(board(toys.root))
    record(toys.verify(videos=run / "systems/echo/videos", sample=3), toys.root)
    assert row(toys)["verified"] == "videos-verified (3 of 24), sets from features"
    record(toys.verify(videos=run / "systems/echo/videos"), toys.root)
    assert row(toys)["verified"] == "videos-verified (24 of 24)"


def test_records_of_the_same_bytes_add_up(toys: Board, run: Path) -> None:
    """Features checked after videos, by somebody else, take nothing away."""
    finding = toys.verify(videos=run / "systems/echo/videos", sample=3)
    assert finding.verification is not None
    videos_only = finding.verification.model_copy(update={"features": False})
    record(Finding(finding.path, (), verification=videos_only), toys.root)
    record(toys.verify(), toys.root)
    before = verified_file(toys.path()).read_bytes()
    assert row(toys)["verified"] == "videos-verified (3 of 24), sets from features"
    record(toys.verify(), toys.root)
    assert verified_file(toys.path()).read_bytes() == before


def test_equal_runs_give_equal_archives(toys: Board, run: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    add(run, again, "1", SubmissionRecord(submitter="a person"), pin=True, features=True)
    for file in some(toys.root.rglob("*.features.zip")):
        assert (again / file.relative_to(toys.root)).read_bytes() == file.read_bytes()


@pytest.mark.slow
def test_videos_scored_again_are_compared_with_the_archive(toys: Board, run: Path) -> None:
    """Features from which every value follows, and which are not the videos'."""
    spoil(toys, lambda m: m.update(changed(m, "1003_AAA", lambda a: a[::-1])))
    assert toys.verify().tier == "rows-verified"
    assert toys.verify(videos=run / "systems/echo/videos").problems == (
        "clip 1003_AAA: its video has other features than the archive (toy-brightness)",
    )


# -- what is wrong with others ------------------------------------------------------------------


def members_of(file: Path) -> Members:
    with zipfile.ZipFile(file) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def zipped(members: Members, compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def put(toys: Board, content: bytes, name: str = "echo") -> None:
    """Another archive beside the row, and its digest in the document."""
    file = features_file(toys.path(name))
    file.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    toys.change(lambda d: d["submission"]["features"].update(sha256=sha256), name)


def spoil(toys: Board, change: Callable[[Members], object], name: str = "echo") -> None:
    members = members_of(features_file(toys.path(name)))
    change(members)
    put(toys, zipped(members), name)


def changed(members: Members, clip: str, change: Callable[[Any], Any]) -> Members:
    """The member with a clip's array, changed."""
    places = json.loads(members[INDEX])["metrics"]["toy-brightness"]
    name = f"{places[clip]['levels']}.npy"
    found = np.load(io.BytesIO(members[name]), allow_pickle=False)
    return {name: array_bytes(np.asarray(change(found)))}


def without_clip(members: Members) -> None:
    index = json.loads(members[INDEX])
    gone = index["metrics"]["toy-brightness"].pop("1008_CCC")["levels"]
    last = len(members) - 2
    for of in index["metrics"]["toy-brightness"].values():
        of["levels"] = gone if of["levels"] == last else of["levels"]
    members[f"{gone}.npy"] = members[f"{last}.npy"]
    del members[f"{last}.npy"]
    members[INDEX] = json.dumps(index).encode()


def another_clip(members: Members) -> None:
    index = json.loads(members[INDEX])
    index["metrics"]["toy-brightness"]["9999_ZZZ"] = {"levels": 0}
    members[INDEX] = json.dumps(index).encode()


def array(value: Any) -> Callable[[Members], object]:
    """The first clip's array replaced."""
    return lambda m: m.update({"0.npy": array_bytes(np.asarray(value))})


def raw(content: bytes) -> Callable[[Members], object]:
    return lambda m: m.update({"0.npy": content})


def index(text: str) -> Callable[[Members], object]:
    return lambda m: m.update({INDEX: text.encode()})


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def header(shape: str) -> bytes:
    """An array that claims to be larger than its bytes."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(8)


SPOILT: list[tuple[str, Callable[[Members], object], str]] = [
    ("values", array(np.full(8, 90.0)), "spread: its features give"),
    ("a missing clip", without_clip, "toy-brightness: clip 1008_CCC is missing"),
    ("a clip too many", another_clip, "clip 9999_ZZZ was not scored"),
    ("NaN", array([1.0, np.nan]), "0.npy holds NaN or infinity"),
    ("infinity", array([1.0, np.inf]), "0.npy holds NaN or infinity"),
    ("text", array(["a", "b"]), "not of numbers"),
    ("a pickle", raw(pickled()), "arrays of objects are not read"),
    ("a huge array", raw(header(f"({10**15},)")), "cannot be read"),
    ("a negative shape", raw(header("(-2,)")), "cannot be read"),
    ("code in a header", raw(header("(__import__('os').getpid(),)")), "cannot be read"),
    ("an open bracket in a header", raw(header("((((")), "cannot be read"),
    ("no array", raw(b"no array"), "cannot be read"),
    ("other shapes", array(np.zeros((4, 3))), "its features give None"),
    ("a path outside", lambda m: m.update({"../x.npy": m.pop("0.npy")}), "its members are not"),
    ("an absolute path", lambda m: m.update({"/x.npy": m.pop("0.npy")}), "its members are not"),
    ("a file too many", lambda m: m.update({"x.py": b""}), "its members are not"),
    ("no index", lambda m: m.pop(INDEX), "its members are not"),
    ("another schema", index('{"schema": 2, "metrics": {}}'), "features.json"),
    ("an index that is none", index("[" * 100_000), "features.json"),
    ("an index of nothing", index('{"schema": 1, "metrics": {}}'), "does not name exactly"),
    ("a negative number", index('{"schema": 1, "metrics": {"m": {"c": {"a": -1}}}}'), "features.json"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "says"), [s[1:] for s in SPOILT], ids=[s[0] for s in SPOILT])
def test_a_spoilt_archive_is_refused(
    toys: Board, change: Callable[[Members], object], says: str
) -> None:
    spoil(toys, change)
    finding = toys.verify()
    assert finding.tier is None
    assert any(says in problem for problem in finding.problems), finding.problems
    assert all("\n" not in problem for problem in finding.problems)
    assert record(finding, toys.root) is None
    assert row(toys)["self_reported"] == ["spread"]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_refused(toys: Board, content: bytes) -> None:
    put(toys, content)
    assert any("cannot be read" in p for p in toys.verify().problems)


def test_another_archive_than_the_result_names_is_refused(toys: Board) -> None:
    features_file(toys.path()).write_bytes(features_file(toys.path("loud")).read_bytes())
    assert any("the result names" in p for p in toys.verify().problems)
    features_file(toys.path()).unlink()
    assert any("is missing" in p for p in toys.verify().problems)


def test_the_archive_of_another_system_is_refused(toys: Board) -> None:
    put(toys, features_file(toys.path("loud")).read_bytes())
    assert any("spread: its features give" in p for p in toys.verify().problems)


def test_the_references_own_features_give_no_better_value(toys: Board) -> None:
    """What the pinned ground truth saw, handed in as one's own, gives another value than was claimed."""
    put(toys, features_file(toys.path("ground-truth@32")).read_bytes())
    assert any("spread: its features give 0.0" in p for p in toys.verify().problems)


def test_values_without_an_actor_are_computed_too(toys: Board) -> None:
    """One value without an actor and the interval that follows from it, invented together."""

    def change(d: dict[str, Any]) -> None:
        from thbench.statistics.intervals import jackknife_interval

        spread = d["scores"]["spread"]
        spread["interval"]["without"]["1001"] *= 1.02
        left_out = [v for _, v in sorted(spread["interval"]["without"].items())]
        found = jackknife_interval(
            spread["value"],
            left_out,
            n_clips=spread["n"],
            level=0.95,
            bounds=tuple(spread["range"]),
        )
        spread["interval"].update(low=found.low, high=found.high)

    toys.change(change)
    assert any("spread without actor 1001" in p for p in toys.verify().problems)


def test_a_compressed_archive_is_refused(toys: Board) -> None:
    members = members_of(features_file(toys.path()))
    members["0.npy"] = array_bytes(np.zeros(10_000_000))
    put(toys, zipped(members, zipfile.ZIP_DEFLATED))
    assert features_file(toys.path()).stat().st_size < 200_000
    assert any("its members are compressed" in p for p in toys.verify().problems)


def test_a_huge_archive_is_refused_unread(toys: Board) -> None:
    with features_file(toys.path()).open("r+b") as file:
        file.truncate(100_000_000)
    assert any("larger than 20000000 bytes" in p for p in toys.verify().problems)


def test_a_link_is_refused(toys: Board, tmp_path: Path) -> None:
    file = features_file(toys.path())
    moved = tmp_path / "outside.zip"
    file.rename(moved)
    file.symlink_to(moved)
    assert any("is missing, or no file" in p for p in toys.verify().problems)


def test_an_archive_that_no_result_names_is_refused(toys: Board) -> None:
    toys.change(lambda d: d["submission"].update(features=None))
    assert any("that its document does not name" in p for p in toys.verify().problems)


def test_an_interval_that_follows_from_nothing_is_refused(toys: Board) -> None:
    toys.change(lambda d: d["scores"]["spread"]["interval"].update(without={}))
    assert any("follows from nothing" in p for p in toys.verify().problems)


# -- where sets cannot be computed, nothing is claimed ------------------------------------------


def bare(toys: Board, name: str) -> None:
    """The row without its archive."""
    features_file(toys.path(name)).unlink()
    toys.change(lambda d: d["submission"].update(features=None), name)


@pytest.mark.parametrize("name", ["echo", "ground-truth@32"])
def test_without_both_archives_sets_stay_self_reported(toys: Board, name: str) -> None:
    bare(toys, name)
    finding = toys.verify()
    assert (finding.problems, finding.tier) == ((), "rows-verified")
    missing = name.partition("@")[0]
    assert (
        f"set metrics are not computed again: {missing} has no feature archive" in finding.remarks
    )
    assert "not recomputed, self-reported: spread" in finding.remarks
    record(finding, toys.root)
    assert row(toys)["self_reported"] == ["spread"]


def test_an_archive_of_another_identity_proves_nothing(toys: Board) -> None:
    from thbench.files.canonical import digest

    def change(d: dict[str, Any]) -> None:
        identity = {**d["scores"]["spread"]["identity"], "version": "0"}
        d["scores"]["spread"].update(identity=identity, identity_digest=digest(identity))

    toys.change(change)
    finding = toys.verify()
    assert "set metrics are not computed again: spread has another identity here" in finding.remarks
    assert finding.verification is not None
    assert not finding.verification.features


# -- archives at an address ---------------------------------------------------------------------


def elsewhere(run: Path, root: Path) -> Path:
    """A board whose archives lie at an address; where they are until then."""
    at = "https://example.org/features/"
    add(run, root, "1", SubmissionRecord(), pin=True, features=True, features_at=at)
    return run / "features"


def test_archives_are_fetched_once(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(run.parent / "cache"))
    toys = Board(tmp_path / "leaderboard", run.parent / "suites")
    published = elsewhere(run, toys.root)
    assert not list(toys.root.rglob("*.features.zip"))
    features = read_row(toys.root, toys.path()).features
    assert features is not None
    assert features.url == f"https://example.org/features/{features.sha256}.zip"
    asked = []

    def deliver(url: str, target: Path, largest: int) -> str:
        asked.append(url)
        target.write_bytes((published / url.rpartition("/")[2]).read_bytes())
        return sha256_of(target)

    monkeypatch.setattr("thbench.leaderboard.fetch._download", deliver)
    monkeypatch.delenv("THBENCH_OFFLINE", raising=False)
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    said = "the feature archive of echo is elsewhere: --fetch-features"
    assert any(said in remark for remark in toys.verify().remarks)
    for _ in range(2):
        finding = toys.verify(fetch_features=True)
        assert finding.verification is not None
        assert finding.verification.features
    assert len(asked) == 2
    assert not [p for p in (tmp_path / "cache/archives").iterdir() if p.is_dir()]


def test_another_file_than_promised_is_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(run.parent / "cache"))
    toys = Board(tmp_path / "leaderboard", run.parent / "suites")
    elsewhere(run, toys.root)

    def deliver(url: str, target: Path, largest: int) -> str:
        target.write_bytes(b"something else")
        return sha256_of(target)

    monkeypatch.setattr("thbench.leaderboard.fetch._download", deliver)
    monkeypatch.delenv("THBENCH_OFFLINE", raising=False)
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    assert any("SHA-256" in p for p in toys.verify(fetch_features=True).problems)
    assert list((tmp_path / "cache/archives").iterdir()) == []


def test_an_archive_too_large_for_the_folder_belongs_at_an_address(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(run.parent / "cache"))
    monkeypatch.setattr("thbench.leaderboard.add.LARGEST_BESIDE", 1000)
    with pytest.raises(UserError, match="--features-at"):
        add(run, tmp_path / "board", "1", SubmissionRecord(), features=True)
    assert not (tmp_path / "board").exists()


def test_what_the_cache_has_lost_is_said(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "empty"))
    with pytest.raises(UserError, match="the cache no longer holds toy-brightness of clip"):
        add(run, tmp_path / "board", "1", SubmissionRecord(), features=True)


def test_the_commands(
    toys: Board, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`add --features`, `verify --record`, `build`; a row added again without them loses its archive."""
    root = tmp_path / "mine"

    def thbench(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["thbench", "leaderboard", *words])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    assert thbench("add", str(run), "--to", str(root), "--pin", "--features") == 0
    verify = ["verify", "--in", str(root), "--suites", str(toys.suites), "--record"]
    assert thbench(*verify) == 0
    archive = features_file(root / "results/toys/echo/1.json")
    assert thbench(*verify, str(archive)) == 0
    assert thbench("build", "--in", str(root)) == 0
    assert "| loud | rows-verified, sets from features |" in (root / "README.md").read_text()
    assert thbench("add", str(run), "--to", str(root), "--replace", "--systems", "echo") == 0
    assert not archive.exists()
    at = ["--features-at", "http://example.org"]
    assert thbench("add", str(run), "--to", str(tmp_path / "other"), *at) == 2


# -- the format ---------------------------------------------------------------------------------


def test_arrays_come_back_and_equal_ones_are_stored_once(tmp_path: Path) -> None:
    one = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array([1, 2])}
    file = tmp_path / "a.zip"
    sha256 = write_archive(file, [("fid", "c1", one), ("kid", "c1", one), ("kid", "c2", {})])
    assert len(members_of(file)) == 3
    with open_archive(file, sha256) as archive:
        found = archive.clips("kid")
        assert list(found) == ["c1", "c2"]
        np.testing.assert_array_equal(found["c1"]["x"], one["x"])
        assert found["c1"]["x"].dtype == np.float32
        assert archive.clips("ofm") == {}


@pytest.mark.parametrize("bad", [np.array([np.nan]), np.array(["a"])])
def test_what_may_not_be_read_is_not_written(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(UserError, match="m, clip c: x"):
        write_archive(tmp_path / "a.zip", [("m", "c", {"x": bad})])
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_bytes_are_an_archive_or_a_clean_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzzed.zip"
    write_archive(file, [("m", "c", {"x": np.arange(3.0)})])
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    try:
        with open_archive(file, sha256_of(file)) as archive:
            for metric in archive.index.metrics:
                for arrays in archive.clips(metric).values():
                    assert all(np.isfinite(a).all() for a in arrays.values())
    except UserError as error:
        assert "\n" not in str(error)
