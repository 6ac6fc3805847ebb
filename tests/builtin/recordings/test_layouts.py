"""Layouts: which clips they name, whose they are, and a fourth dataset in twenty lines."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from guards import some
from thbench.api import UserError
from thbench.suite.split import known_manifests, load_manifest
from thbench_recordings import LAYOUTS, Options, _head
from thbench_recordings.dataset import Recordings
from thbench_recordings.layout import Layout, load_layout
from thbench_recordings.listing import Files, entries
from thbench_recordings.pattern import expression, filled

SHIPPED = sorted(path.stem for path in LAYOUTS.glob("*.yaml"))


def shipped(name: str) -> Layout:
    return load_layout(LAYOUTS / f"{name}.yaml")


def clips_of(layout: Layout, root: Path, **options: Any) -> dict[str, Any]:
    return entries(layout, Options(**options), Files(root))


def touch(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


@pytest.mark.parametrize("name", SHIPPED)
def test_a_layout_is_a_page_with_licence_and_source(name: str) -> None:
    layout = shipped(name)
    assert layout.name == name and layout.licence and layout.cite
    assert _head(LAYOUTS / f"{name}.yaml") == (layout.title, layout.people)
    assert len((LAYOUTS / f"{name}.yaml").read_text().splitlines()) < 50


def test_ravdess_has_sixty_clips_of_each_actor(tmp_path: Path) -> None:
    found = clips_of(shipped("ravdess"), tmp_path)
    assert len(found) == 24 * 60
    actors = [e.clip.actor for e in found.values()]
    assert {actors.count(a) for a in set(actors)} == {60}
    clip = found["01-01-06-01-02-01-12"].clip  # the example of the dataset's README
    assert dict(clip.labels) == {
        "emotion": "fear",
        "level": "normal",
        "sentence": "Dogs are sitting by the door",
        "take": "1",
        "sex": "female",
    }
    strong = [e for e in found.values() if dict(e.clip.labels)["level"] == "strong"]
    assert not any(e.clip.labels["emotion"] == "neutral" for e in some(strong))


def test_mead_is_what_lies_there_seen_from_the_front(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "MEAD/M003/video/front/angry/level_1/001.mp4",
        "MEAD/M003/audio/angry/level_1/001.m4a",
        "MEAD/M003/video/left_30/angry/level_1/001.mp4",
        "MEAD/M003/video/front/angry/level_4/001.mp4",
        "MEAD/M003/video/front/joyful/level_1/001.mp4",
    )
    found = clips_of(shipped("mead"), tmp_path)
    (entry,) = found.values()
    assert (entry.clip.id, entry.clip.actor) == ("M003_front_angry_level_1_001", "M003")
    assert dict(entry.clip.labels) == {"view": "front", "emotion": "anger", "level": "1"}
    assert entry.sound == "MEAD/M003/audio/angry/level_1/001.m4a"
    assert len(clips_of(shipped("mead"), tmp_path, where={"view": "all"})) == 2
    with pytest.raises(UserError, match="label view: behind") as error:
        clips_of(shipped("mead"), tmp_path, where={"view": "behind"})
    assert "front, left_30" in str(error.value)


def test_hdtf_is_the_authors_list_by_person(tmp_path: Path) -> None:
    layout = shipped("hdtf")
    found = clips_of(layout, tmp_path)
    assert len(layout.listed() or ()) == 436 and len(found) == 370  # the other 66 name no person
    assert not any(clip.startswith("RD_") for clip in found)
    assert found["WDA_AmyKlobuchar0_000"].clip.actor == found["WDA_AmyKlobuchar1_003"].clip.actor
    assert len({e.clip.actor for e in found.values()}) == 219
    every = clips_of(layout, tmp_path, unnamed=True)
    assert len(every) == 436 and every["RD_Radio11_001"].clip.actor == "?RD_Radio11"


def test_one_person_under_two_spellings_is_one(tmp_path: Path) -> None:
    """The list itself proves it: both names are of one YouTube video."""
    with (LAYOUTS / "hdtf.csv").open(newline="") as lines:
        ids = {row["video"]: row["youtube"] for row in csv.DictReader(lines)}
    assert ids["WhipJimClyburn"] == ids["JamesClyburn1"] != ""
    found = clips_of(shipped("hdtf"), tmp_path)
    same = {found[f"WDA_{v}_000"].clip.actor for v in ("WhipJimClyburn", "JamesClyburn1")}
    assert same == {"JamesClyburn"}


def test_a_video_is_found_cut_or_whole(tmp_path: Path) -> None:
    touch(tmp_path, "x/WRA_TomCotton_000.mp4", "TomPrice_0.mp4", "WRA_JohnThune.mp4")
    found = clips_of(shipped("hdtf"), tmp_path)
    assert found["WRA_TomCotton_000"].media == "x/WRA_TomCotton_000.mp4"
    assert found["WRA_TomCotton_000"].span is None and found["WRA_TomCotton_000"].box is None
    assert found["WRA_TomPrice_000"].media == "TomPrice_0.mp4"
    whole = found["WRA_JohnThune_000"]
    assert whole.media == "WRA_JohnThune.mp4" and whole.span is not None and whole.box is not None
    assert whole.span[1] - whole.span[0] == 58
    assert found["WDA_AdamSchiff_000"].media is None


def test_grid_talkers_and_sentences(tmp_path: Path) -> None:
    touch(tmp_path, "s1/bbaf2n.mpg", "s20/video/mpg_6000/lrwp9a.mpg", "s1/align/bbaf2n.align")
    found = clips_of(shipped("grid"), tmp_path)
    assert {i: e.clip.actor for i, e in found.items()} == {"s1_bbaf2n": "s1", "s20_lrwp9a": "s20"}
    assert dict(found["s1_bbaf2n"].clip.labels) == {"sentence": "bbaf2n"}


@pytest.mark.parametrize(
    ("dataset", "name", "person"),
    [
        ("hdtf", "WDA_BarackObama_000#12", "BarackObama"),
        ("hdtf", "data/WRA_ErikPaulsen_003.mp4", "ErikPaulsen"),
        ("hdtf", "WDA_LucilleRoybal-Allard_000", "LucilleRoybal-Allard"),
        ("hdtf", "WDA_WhipJimClyburn_000", "JamesClyburn"),
        ("hdtf", "RD_Radio11_001", "?RD_Radio11"),
        ("hdtf", "id00012", None),
        ("mead", "M003#angry#level_1#001", "M003"),
        ("mead", "MEAD/W015/video/front", "W015"),
        ("mead", "front", None),
        ("ravdess", "Actor_07/01-01-05-02-01-01-07.mp4", "07"),
        ("ravdess", "Video_Speech_Actor_24.zip", "24"),
        ("ravdess", "07", None),
        ("grid", "s20/video/lrwp9a.mpg", "s20"),
        ("grid", "lrwp9a", None),
    ],
)
def test_persons_in_names_as_papers_publish_them(
    dataset: str, name: str, person: str | None
) -> None:
    assert shipped(dataset).person(name) == person


@pytest.mark.parametrize("name", SHIPPED)
def test_splits_name_persons_of_their_dataset(name: str, tmp_path: Path) -> None:
    layout = shipped(name)
    manifests = [m for p in known_manifests().values() if (m := load_manifest(p)).dataset == name]
    known = {e.clip.actor for e in clips_of(layout, tmp_path).values()} or set(layout.actors)
    for manifest in some(manifests):
        people = {*manifest.test, *manifest.train, *manifest.validation}
        assert people <= known if known else all(layout.person(p) == p for p in people)


# -- a layout of one's own ----------------------------------------------------------------------------

OWN = """
schema: 1
name: studio
title: Studio, two moods
people: recorded
licence: ours
media: ["{actor}/{mood}-{take}.mov"]
sound: ["{actor}/{mood}-{take}.wav"]
clip: "{actor}_{mood}_{take}"
fields:
  actor: 'P\\d\\d'
  mood: {h: happy, s: sad}
  take: '\\d'
names: ['(?P<actor>P\\d\\d)(?:_.*)?']
ask: ask the studio
"""


def test_a_fourth_dataset_is_a_page_of_yaml(tmp_path: Path) -> None:
    assert len(OWN.strip().splitlines()) <= 20
    path = tmp_path / "studio.yaml"
    path.write_text(OWN)
    root = touch(tmp_path / "root", "P01/h-1.mov", "P01/h-1.wav", "P02/s-2.mov", "P02/x-1.mov")
    found = clips_of(load_layout(path), root)
    assert {i: (e.clip.actor, dict(e.clip.labels), e.sound) for i, e in found.items()} == {
        "P01_h_1": ("P01", {"mood": "happy"}, "P01/h-1.wav"),
        "P02_s_2": ("P02", {"mood": "sad"}, None),
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("people: recorded", "people: actors", "people"),
        ("licence: ours", "", "licence"),
        ("licence: ours", "licence: ours\nfsp: [25]", "fsp"),
        ("{actor}_{mood}_{take}", "{actor}_{word}", "word is not in media"),
        ("(?P<actor>P", "(P", "has no group"),
        ("(?P<actor>P", "(?P<actor>(P", "missing \\)"),
        ("ask: ask the studio", "", "one of fetch and ask"),
        ("clip: ", "clips: every\nclip: ", "needs a table"),
        ("schema: 1", "schema: [", "cannot be read"),
    ],
)
def test_wrong_layouts_are_refused_by_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "studio.yaml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(UserError, match=said) as error:
        load_layout(path)
    assert str(path) in error.value.message


def test_patterns_take_a_field_once() -> None:
    expr = expression("{a}/{a}-{b}*.mp4", {"b": {"1": "one"}})
    assert expr.fullmatch("x/q/q-1zz.mp4").groupdict() == {"a": "q", "b": "1"}  # type: ignore[union-attr]
    assert not expr.fullmatch("q/r-1.mp4") and not expr.fullmatch("q/q-2.mp4")
    assert filled("{a}/{a}-{b}.mp4", {"a": "q", "b": "1"}) == "q/q-1.mp4"


def test_the_way_of_preparing_is_in_the_identity(tmp_path: Path) -> None:
    context: Any = SimpleNamespace(cache=tmp_path, offline=False, source=lambda *_: "code")

    def recipe(**options: Any) -> str:
        return Recordings(shipped("mead"), Options(**options), context).prepared.recipe

    changes: list[dict[str, Any]] = [
        {},
        {"crop": "tight"},
        {"crop": "published"},
        {"backend": "yunet-pfld"},
        {"max_seconds": 4},
    ]
    assert len({recipe(**c) for c in changes}) == len(changes)
    assert recipe(actors=("M003",)) == recipe(where={"view": "top"}) == recipe()
    version = Recordings(shipped("mead"), Options(), context).version
    assert re.fullmatch(r"1\+layout\.[0-9a-f]{12}", version)
