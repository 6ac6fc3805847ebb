"""Splits: actors disjoint by construction, limits deterministic, training lists checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from guards import some
from runs import SUITE, start
from thbench.api import Clip, TrainedOn
from thbench.controls import halves, partners
from thbench.errors import ClipFailure, UserError
from thbench.files.yamlfile import parse_yaml
from thbench.plugins.discovery import registry
from thbench.suite.leaks import read_names
from thbench.suite.split import known_manifests, load_manifest


def with_split(text: str) -> str:
    return SUITE.replace("split: all", f"split: {text}")


def test_an_inline_split_selects_test_actors(tmp_path: Path) -> None:
    run = start(
        tmp_path, with_split("{test: [1002], train: [1001], exclude: {1002_AAA: no sound}}")
    )
    assert [c.id for c in run.split.clips] == ["1002_BBB", "1002_CCC"]
    assert run.split.train == {"1001"}
    assert dict(run.split.excluded) == {"1002_AAA": "no sound"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{test: [1001], train: [1001]}", "actor 1001 is in test and in train"),
        ("{test: [9999]}", "9999"),
        ("{test: [1001], dataset: other}", "other"),
        ("{tset: [1001]}", "did you mean 'test'"),
        ("nowhere", "no split manifest"),
        ("{test: [1001], exclude: {1001_AAA: a, 1001_BBB: b, 1001_CCC: c}}", "no clip"),
    ],
)
def test_wrong_splits_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        start(tmp_path, with_split(text))


def test_limits_choose_the_same_clips_whatever_the_order(tmp_path: Path) -> None:
    text = SUITE.replace("seed: 7", "seed: 7\nlimits: {actors: 2, clips_per_actor: 1}")
    chosen = [c.id for c in start(tmp_path, text).split.clips]
    assert len(chosen) == 2
    assert [c.id for c in start(tmp_path, text).split.clips] == chosen
    other = [c.id for c in start(tmp_path, text.replace("seed: 7", "seed: 8")).split.clips]
    assert len(other) == 2


def test_a_leak_is_found_only_within_the_same_dataset(tmp_path: Path) -> None:
    split = start(tmp_path).split
    assert split.leaked(TrainedOn("toy", frozenset({"1001", "5"}))) == {"1001"}
    assert not split.leaked(TrainedOn("other", frozenset({"1001"})))
    assert not split.leaked(None)


def test_every_shipped_manifest_is_valid() -> None:
    for path in some(known_manifests().values()):
        assert load_manifest(path).test


def test_training_lists_are_read_in_every_usual_form(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("1001_IEO_ANG_HI.flv\n/data/1002_DFA_SAD_XX.mp4 1003,1004\n")
    assert set(read_names(file, registry()).of("crema_d")) == {"1001", "1002", "1003", "1004"}
    file.write_text("nobody")
    with pytest.raises(UserError, match="names no actor"):
        read_names(file, registry())


def clip(name: str, sentence: str) -> Clip:
    return Clip(name, name, {"sentence": sentence})


def test_mismatched_audio_is_a_derangement_with_another_sentence() -> None:
    clips = [clip(f"c{i}", "ABC"[i % 3]) for i in range(9)]
    found = partners(clips)
    assert sorted(found) == sorted(found.values()) == [c.id for c in clips]
    sentence = {c.id: c.labels["sentence"] for c in clips}
    assert all(sentence[a] != sentence[b] for a, b in found.items())
    assert partners(clips[::-1]) == found
    assert partners([clip("a", "A"), clip("b", "A")]) == {}
    assert partners([Clip("a", "1"), Clip("b", "2")]) == {"a": "b", "b": "a"}


def test_halves_need_two_actors() -> None:
    assert halves(["c", "a", "b", "a"]) == ({"a", "c"}, {"b"})
    with pytest.raises(ClipFailure, match="one actor cannot be split"):
        halves(["a", "a"])


def test_yaml_lines_are_known() -> None:
    document = parse_yaml("a: 1\nb:\n  - c: 2\n", "x.yaml", Path())
    assert document.where(("b", "0", "c")) == "x.yaml:3"


def test_a_mistake_in_an_inline_split_is_named_with_its_own_line(tmp_path: Path) -> None:
    """Not with that of a system that has the same name as the key."""
    text = with_split("\n  test: [1001]\n  echo: [1002]")
    line = text.splitlines().index("  echo: [1002]") + 1
    with pytest.raises(UserError, match=rf"suite\.yaml:{line}: .*echo"):
        start(tmp_path, text)
