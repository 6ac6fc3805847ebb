"""The shipped manifest, labels, splits and suites: counts, rules, and what is missing without media."""

from __future__ import annotations

import csv
import hashlib
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from paths import ROOT
from thbench.api import TrainedOn, UserError
from thbench.environment import Settings
from thbench.plugins.discovery import registry
from thbench.run.plan import lacks
from thbench.suite import find_suite, load_suite
from thbench.suite.leaks import against_splits, names_of
from thbench.suite.split import known_manifests, load_manifest, split_of
from thbench_crema_d.catalogue import (
    COLUMNS,
    REMUXED,
    clip_of,
    load_catalogue,
    published,
    read_catalogue,
)
from thbench_crema_d.make_manifest import manifest_of, write_manifest
from thbench_crema_d.names import parts_of

SPLITS = ("crema_d_dh10", "crema_d_actor_90_10", "crema_d_audeering")
SUITES = ("crema_d", "crema_d_ddim_steps", "crema_d_diffused_heads")
BAD = {"1076_MTI_NEU_XX", "1076_MTI_SAD_XX", "1064_TIE_SAD_XX", "1064_IEO_DIS_MD"}


def counts(index: int) -> Counter[str]:
    return Counter(parts_of(clip)[index] for clip in published())


def test_the_manifest_covers_the_whole_dataset() -> None:
    assert len(published()) == 7442
    actors = counts(0)
    assert len(actors) == 91
    few = {"1008": 76, "1009": 76, "1019": 76, "1002": 81, "1076": 81}
    assert {a: n for a, n in actors.items() if n != 82} == few
    files = [f for pair in published().values() for f in pair]
    assert sum(f.size for f in files if f.kind == "flv") == 2_443_021_141
    assert sum(f.size for f in files if f.kind == "wav") == 605_899_936


def test_counts_by_sentence_emotion_and_level() -> None:
    """Twelve sentences; eleven at one level in six emotions, IEO at three levels but for neutral."""
    sentences, emotions, levels = counts(1), counts(2), counts(3)
    assert len(sentences) == 12
    assert sentences["IEO"] == levels["LO"] + levels["MD"] + levels["HI"] + neutral("IEO")
    assert set(emotions) == {"ANG", "DIS", "FEA", "HAP", "NEU", "SAD"}
    assert {emotions[e] for e in ("ANG", "DIS", "FEA", "HAP", "SAD")} == {1271}
    assert emotions["NEU"] == 1087
    assert levels == {"XX": 6077, "LO": 455, "MD": 455, "HI": 455}


def neutral(sentence: str) -> int:
    return sum(parts_of(c)[1:3] == (sentence, "NEU") for c in published())


def test_the_clips_that_share_a_wav_are_the_documented_ones() -> None:
    by_sound: dict[str, list[str]] = {}
    for clip, (_, wav) in published().items():
        by_sound.setdefault(wav.sha256, []).append(clip)
    pairs = [" and ".join(clips) for clips in by_sound.values() if len(clips) > 1]
    text = " ".join((ROOT / "docs" / "crema_d.md").read_text().split())
    assert len(pairs) == 3
    assert all(pair in text for pair in pairs)


def test_the_manifest_is_the_one_it_was_made_from(
    assets: Callable[[str], Path], tmp_path: Path
) -> None:
    text = assets("facts/crema_d_files.csv").read_text().replace("\r\n", "\n")
    assert read_catalogue(text.splitlines(), "facts") == published()
    write_manifest(text, tmp_path / "files.csv.gz")
    shipped = ROOT / "plugins" / "thbench_crema_d" / "data" / "files.csv.gz"
    assert (tmp_path / "files.csv.gz").read_bytes() == shipped.read_bytes()


def test_labels_travel_with_the_clip(assets: Callable[[str], Path]) -> None:
    assert clip_of("1001_IEO_ANG_HI").labels == {
        "sentence": "IEO",
        "emotion": "anger",
        "level": "high",
        "age": "51",
        "sex": "male",
        "race": "caucasian",
        "ethnicity": "not hispanic",
    }
    rows = list(csv.DictReader(assets("facts/crema_d_actors.csv").open()))
    assert len(rows) == 91
    for row in rows:
        labels = clip_of(f"{row['ActorID']}_DFA_NEU_XX").labels
        assert labels["age"] == row["Age"]
        assert labels["race"] == row["Race"].lower()


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "1001_XXX_ANG_XX", "1001_DFA_ANG", "x_DFA_ANG_XX"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no CREMA-D clip name"):
        clip_of(name)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1001_DFA_ANG_XX,abc,1,abc,1", "no SHA-256"),
        (f"../x,{'0' * 64},1,{'0' * 64},1", "no CREMA-D clip name"),
        (f"1001_DFA_ANG_XX,{'0' * 64},many,{'0' * 64},1", "invalid literal"),
        (f"1001_DFA_ANG_XX,{'0' * 64},-1,{'0' * 64},1", "no SHA-256 and size"),
        ("1001_DFA_ANG_XX", "1001_DFA_ANG_XX|NoneType|attribute"),
    ],
)
def test_a_manifests_bad_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "m.csv"
    file.write_text(",".join(COLUMNS) + "\n" + line + "\n")
    with pytest.raises(UserError, match=reason) as raised:
        load_catalogue(file)
    assert f"{file}:2" in raised.value.message


def test_manifests_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_catalogue(tmp_path / "absent.csv")
    (tmp_path / "m.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="columns are not"):
        load_catalogue(tmp_path / "m.csv")
    with pytest.raises(UserError, match="holds no clip"):
        manifest_of(tmp_path)


def test_a_manifest_is_made_of_a_clone_without_media(tmp_path: Path) -> None:
    flv, wav = published()["1001_DFA_ANG_XX"]
    for file in (flv, wav):
        path = tmp_path / file.path
        path.parent.mkdir()
        path.write_text(
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{file.sha256}\nsize {file.size}\n"
        )
    assert read_catalogue(manifest_of(tmp_path).splitlines(), "m") == {
        "1001_DFA_ANG_XX": (flv, wav)
    }


# -- splits and suites ----------------------------------------------------------------------------


def rank(actor: str) -> str:
    return hashlib.sha256(f"0/{actor}".encode()).hexdigest()


def test_splits_follow_their_stated_rules(assets: Callable[[str], Path]) -> None:
    facts = yaml.safe_load(assets("facts/crema_d_splits.yaml").read_text())
    manifests = {name: load_manifest(known_manifests()[name]) for name in SPLITS}
    everyone = set(counts(0))
    for manifest in manifests.values():
        assert set(manifest.exclude) == BAD == set(facts["bad_clips"])
        assert {*manifest.test, *manifest.train, *manifest.validation} == everyone
    dh10, ours, audeering = (manifests[name] for name in SPLITS)
    assert list(map(int, dh10.test)) == facts["diffused_heads_10"]["test"]
    others = sorted(everyone - set(dh10.test), key=rank)
    assert set(dh10.validation) == set(others[:8])
    order = sorted(everyone, key=rank)
    assert (set(ours.test), set(ours.validation)) == (set(order[:9]), set(order[9:17]))
    for part in ("train", "validation", "test"):
        assert list(map(int, getattr(audeering, part))) == facts["audeering"][part]
    assert set(facts["remuxed_2020_12_16"]) == REMUXED


def test_each_list_contaminates_the_other() -> None:
    audeering = load_manifest(known_manifests()["crema_d_audeering"])
    found = {f.split: f for f in against_splits(names_of(audeering.train, registry()), registry())}
    assert found["crema_d_audeering"].verdict == "no"
    assert found["crema_d_dh10"].verdict == "yes"
    assert len(found["crema_d_dh10"].why.split(", ")) == 7


@pytest.mark.parametrize("name", SUITES)
def test_suites_say_everything_that_is_missing_in_no_time(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path))
    suite = load_suite(find_suite(name), registry())
    start = time.perf_counter()
    missing = {lack.missing.command: lack.missing for lack in lacks(suite, Settings())}
    assert time.perf_counter() - start < 20  # about half a second; only a hang is caught here
    select = "" if name == "crema_d" else f" --suite {name}"
    assert "1640 recordings" in missing[f"thbench data fetch crema_d{select}"].what
    assert missing[f"thbench data fetch crema_d{select}"].size == 336_863_569
    assert "820 of 820 clips" in missing[f"thbench data prepare crema_d{select}"].what
    assert missing["thbench weights fetch pfld"].size == 2_987_921


def test_the_default_split_has_the_820_clips_of_the_published_test_set() -> None:
    suite = load_suite(find_suite("crema_d"), registry())
    split = split_of(suite, Settings())
    assert len(split.clips) == 820
    assert len(split.actors) == 10
    assert split.leaked(TrainedOn("crema_d", frozenset({"1015", "1001"}))) == {"1015"}
    assert not split.leaked(None)


def test_the_baseline_declares_the_actors_it_was_trained_on() -> None:
    suite = load_suite(find_suite("crema_d_diffused_heads"), registry())
    declared = suite.systems[0].part.options.trained_actors
    dh10 = load_manifest(known_manifests()["crema_d_dh10"])
    assert {str(a) for a in declared} == {*dh10.train, *dh10.validation}
