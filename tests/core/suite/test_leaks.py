"""Leaks in lists as papers publish them: yes, no, unknown; one person under two spellings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thbench.errors import UserError
from thbench.plugins.discovery import registry
from thbench.suite.leaks import against_splits, names_of, read_names, related, shared

EDTALK = Path(__file__).with_name("edtalk_names.json")
"""Every actor and HDTF clip, once each, of data_preprocess/lists/{train,test}.json of tanshuai0219/EDTalk
(06a9a96), windows and sentences left out. Made by: sorted({item.split("#")[0] for item in list})."""


def edtalk(part: str, folder: Path) -> Path:
    path = folder / f"{part}.json"
    path.write_text(json.dumps(json.loads(EDTALK.read_text())[part]))
    return path


def test_half_of_edtalks_test_people_are_in_its_training(tmp_path: Path) -> None:
    """No clip is in both lists; 33 of 69 names are, and one more person under another spelling."""
    lists = {p: json.loads(EDTALK.read_text())[p] for p in ("train", "test")}
    assert not set(lists["train"]) & set(lists["test"])
    train, test = (read_names(edtalk(p, tmp_path), registry()) for p in ("train", "test"))
    hdtf, mead = shared(train, test)
    assert (mead.dataset, mead.people, mead.of_people) == ("mead", (), 4)
    assert (len(hdtf.people), hdtf.of_people) == (33, 68)
    assert (hdtf.names, hdtf.of_names) == (34, 69)  # 33, and WhipJimClyburn who is JamesClyburn
    assert hdtf.spelled == ("JamesClyburn (as WDA_JamesClyburn, WDA_WhipJimClyburn)",)
    assert {"BarackObama", "NancyPelosi", "PaulRyan", "JohnBoehner"} <= set(hdtf.people)
    assert hdtf.nameless == 11


def test_the_command_says_it(thbench, tmp_path: Path) -> None:
    done = thbench("split", "check", edtalk("train", tmp_path), "--test", edtalk("test", tmp_path))
    assert done.code == 1
    assert (
        "hdtf: yes, 33 of 68 people of the test list are in the training list (34 of 69 names)"
        in done.out
    )
    assert "written in two ways: JamesClyburn (as WDA_JamesClyburn, WDA_WhipJimClyburn)" in done.out
    assert "mead: no, 0 of 4" in done.out
    assert "unknown: 11 recordings of the test list say no person" in done.out


def test_a_training_list_against_every_known_split(tmp_path: Path) -> None:
    found = {
        f.split: f
        for f in against_splits(read_names(edtalk("train", tmp_path), registry()), registry())
    }
    assert found["mead_4"].verdict == "no"
    assert (
        found["hdtf_styleheat_19"].verdict == "yes"
        and "TomCotton" in found["hdtf_styleheat_19"].why
    )
    assert found["ravdess_last4"].verdict == found["crema_d_dh10"].verdict == "no"
    assert found["puppet_v1"].verdict == "no"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("ravdess", "mead", "no"),
        ("crema_d", "grid", "no"),
        ("hdtf", "voxceleb2", "unknown"),
        ("hdtf", "mead", "no"),
        ("mead", "clips", "unknown"),
        ("puppet", "clips", "no"),
        ("hdtf", "hdtf", "yes"),
    ],
)
def test_datasets_against_one_another(first: str, second: str, verdict: str) -> None:
    assert related(first, second, registry()) == related(second, first, registry()) == verdict


def test_a_training_set_that_is_not_installed_leaves_public_people_unknown() -> None:
    names = names_of(["id00012", "id00015"], registry(), "voxceleb2")
    found = {f.split: f for f in against_splits(names, registry())}
    assert found["hdtf_styleheat_19"].verdict == "unknown"
    assert "voxceleb2 and hdtf may show the same people" in found["hdtf_styleheat_19"].why
    assert found["puppet_v1"].verdict == "no"


def test_recordings_without_a_person_leave_their_dataset_unknown() -> None:
    found = {
        f.split: f for f in against_splits(names_of(["RD_Radio11_000"], registry()), registry())
    }
    assert found["hdtf_styleheat_19"].verdict == "unknown"
    assert "say no person" in found["hdtf_styleheat_19"].why


def test_names_of_nobody_known_are_not_called_clean() -> None:
    found = against_splits(names_of(["M005", "id00012"], registry()), registry())
    assert {f.verdict for f in found if f.dataset not in ("puppet",)} == {"unknown"}


def test_a_spelling_is_named(tmp_path: Path) -> None:
    names = names_of(["WDA_WhipJimClyburn_000"], registry())
    assert dict(names.of("hdtf")) == {"JamesClyburn": {"WDA_WhipJimClyburn"}}


def test_splits_and_tables_are_lists_too(tmp_path: Path) -> None:
    assert len(read_names(Path("mead_4"), registry()).of("mead")) == 39
    table = tmp_path / "train.csv"
    table.write_text("clip,path\n1,MEAD/M005/video/front/angry/level_1/001.mp4\n")
    assert set(read_names(table, registry()).of("mead")) == {"M005"}
    bare = tmp_path / "train.txt"
    bare.write_text("01\n21\n")
    assert set(read_names(bare, registry(), "ravdess").of("ravdess")) == {"01", "21"}
    with pytest.raises(UserError, match="names no actor"):
        read_names(bare, registry())
    broken = tmp_path / "train.json"
    broken.write_text("[")
    with pytest.raises(UserError, match=r"train\.json"):
        read_names(broken, registry())
