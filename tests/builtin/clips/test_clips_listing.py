"""Which clips a folder or a manifest holds, and what they are called. No media is opened."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thbench.api import UserError
from thbench_clips.listing import clips_in_folder, clips_in_manifest
from thbench_clips.names import clip_ids, safe_id

LATIN_1 = os.fsdecode(b"caf\xe9")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root: Path) -> dict[str, tuple[str, str]]:
    return {e.clip.id: (e.clip.actor, e.file) for e in clips_in_folder(root)}


def test_actors_are_folders_or_the_clips_themselves(tmp_path: Path) -> None:
    touch(tmp_path, "anna/hello.mp4", "anna/bye.MKV", "solo.avi", "x/deep/one.mov")
    touch(tmp_path, "notes.txt", ".hidden.mp4", ".trash/old.mp4", "no_suffix")
    assert found(tmp_path) == {
        "anna__bye": ("anna", "anna/bye.MKV"),
        "anna__hello": ("anna", "anna/hello.mp4"),
        "solo": ("solo", "solo.avi"),
        "x__deep__one": ("deep", "x/deep/one.mov"),
    }
    assert list(found(tmp_path)) == sorted(found(tmp_path))


def test_awkward_names(tmp_path: Path) -> None:
    names = ["two words.mp4", 'it\'s "quoted".mp4', "new\nline.mp4", "ü 漢字.mp4", "100%.mp4"]
    try:
        touch(tmp_path, *names, LATIN_1 + ".mp4")
    except OSError:
        pytest.skip("this file system refuses names that are no UTF-8")
    ids = {file: clip for clip, (_, file) in found(tmp_path).items()}
    assert ids == {
        "two words.mp4": "two words",
        'it\'s "quoted".mp4': "it's %22quoted%22",
        "new\nline.mp4": "new%0Aline",
        "ü 漢字.mp4": "ü 漢字",
        "100%.mp4": "100%25",
        LATIN_1 + ".mp4": "caf%E9",
    }


def test_ambiguous_names_stay_apart(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.mp4", "a__b.mp4", "c.mp4", "c.avi", "d.mp4", "D.mov")
    assert {f: i for i, (_, f) in found(tmp_path).items()} == {
        "a/b.mp4": "a%2Fb.mp4",
        "a__b.mp4": "a__b.mp4",
        "c.mp4": "c.mp4",
        "c.avi": "c.avi",
        "d.mp4": "d.mp4",
        "D.mov": "D.mov",
    }


path_part = st.text(
    st.one_of(
        st.sampled_from("ab_. %/\"'"), st.characters(min_codepoint=1, exclude_characters="/")
    ),
    min_size=1,
    max_size=8,
).filter(lambda s: s not in (".", "..") and "/" not in s)
relative = st.lists(path_part, min_size=1, max_size=3).map("/".join).map(lambda s: s + ".mp4")


@settings(max_examples=200, deadline=None)
@given(st.sets(relative, min_size=1, max_size=8))
def test_ids_are_unique_printable_and_no_paths(files: set[str]) -> None:
    files = {f for f in files if encodable(f)}
    ids = clip_ids(sorted(files))
    assert len(set(ids.values())) == len(files)
    for clip_id in ids.values():
        assert clip_id.isprintable() and clip_id.encode("utf-8")
        assert not set('/\\<>:"|?*') & set(clip_id) and clip_id not in (".", "..", "")
        assert not clip_id.startswith(".") and clip_id == clip_id.strip(" ")


def encodable(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def test_safe_id_of_traversal() -> None:
    assert safe_id("../../etc") == "%2E%2E__%2E%2E__etc"


def test_empty_folder_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no videos under"):
        clips_in_folder(tmp_path)


CSV = 'file,clip,actor,emotion\nb/2.mp4,second,Bo,happy\n"a, 1.mp4",,,\n'


def test_csv_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("﻿" + CSV, encoding="utf-8")
    first, second = clips_in_manifest(manifest)
    assert (first.clip.id, first.clip.actor, first.file) == ("a, 1", "a, 1", "a, 1.mp4")
    assert dict(first.clip.labels) == {}
    assert (second.clip.id, second.clip.actor, second.file) == ("second", "Bo", "b/2.mp4")
    assert dict(second.clip.labels) == {"emotion": "happy"}


def test_json_manifest_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    manifest = tmp_path / "m.json"
    rows = [{"file": "b/2.mp4", "clip": "n/1", "actor": 1001, "level": 3}]
    manifest.write_text(json.dumps(rows))
    (entry,) = clips_in_manifest(manifest)
    assert (entry.clip.id, entry.clip.actor) == ("n__1", "1001")
    assert dict(entry.clip.labels) == {"level": "3"}
    raw = tmp_path / "raw.csv"
    raw.write_bytes(b"file,actor\ncaf\xe9.mp4,Ren\xe9\n")
    (entry,) = clips_in_manifest(raw)
    assert (entry.file, entry.clip.id, entry.clip.actor) == (LATIN_1 + ".mp4", "caf%E9", "Ren%E9")


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("m.csv", "clip,actor\na,b\n", r"m.csv:2: no file"),
        ("m.csv", "file,clip\na.mp4,x\nb.mp4,x\n", r"m.csv:3: clip x is named twice"),
        ("m.csv", "file\n/etc/passwd\n", r"m.csv:2: /etc/passwd leaves the root"),
        ("m.csv", "file\n../x.mp4\n", r"m.csv:2: ../x.mp4 leaves the root"),
        ("m.csv", "file\na.mp4,b,c\n", r"m.csv:2: more fields than columns"),
        ("m.csv", "", "m.csv: no rows"),
        ("m.json", "{", "m.json cannot be read: no JSON"),
        ("m.json", '{"file": "a"}', "m.json: not a list of objects"),
        ("m.json", "[1]", "m.json: not a list of objects"),
    ],
)
def test_bad_manifests_name_file_and_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        clips_in_manifest(tmp_path / name)
    with pytest.raises(UserError, match="No such file"):
        clips_in_manifest(tmp_path / "absent.csv")


def test_a_manifest_says_all_its_faults_at_once(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    rows = ["file,clip,actor", "a.mp4,one,anna", ",two,anna", "../b.mp4,three,ben", "c.mp4,one,ben"]
    manifest.write_text("\n".join([*rows, "d.mp4,four,cem,extra"]))
    with pytest.raises(UserError, match="4 faults") as error:
        clips_in_manifest(manifest)
    for said in (
        "line 3: no file",
        "line 4: ../b.mp4 leaves the root",
        "line 6: more fields than columns",
        "line 5: clip one is named twice, first in line 2",
    ):
        assert said in error.value.message
    assert "\n" not in error.value.message
