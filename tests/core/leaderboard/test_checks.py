"""Each check of a row's files on its own: what it names, and what it leaves alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from made import result
from thbench.api import Clip
from thbench.leaderboard import checks
from thbench.leaderboard.checks import (
    _controls,
    _distances,
    _meaning,
    _ranking,
    _spans,
    _split,
    _suite,
    _training,
    remarks,
    within,
)
from thbench.leaderboard.store import CommittedRow, common_ground
from thbench.results.clips import ClipsTable
from thbench.results.document import (
    OverRecord,
    Reason,
    Result,
    SubmissionRecord,
    TrainedOnRecord,
)
from thbench.results.row import Row

CLIPS = [Clip(f"c{i}", f"a{i}") for i in range(3)]
ACTORS = {c.id: c.actor for c in CLIPS}


def made(name: str = "s", kind: str = "system", **parts: dict[str, Any]) -> Result:
    """A row of scores m and extra over three clips; `parts` change its records."""
    row = result(name, kind, 64, {"m": [1.0] * 3, "extra": [5.0] * 3}, 3)
    row = with_(row, "split", n_actors=3)
    for part, change in parts.items():
        row = with_(row, part, **change)
    return row


def with_(row: Result, part: str, **change: Any) -> Result:
    return row.model_copy(update={part: getattr(row, part).model_copy(update=change)})


def with_score(row: Result, column: str, **change: Any) -> Result:
    scores = {**row.scores, column: row.scores[column].model_copy(update=change)}
    return row.model_copy(update={"scores": scores})


def committed(
    row: Result, actors: dict[str, str] | None = None, path: str = "s/1.json"
) -> CommittedRow:
    return CommittedRow(Path(path), "1", Row(row, ClipsTable("t", actors or ACTORS, {}, {})))


@dataclass
class Ground:
    """What `made` was measured on."""

    pins: dict[str, CommittedRow] = field(default_factory=dict)
    suite: Any = field(default_factory=lambda: SimpleNamespace(
        name="made", digest="1" * 64, seed=1, identity_frame="first", primary="m",
        dataset=SimpleNamespace(plugin=SimpleNamespace(name="made")),
    ))  # fmt: skip
    dataset: Any = field(default_factory=lambda: SimpleNamespace(version="1", clips=lambda: CLIPS))
    split: Any = field(default_factory=lambda: SimpleNamespace(
        name="all", digest="2" * 64, clips=CLIPS, actors={"a0", "a1", "a2"}, dataset="made"
    ))  # fmt: skip

    def elsewhere(self, row: CommittedRow) -> list[str]:
        own = common_ground(row.result)
        return sorted(n for n, pin in self.pins.items() if common_ground(pin.result) != own)


def truth(**parts: dict[str, Any]) -> CommittedRow:
    return committed(made("ground-truth", "control", **parts), path="ground-truth@64/1.json")


def pinned(row: CommittedRow | None = None) -> Any:
    return Ground({"ground-truth": row or truth()})


GROUND: Any = Ground()


def test_a_row_of_the_suite_passes() -> None:
    row = committed(made())
    for check in (_suite, _split, _training, _ranking):
        assert list(check(row, GROUND)) == []
        assert list(check(row, pinned())) == []
    assert list(_spans(row)) == []
    assert list(_meaning(row, pinned())) == []


@pytest.mark.parametrize(
    ("part", "change", "says"),
    [
        ("suite", {"digest": "9" * 64}, "measured on another suite 'made': digest 999999999999, not 111111111111"),
        ("suite", {"seed": 2}, "seed or identity frame are not the suite's"),
        ("suite", {"identity_frame": "random"}, "seed or identity frame are not the suite's"),
        ("suite", {"primary": "extra"}, "primary score extra is not the suite's"),
        ("dataset", {"version": "2"}, "version 2 of the dataset, 1 is installed"),
        ("dataset", {"synthetic": True}, "says the wrong thing on whether its people are synthetic"),
        ("dataset", {"actors_unknown": True}, "says the wrong thing on whether its actors are known"),
    ],
)  # fmt: skip
def test_another_suite(part: str, change: dict[str, Any], says: str) -> None:
    assert list(_suite(committed(made(**{part: change})), GROUND)) == [says]


def test_what_the_installed_dataset_says_of_itself() -> None:
    ground = Ground()
    ground.dataset = SimpleNamespace(version="1", synthetic=True, actors_unknown=True)
    found: Any = list(_suite(committed(made()), ground))  # type: ignore[arg-type]
    assert [f.split(" on ")[0] for f in found] == ["says the wrong thing"] * 2
    ground.suite.dataset.plugin.name = "other"
    assert "dataset made is not the suite's" in list(_suite(committed(made()), ground))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"digest": "9" * 64}, "measured on another split: digest 999999999999, not 222222222222"),
        ({"name": "other"}, "measured on another split: digest 222222222222, not 222222222222"),
        ({"n_clips": 4}, "the numbers of clips and actors are not the split's"),
        ({"n_actors": 4}, "the numbers of clips and actors are not the split's"),
    ],
)
def test_another_split(change: dict[str, Any], says: str) -> None:
    assert list(_split(committed(made(split=change)), GROUND)) == [says]


@pytest.mark.parametrize(
    ("actors", "says"),
    [
        ({"c1": "a1"}, "2 clip(s) of the split are missing from the table: c0, ..."),
        ({**ACTORS, "x": "a0", "w": "a0"}, "2 clip(s) of the table are not in the split: w, ..."),
        ({**ACTORS, "c1": "a0"}, "a clip of the table is said by another actor than in the split"),
    ],
)
def test_other_clips_than_the_splits(actors: dict[str, str], says: str) -> None:
    assert list(_split(committed(made(), actors), GROUND)) == [says]


def test_every_row_lacks_the_references_that_the_ground_truth_lacks() -> None:
    lost = (Reason(reason="no face", count=1, clips=("c0",)),)
    row = committed(made(clips={"without_reference": lost}))
    says = "other clips than of the pinned ground truth are said to have no usable reference"
    assert list(_split(row, GROUND)) == []
    assert list(_split(row, pinned())) == [says]
    assert list(_split(committed(made()), pinned(truth(clips={"without_reference": lost})))) == [
        says
    ]
    assert list(_split(row, pinned(truth(clips={"without_reference": lost})))) == []
    halves = committed(made("reference-halves", "control"))
    assert list(_split(halves, pinned(truth(clips={"without_reference": lost})))) == []


def test_training_that_cannot_be_checked() -> None:
    unknown = TrainedOnRecord(dataset="made", actors=("a7",))
    (found,) = _training(committed(made(system={"trained_on": unknown})), GROUND)
    assert "actor 'a7', which made does not have" in found
    control = committed(made("ground-truth", "control", system={"trained_on": unknown}))
    assert list(_training(control, GROUND)) == []
    puppet = TrainedOnRecord(dataset="puppet", actors=())
    assert list(_training(committed(made(system={"trained_on": puppet})), GROUND)) == []


def test_shorter_videos_do_not_enter() -> None:
    row = committed(made(clips={"trimmed": 2}))
    assert list(_spans(row)) == [
        "2 video(s) are shorter than the suite's clips: deliver every frame"
    ]


def ranking(
    ranked: bool, *because: str, ground: Any = GROUND, **parts: dict[str, Any]
) -> list[str]:
    row = made(**parts).model_copy(update={"ranked": ranked, "unranked_because": because})
    return list(_ranking(committed(row), ground))


def test_ranks_follow_from_the_document() -> None:
    failed = {"failed": 1, "generated": 2}
    says = "why it is or is not ranked does not follow from the document"
    assert ranking(True) == []
    assert ranking(False) == [says]
    assert ranking(True, "odd") == [says]
    assert ranking(False, "odd") == [says]
    assert ranking(False, "1 of 3 clips failed", clips=failed) == []
    assert ranking(False, clips=failed) == [says]
    assert ranking(True, "1 of 3 clips failed", clips=failed) == [
        "claims to be ranked: 1 of 3 clips failed"
    ]
    both = {"clips": failed, "system": {"oracle": ("pose",)}}
    reasons = ("sees the target's pose", "1 of 3 clips failed")
    assert ranking(False, *reasons, **both) == []  # in any order


def test_a_control_is_never_ranked_and_stands_with_the_others() -> None:
    row = made("still-identity", "control")
    assert list(_ranking(committed(row), pinned())) == []
    ranked = row.model_copy(update={"ranked": True})
    assert list(_ranking(committed(ranked), pinned())) == ["a control is never ranked"]
    other = truth(dataset={"references_digest": "9" * 64})
    (found,) = _ranking(committed(row), pinned(other))
    assert (
        "not those of the pinned controls to the byte (ground-truth): pin all of one run" in found
    )


def test_columns_mean_what_they_mean_in_the_pinned_ground_truth() -> None:
    says = "m: means something else than in the pinned ground truth"
    for change in (
        {"metric": "x"}, {"score": "x"}, {"unit": "px"}, {"better": "higher"}, {"set_level": True},
        {"range": (0.0, None)}, {"over": OverRecord(column="m")},
    ):  # fmt: skip
        assert list(_meaning(committed(with_score(made(), "m", **change)), pinned())) == [says]
    for change in ({"value": 9.0}, {"n": 2}, {"interval": None}, {"notes": ("x",)}):
        assert list(_meaning(committed(with_score(made(), "m", **change)), pinned())) == []


@pytest.mark.parametrize("which", ["row", "truth"])
def test_a_rule_belongs_to_a_value(which: str) -> None:
    none, ruled = {"value": None}, {"over": OverRecord(column="m")}
    row = with_score(made(), "m", **(none if which == "row" else ruled))
    other = with_score(truth().result, "m", **(ruled if which == "row" else none))
    found = list(_meaning(committed(row), pinned(committed(other, path="t/1.json"))))
    assert found == []


def test_the_columns_are_the_suites() -> None:
    row = made()
    fewer = row.model_copy(update={"scores": {"m": row.scores["m"]}})
    says = ["its columns are not the suite's: extra"]
    assert list(_meaning(committed(fewer), pinned())) == says
    assert list(_meaning(committed(row), pinned(committed(fewer, path="t/1.json")))) == says
    many = {f"x{i}": row.scores["m"] for i in range(7)}
    found = list(
        _meaning(committed(row.model_copy(update={"scores": {**row.scores, **many}})), pinned())
    )
    assert found == ["its columns are not the suite's: x0, x1, x2, x3, x4"]


def test_what_has_no_columns_to_compare() -> None:
    odd = with_score(made(), "m", unit="px")
    assert list(_meaning(committed(odd), GROUND)) == []
    own = committed(odd)
    assert list(_meaning(own, Ground({"ground-truth": own}))) == []  # type: ignore[arg-type]
    halves = with_score(made("reference-halves", "control"), "m", unit="px")
    assert list(_meaning(committed(halves), pinned())) == []


def submitted(controls: dict[str, Any], **change: Any) -> CommittedRow:
    row = with_score(made(), "m", **change)
    return committed(row.model_copy(update={"submission": SubmissionRecord(controls=controls)}))


def test_controls_of_the_same_run_are_those_that_are_pinned() -> None:
    good = {"m": 1.0, "extra": 5.0}
    assert list(_controls(submitted({"ground-truth": good}), pinned())) == []
    assert list(_controls(submitted({"ground-truth": {**good, "m": 1.0099}}), pinned())) == []
    assert list(_controls(submitted({"ground-truth": {**good, "m": 1.02}}), pinned())) == [
        "control ground-truth, m: 1.02, pinned 1.0"
    ]
    assert list(_controls(submitted({"ground-truth": {"m": 1.0}}), pinned())) == [
        "control ground-truth, extra: None, pinned 5.0"
    ]
    assert list(_controls(submitted({}), pinned())) == ["lacks the control ground-truth of its run"]


def test_controls_of_another_identity_are_not_compared() -> None:
    off = {"m": 7.0, "extra": 5.0}
    assert (
        list(_controls(submitted({"ground-truth": off}, identity_digest="7" * 64), pinned())) == []
    )
    row = submitted({"ground-truth": {"m": 1.0, "extra": 9.0}})
    fewer = row.result.model_copy(update={"scores": {"m": row.result.scores["m"]}})
    assert list(_controls(committed(fewer), pinned())) == []


def test_who_submits_nothing_and_controls_have_no_controls() -> None:
    assert list(_controls(committed(made()), pinned())) == []
    control = made("still-identity", "control").model_copy(
        update={"submission": SubmissionRecord()}
    )
    assert list(_controls(committed(control), pinned())) == []


@pytest.mark.parametrize(
    ("change", "reference", "follows"),
    [
        ({"distance_from_reference": 0.5}, {"m": 1.5}, True),
        ({"distance_from_reference": 0.5}, {"m": 0.5}, True),
        ({"distance_from_reference": 0.6}, {"m": 1.5}, False),
        ({"distance_from_reference": 1.0}, {"m": None}, False),
        ({"distance_from_reference": 1.0}, {}, False),
        ({"distance_from_reference": 1.0, "value": None}, {"m": 1.0}, False),
        ({"distance_from_reference": None}, {"m": 1.5}, True),
        ({"distance_from_reference": 0.0}, {"m": 1.0}, True),
    ],
)
def test_the_distance_is_from_the_ground_truth(
    change: dict[str, Any], reference: dict[str, float | None], follows: bool
) -> None:
    found = list(_distances(submitted({}, **change), reference))
    assert found == ([] if follows else ["m: its distance from the ground truth does not follow"])
    (row,) = [submitted({"ground-truth": {"m": 1.0, "extra": 5.0}}, distance_from_reference=3.0)]
    assert list(_controls(row, pinned())) == [
        "m: its distance from the ground truth does not follow"
    ]


@pytest.mark.parametrize(
    ("value", "pin", "same"),
    [
        (None, None, True), (None, 1.0, False), (1.0, None, False), (1.0, 1.0, True),
        (101.0, 100.0, True), (101.1, 100.0, False), (98.9, 100.0, False), (-101.0, -100.0, True),
        (0.9e-6, 0.0, True), (1.1e-6, 0.0, False), (100.0, 101.0, True),
    ],
)  # fmt: skip
def test_one_percent_is_another_machine(value: float | None, pin: float | None, same: bool) -> None:
    assert within(value, pin) is same


def test_a_tolerance_may_be_given() -> None:
    assert within(100.09, 100.0, 0.001) and not within(100.11, 100.0, 0.001)


# -- remarks --------------------------------------------------------------------------------------


def test_what_a_reader_should_know() -> None:
    compared = {"clips": {"copies": ()}}
    row = made(**compared).model_copy(update={"submission": SubmissionRecord(submitter="a person")})
    assert remarks(committed(row), pinned()) == []
    assert remarks(committed(row), GROUND) == [
        "no control row of this suite and resolution is pinned: columns not compared"
    ]
    for nobody in (None, SubmissionRecord()):
        bare = row.model_copy(update={"submission": nobody})
        assert remarks(committed(bare), pinned()) == ["names no submitter"]
    unseen = with_(row, "clips", copies=None)
    assert remarks(committed(unseen), pinned()) == [
        "its videos were not compared with the ground truth for copies"
    ]
    other = with_score(with_score(row, "m", identity_digest="7"), "extra", identity_digest="8")
    assert remarks(committed(other), pinned()) == [
        "other identities than the pinned ground truth: extra, m"
    ]
    apart = with_(row, "dataset", references_digest="9" * 64)
    (found,) = remarks(committed(apart), pinned())
    assert found.startswith(checks.OTHER_REFERENCES)


def test_controls_are_compared_with_nothing_for_copies() -> None:
    row = made("still-identity", "control")
    assert remarks(committed(row), pinned()) == ["names no submitter"]


# -- all of them ----------------------------------------------------------------------------------


def test_a_table_and_an_archive_that_the_document_does_not_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "recomputed", lambda row: ["recomputed"])
    monkeypatch.setattr(checks, "copied_rows", lambda row, truth: ["copied"])
    path = tmp_path / "1.json"
    path.write_text("{}")
    path.with_name("1.clips.csv").write_text("")
    row = committed(made(), path=str(path))
    table = "the clips table is not the one that was scored: another sha256"
    assert checks.problems(row, GROUND) == [table, "recomputed", "copied"]
    same = with_(made(), "clips", table_sha256=row.digests[1])
    assert checks.problems(committed(same, path=str(path)), GROUND) == ["recomputed", "copied"]
    path.with_name("1.features.zip").write_text("")
    lies = "a feature archive lies next to it that its document does not name"
    assert checks.problems(row, GROUND)[-1] == lies
    for url, named in ((None, True), ("https://x.org/f.zip", False)):
        features = {"features": {"sha256": "0" * 64, "url": url}}
        submission = SubmissionRecord.model_validate(features)
        having = committed(made().model_copy(update={"submission": submission}), path=str(path))
        assert (lies not in checks.problems(having, GROUND)) is named
