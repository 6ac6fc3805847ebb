"""What verification says of a row and what it writes down, piece by piece."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from made import made_run, result
from thbench.environment import Settings
from thbench.errors import UserError
from thbench.leaderboard import verify
from thbench.leaderboard.recompute_sets import NotComputed
from thbench.leaderboard.rescore import Rescored
from thbench.leaderboard.store import CommittedRow, Verification, place, read_row, verified_file
from thbench.leaderboard.verify import Finding, Wanted, _both, _features, _fetched, _other, record
from thbench.results.clips import ClipsTable, clips_text
from thbench.results.document import OverRecord, Result, SubmissionRecord, result_text
from thbench.results.row import Row, clips_file


def verification(**change: Any) -> Verification:
    fields = {"result_sha256": "r", "clips_sha256": "c", "tier": "rows-verified", "thbench": "1"}
    return Verification.model_validate({**fields, **change})


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        ({"tier": "videos-verified"}, {"tier": "rows-verified"}, {"tier": "videos-verified"}),
        ({"tier": "rows-verified"}, {"tier": "reproduced"}, {"tier": "reproduced"}),
        ({"videos": (3, 9)}, {"videos": (2, 9)}, {"videos": (3, 9)}),
        ({"videos": (3, 9)}, {"videos": (4, 9)}, {"videos": (4, 9)}),
        ({"sets": True}, {}, {"sets": True}), ({}, {"sets": True}, {"sets": True}),
        ({"features": True}, {}, {"features": True}), ({}, {"features": True}, {"features": True}),
        ({}, {}, {}),
    ],
)  # fmt: skip
def test_records_of_the_same_bytes_add_up(
    old: dict[str, Any], new: dict[str, Any], both: dict[str, Any]
) -> None:
    before = verification(**old)
    found = _both(before, verification(thbench="2", **new))
    expected = verification(**both)
    changed = expected != before
    assert found == expected.model_copy(update={"thbench": "2" if changed else "1"})


def committed(
    *columns: tuple[str, dict[str, Any]], kind: str = "system", features: bool = False
) -> CommittedRow:
    made = result("s", kind, 64, {name: [1.0] for name, _ in columns}, 1)
    scores = {name: made.scores[name].model_copy(update=change) for name, change in columns}
    archive = {"features": {"sha256": "0" * 64}} if features else {}
    made = made.model_copy(
        update={"scores": scores, "submission": SubmissionRecord.model_validate(archive)}
    )
    return CommittedRow(
        Path("/board/results/made/s/1.json"), "1", Row(made, ClipsTable("t", {}, {}, {}))
    )


MEAN = {"over": OverRecord(column="m")}
SET = {"set_level": True, "over": None}


def said(row: CommittedRow, again: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def sets(*_: object) -> list[str]:
        if isinstance(again, Exception):
            raise again
        return list(again)

    monkeypatch.setattr(verify, "sets_again", sets)
    ground: Any = SimpleNamespace()
    return _features(row, ground, False, Settings())


def test_sets_are_computed_again_where_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    row = committed(("m", MEAN), ("kid", SET), ("fid", SET), ("odd", {"over": None}))
    again = "computed again from the feature archive: fid, kid"
    assert said(row, [], monkeypatch) == ([], True, [again, "not recomputed, self-reported: odd"])
    whole = ["not recomputed, self-reported: fid, kid, odd"]
    assert said(row, ["fid: differs"], monkeypatch) == (["fid: differs"], False, [again, *whole])
    why = "set metrics are not computed again: no archive"
    assert said(row, NotComputed("no archive"), monkeypatch) == ([], False, [why, *whole])


def test_without_sets_nothing_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    never = AssertionError("asked")
    assert said(committed(("m", MEAN)), never, monkeypatch) == ([], False, [])
    empty = committed(("m", MEAN), ("fid", {**SET, "value": None}))
    assert said(empty, never, monkeypatch) == ([], False, [])


def test_a_control_needs_no_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    control = committed(("fid", SET), kind="control")
    assert said(control, AssertionError("asked"), monkeypatch) == ([], False, [])
    having = committed(("fid", SET), kind="control", features=True)
    assert said(having, [], monkeypatch)[1] is True


def test_which_checks_are_of_videos(tmp_path: Path) -> None:
    assert not Wanted().of_videos
    assert Wanted(fetch=True).of_videos and Wanted(videos=tmp_path).of_videos


def test_a_row_without_videos_names_none() -> None:
    with pytest.raises(UserError, match="the row names no videos"):
        _fetched(committed(("m", MEAN)), Path())


def test_another_runs_row_of_the_same_name_and_size(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", ["s", "t"], 2, sizes=(64,))
    row = committed(("m", MEAN))
    assert _other(row, run).system.name == "s"
    wide = result("s", "system", 32, {"m": [1.0]}, 1)
    other = CommittedRow(row.path, "1", Row(wide, row.clips))
    with pytest.raises(UserError, match="has no s at 32 px"):
        _other(other, run)


def put(root: Path) -> Path:
    made: Result = result("s", "system", 64, {"m": [1.0]}, 1)
    path = place(root, made, "1")
    path.parent.mkdir(parents=True)
    path.write_text(result_text(made))
    clips_file(path).write_text(
        clips_text(["clip", "actor", "failure", "m"], [{"clip": "c", "actor": "a", "m": 1.0}])
    )
    return path


def test_what_was_verified_is_written_next_to_the_row_and_kept(tmp_path: Path) -> None:
    path = put(tmp_path)
    assert record(Finding(path, ("a problem",)), tmp_path) is None
    digests = dict(
        zip(("result_sha256", "clips_sha256"), read_row(tmp_path, path).digests, strict=True)
    )
    videos = verification(tier="videos-verified", videos=(1, 1), **digests)
    assert record(Finding(path, (), verification=videos), tmp_path) == verified_file(path)
    before = verified_file(path).stat().st_mtime_ns
    assert verified_file(path).read_text() == videos.model_dump_json(indent=1) + "\n"
    rows = verification(thbench="2", **digests)
    record(Finding(path, (), verification=rows), tmp_path)
    assert verified_file(path).stat().st_mtime_ns == before  # it says no more
    assert read_row(tmp_path, path).verification == videos


def test_a_row_that_no_page_can_show_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    row = committed(("m", MEAN))
    assert list(verify.unshowable(row, [row])) == []
    shown = []

    def tables(rows: list[CommittedRow]) -> Any:
        shown.append([r.path for r in rows])
        raise ValueError("odd")

    monkeypatch.setattr(verify, "tables_of", tables)
    other = CommittedRow(Path("/board/results/made/t/1.json"), "1", row.entry)
    suite = row.result.suite.model_copy(update={"name": "else"})
    far = CommittedRow(
        Path("/board/results/made/u/1.json"),
        "1",
        Row(row.result.model_copy(update={"suite": suite}), row.clips),
    )
    assert list(verify.unshowable(row, [row, other, far])) == ["cannot be shown: ValueError: odd"]
    assert shown == [[Path("/board/results/made/t/1.json"), Path("/board/results/made/s/1.json")]]


class Pieces:
    """`verify` with every piece replaced: what each says, and which were asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **say: Any) -> None:
        self.asked: list[str] = []
        pinned = say.pop("pinned", True)
        ground = SimpleNamespace(
            pins={"ground-truth": 1} if pinned else {}, elsewhere=lambda row: []
        )
        usual: dict[str, Any] = {
            "read_row": committed(("m", MEAN)), "ground_of": ground, "problems": [], "remarks": ["said"],
            "_features": ([], True, ["sets"]), "unshowable": [], "_other": None, "against": [],
            "_videos": Rescored((), 2, 3, True), "_record": verification(),
        }  # fmt: skip
        for name, value in {**usual, **say}.items():
            monkeypatch.setattr(verify, name, self.piece(name, value))

    def piece(self, name: str, value: Any) -> Any:
        def call(*given: object, **named: object) -> Any:
            self.asked.append(name)
            if isinstance(value, Exception):
                raise value
            return value

        return call

    def found(self, **wanted: Any) -> Finding:
        engine: Any = None
        return verify.verify(Path("p"), Path(), [], Wanted(**wanted), Settings(), engine)


def test_a_row_passes_every_check_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = Pieces(monkeypatch)
    plain = pieces.found()
    assert (plain.problems, plain.remarks, plain.tier) == ((), ("said", "sets"), "rows-verified")
    assert pieces.asked == [
        "read_row",
        "ground_of",
        "problems",
        "remarks",
        "_features",
        "unshowable",
        "_record",
    ]
    assert pieces.found(fetch=True).tier == "videos-verified"
    assert pieces.found(other=Path("run")).tier == "reproduced"
    both = Pieces(monkeypatch)
    assert both.found(videos=Path("v"), other=Path("run")).tier == "reproduced"
    assert [a for a in both.asked if a in ("_videos", "against")] == ["_videos", "against"]
    assert Pieces(monkeypatch, pinned=False).found().tier == "self-reported"
    control = committed(("m", MEAN), kind="control")
    assert Pieces(monkeypatch, pinned=False, read_row=control).found().tier == "rows-verified"


@pytest.mark.parametrize(
    ("piece", "value", "not_asked"),
    [
        ("problems", ["odd"], {"_features", "unshowable", "_videos", "against"}),
        ("_features", (["odd"], False, []), {"unshowable", "_videos", "against"}),
        ("unshowable", ["odd"], {"_videos", "against"}),
        ("_videos", Rescored(("odd",), 1, 3, False), {"against"}),
        ("against", ["odd"], set()),
        ("_other", UserError("odd"), {"against"}),
        ("read_row", UserError("odd"), {"problems", "_videos", "against"}),
    ],
)
def test_the_first_check_that_fails_ends_it(
    piece: str, value: Any, not_asked: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = Pieces(monkeypatch, **{piece: value})
    found = pieces.found(videos=Path("v"), other=Path("run"))
    assert (found.problems, found.tier, found.verification) == (("odd",), None, None)
    assert not not_asked & set(pieces.asked) and "_record" not in pieces.asked


def test_videos_are_scored_again_in_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(verify, "rescore", lambda *given: seen.append(given))
    monkeypatch.setattr(verify, "_fetched", lambda row, scratch: scratch / "fetched")
    row, ground, engine = committed(("m", MEAN)), object(), object()
    anything: Any = (ground, engine)
    for wanted in (Wanted(videos=Path("mine"), sample=4, seed=7), Wanted(fetch=True)):
        verify._videos(row, anything[0], wanted, Settings(), anything[1])
    (given, fetched) = seen
    assert given[:5] == (row, ground, Path("mine"), 4, 7) and given[6] is engine
    assert given[7].name == "run" and fetched[2] == fetched[7].parent / "fetched"


def test_a_record_says_what_was_done(tmp_path: Path) -> None:
    path = put(tmp_path)
    row = read_row(tmp_path, path)
    bare = verify._record(row, "rows-verified", None, False)
    assert (bare.videos, bare.sets, bare.features) == ((0, 0), False, False)
    assert (bare.result_sha256, bare.clips_sha256) == row.digests
    some = verify._record(row, "videos-verified", Rescored((), 2, 3, False), True)
    assert (some.videos, some.sets, some.features) == ((2, 3), False, True)
    assert verify._record(row, "videos-verified", Rescored((), 3, 3, True), False).sets
    assert verify._record(row, "reproduced", None, False).sets
