"""Where rows lie: names that are none, files that belong to nothing, records of other bytes, pins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from made import result
from thbench.errors import UserError
from thbench.files.foreign import sha256_of
from thbench.leaderboard.store import (
    _LARGEST_RECORD,
    clips_file,
    common_ground,
    features_file,
    pins_of,
    place,
    read_row,
    read_rows,
    row_files,
    systems,
    verified_file,
)
from thbench.results.clips import clips_text
from thbench.results.document import Result, result_text


def made(name: str = "s", kind: str = "system", size: int = 64) -> Result:
    return result(name, kind, size, {"m": [1.0, 2.0]}, 2)


def put(root: Path, row: Result, revision: str = "1") -> Path:
    path = place(root, row, revision)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(result_text(row))
    lines = [{"clip": c, "actor": "a", "m": 1.0} for c in ("1", "2")]
    clips_file(path).write_text(clips_text(["clip", "actor", "failure", "m"], lines))
    return path


def test_a_row_lies_under_its_suite_its_system_and_its_revision(tmp_path: Path) -> None:
    assert place(tmp_path, made(), "2") == tmp_path / "results" / "made" / "s" / "2.json"
    control = place(tmp_path, made("ground-truth", "control", 32), "1")
    assert control == tmp_path / "results" / "made" / "ground-truth@32" / "1.json"


@pytest.mark.parametrize(
    ("change", "revision", "says"),
    [
        ({}, "../x", "no revision name"), ({}, "", "no revision name"), ({}, "a/b", "no revision name"),
        ({}, "1.clips", "'1.clips' is no revision name"), ({}, "1.verified", "no revision name"),
        ({}, "1.features", "no revision name"), ({"name": "../s"}, "1", "no system name"),
        ({"name": "a\n"}, "1", "no system name"),
    ],
)  # fmt: skip
def test_names_that_would_leave_their_place(
    tmp_path: Path, change: dict[str, Any], revision: str, says: str
) -> None:
    row = made()
    row = row.model_copy(update={"system": row.system.model_copy(update=change)})
    with pytest.raises(UserError, match=says):
        place(tmp_path, row, revision)


def test_the_name_of_the_suite_too(tmp_path: Path) -> None:
    row = made()
    row = row.model_copy(update={"suite": row.suite.model_copy(update={"name": ".."})})
    with pytest.raises(UserError, match="no suite name"):
        place(tmp_path, row, "1")


def test_a_row_that_is_not_where_it_belongs_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, made())
    assert read_row(tmp_path, path).revision == "1"
    other = path.parent.with_name("t") / "1.json"
    other.parent.mkdir()
    path.rename(other)
    clips_file(path).rename(clips_file(other))
    with pytest.raises(UserError, match="is s of suite made"):
        read_row(tmp_path, other)


@pytest.mark.parametrize("which", ["document", "folder", "table"])
def test_links_are_not_followed(tmp_path: Path, which: str) -> None:
    path = put(tmp_path / "real", made())
    root = tmp_path / "root"
    link = place(root, made(), "1")
    if which == "folder":
        link.parent.parent.mkdir(parents=True)
        link.parent.symlink_to(path.parent)
    else:
        link.parent.mkdir(parents=True)
        for real, here in ((path, link), (clips_file(path), clips_file(link))):
            if (which == "document") == (real == path):
                here.symlink_to(real)
            else:
                here.write_bytes(real.read_bytes())
    with pytest.raises(UserError, match="is a link"):
        read_row(root, link)


def test_a_root_that_is_a_link_is_fine(tmp_path: Path) -> None:
    put(tmp_path / "real", made())
    (tmp_path / "root").symlink_to(tmp_path / "real")
    (row,) = read_rows(tmp_path / "root")
    assert row.result.system.name == "s"


def test_files_that_belong_to_no_row_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, made())
    for companion in (verified_file(path), features_file(path)):
        companion.write_text("")
    assert row_files(tmp_path) == [path]
    (path.parent / "2.features.zip").write_text("")
    with pytest.raises(UserError, match=r"2\.features\.zip belongs to no result"):
        row_files(tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("ab", "A-B", True), ("ab", "a.b", True), ("ab", "ac", False), ("a", "a", False)],
)
def test_systems_that_look_alike_are_refused(
    tmp_path: Path, one: str, other: str, alike: bool
) -> None:
    put(tmp_path, made(one))
    put(tmp_path, made(other), "2")
    if alike:
        with pytest.raises(UserError, match="looks like"):
            row_files(tmp_path)
    else:
        assert len(row_files(tmp_path)) == 2


def test_controls_of_other_sizes_and_systems_of_other_suites_do_not_look_alike(
    tmp_path: Path,
) -> None:
    for size in (32, 64):
        put(tmp_path, made("ground-truth", "control", size))
    row = made("a-b")
    put(tmp_path, row.model_copy(update={"suite": row.suite.model_copy(update={"name": "more"})}))
    put(tmp_path, made("ab"))
    assert len(row_files(tmp_path)) == 4


def test_a_control_is_pinned_once(tmp_path: Path) -> None:
    put(tmp_path, made("ground-truth", "control"))
    put(tmp_path, made("ground-truth", "control", 32))
    put(tmp_path, made(), "1")
    put(tmp_path, made(), "2")
    rows = read_rows(tmp_path)
    assert [r.is_control for r in rows].count(True) == 2
    assert [r.revision for r in systems(rows)] == ["1", "2"]
    put(tmp_path, made("ground-truth", "control"), "2")
    with pytest.raises(UserError, match="this control is also pinned by"):
        read_rows(tmp_path)


def test_pins_are_of_the_same_suite_split_and_size(tmp_path: Path) -> None:
    truth = made("ground-truth", "control")
    put(tmp_path, truth)
    put(tmp_path, made("ground-truth", "control", 32))
    put(tmp_path, made())
    rows = read_rows(tmp_path)
    assert list(pins_of(rows, made())) == ["ground-truth"]
    assert pins_of(rows, made())["ground-truth"].result == truth
    for part in ("suite", "split"):
        other = made().model_copy(
            update={part: getattr(made(), part).model_copy(update={"digest": "9" * 64})}
        )
        assert pins_of(rows, other) == {}
    assert pins_of(rows, made(size=46)) == {}


def test_what_rows_of_one_table_share() -> None:
    row = made()
    ground = common_ground(row)
    assert ground == ("made", "1" * 64, "2" * 64, False, 64, "3" * 64)


def record(path: Path, **change: Any) -> None:
    data = {
        "schema_version": 1, "result_sha256": sha256_of(path), "tier": "rows-verified",
        "clips_sha256": sha256_of(clips_file(path)), "thbench": "0", **change,
    }  # fmt: skip
    verified_file(path).write_text(json.dumps(data))


def test_a_record_speaks_of_exactly_these_bytes(tmp_path: Path) -> None:
    path = put(tmp_path, made())
    assert read_row(tmp_path, path).tier == "self-reported"
    record(path)
    row = read_row(tmp_path, path)
    assert row.tier == "rows-verified" and row.verification is not None
    assert (row.verification.videos, row.verification.sets, row.verification.features) == (
        (0, 0), False, False,
    )  # fmt: skip
    for key in ("result_sha256", "clips_sha256"):
        record(path, **{key: "0" * 64})
        assert read_row(tmp_path, path).verification is None
        assert read_row(tmp_path, path).tier == "self-reported"


def test_a_record_that_is_none_is_refused_and_a_huge_one_not_read(tmp_path: Path) -> None:
    path = put(tmp_path, made())
    record(path, tier="perfect")
    with pytest.raises(UserError, match="is no verification record"):
        _ = read_row(tmp_path, path).verification
    record(path)
    text = verified_file(path).read_text()
    verified_file(path).write_text(text + " " * (_LARGEST_RECORD - len(text)))
    assert read_row(tmp_path, path).tier == "rows-verified"
    verified_file(path).write_text(text + " " * (_LARGEST_RECORD + 1 - len(text)))
    assert read_row(tmp_path, path).verification is None
