"""What `study collect` makes of ballots: wrong ones counted, bad raters found, numbers as they must be."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guards import some
from thbench.api import UserError
from thbench.study.collect import collected
from thbench.study.document import read_study, study_text
from thbench.study.form import StudyKey, key_text
from thbench.study.raters import Rule
from thbench.study.tables import csv_text, markdown
from voters import People, made_key, signed, write_ballots

PEOPLE = People((1.6, 0.5, -0.5, -1.6))


@pytest.fixture(scope="module")
def key() -> StudyKey:
    return made_key(4, 12)


@pytest.fixture(scope="module")
def files(key: StudyKey, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    kinds = {4: "clicker", 9: "reversed", 14: "clicker"}
    return write_ballots(tmp_path_factory.mktemp("votes"), key, PEOPLE, 24, 12, 1, kinds)  # type: ignore[arg-type]


def test_the_order_of_systems_is_found_with_n(key: StudyKey, files: list[Path]) -> None:
    result = collected(files, key, Rule())
    (question,) = result.questions
    assert [e.name for e in question.entries] == ["system0", "system1", "system2", "system3"]
    assert question.votes == sum(e.votes for e in question.entries) / 2 == 30 * result.kept
    for entry in some(question.entries):
        assert (
            entry.score.low is not None
            and entry.score.value is not None
            and entry.score.high is not None
        )
        assert entry.score.low < entry.score.value < entry.score.high
    ends = [p for p in question.pairs if {p.first, p.second} == {"system0", "system3"}]
    assert ends[0].decided
    assert question.alpha is not None and 0 < question.alpha < 1


def test_clickers_and_reversed_raters_are_found(key: StudyKey, files: list[Path]) -> None:
    result = collected(files, key, Rule())
    bad = {json.loads(files[i].read_text())["rater"] for i in (4, 9, 14)}
    assert {line.rater for line in result.rater_lines if line.dropped_because} == bad
    assert result.dropped == {"catch trials": 3}
    reversed_one = json.loads(files[9].read_text())["rater"]
    suspects = {line.rater: line.suspect for line in result.rater_lines if line.suspect}
    assert suspects[reversed_one].startswith("reversed")
    assert result.kept == 21


def test_a_reversed_rater_who_passes_the_catch_trials_is_shown_and_kept(
    key: StudyKey, files: list[Path], tmp_path: Path
) -> None:
    data = json.loads(files[9].read_text())
    for answer in data["answers"]:
        trial = key.trials[answer["trial"]]
        if trial.kind == "mismatched":
            answer["answers"]["sync"] = trial.truth
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(signed(data)))
    result = collected([*files[:4], *files[15:], mended], key, Rule())
    line = next(line for line in result.rater_lines if line.rater == data["rater"])
    assert (line.dropped_because, line.suspect) == ((), "reversed: against the others")


Change = Callable[[dict[str, Any]], Any]


def _tampered(data: dict[str, Any]) -> None:
    data["answers"][0]["answers"]["sync"] = "tie"
    data["answers"][1]["answers"]["sync"] = "left"
    data["answers"][2]["answers"]["sync"] = "right"


@pytest.mark.parametrize(
    ("change", "sign", "reason"),
    [
        (_tampered, False, "changed since the page wrote it"),
        (lambda d: d.update(study="0" * 16), True, "of another study"),
        (lambda d: d.update(list=77), True, "list 77 does not exist"),
        (lambda d: d["answers"].pop(), True, "not finished: 35 of 36 trials"),
        (lambda d: d["answers"].append(d["answers"][0]), True, "a trial is answered twice"),
        (lambda d: d["answers"][0].update(trial="0" * 16), True, "trials that its list does not have"),
        (lambda d: d["answers"][0]["answers"].update(sync=3), True, "an answer that the page does not offer"),
        (lambda d: d["answers"][0]["answers"].update(sync="both"), True, "no ballot (answers"),
        (lambda d: d["answers"][0]["answers"].update(other="tie"), True, "a question is not answered, or another"),
        (lambda d: d["beeps"].pop(), True, "the sound check is not that of the study"),
        (lambda d: d.update(more=1), True, "no ballot (more: Extra inputs"),
        (lambda d: d.update(finished=1e300), True, "no ballot (finished"),
    ],
)  # fmt: skip
def test_a_wrong_ballot_is_counted_with_its_reason(
    key: StudyKey, files: list[Path], tmp_path: Path, change: Change, sign: bool, reason: str
) -> None:
    data = copy.deepcopy(json.loads(files[0].read_text()))
    change(data)
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(signed(data) if sign else data))
    result = collected([*files[1:5], path], key, Rule())
    assert (result.files, result.raters) == (5, 4)
    (found,) = result.unused
    assert reason in found
    assert list(result.unused_files) == [str(path)]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"schema":1e999}', b"x" * 3_000_000],
)
def test_hostile_files_are_counted(
    key: StudyKey, files: list[Path], tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    result = collected([files[0], path], key, Rule())
    assert sum(result.unused.values()) == 1
    assert result.raters == 1


def test_copies_count_once_and_of_two_ballots_the_first_counts(
    key: StudyKey, files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "copy.json").write_bytes(files[0].read_bytes())
    later = json.loads(files[1].read_text())
    later["finished"] += 1000
    _tampered(later)
    (tmp_path / "again.json").write_text(json.dumps(signed(later)))
    result = collected([*files[:3], tmp_path / "again.json", tmp_path / "copy.json"], key, Rule())
    assert result.raters == 3
    assert sorted(result.unused) == [
        "a copy of another file", "a second ballot of one rater; the one finished first counts",
    ]  # fmt: skip
    alone = collected(files[:3], key, Rule())
    assert result.votes == alone.votes


def test_haste_and_beeps_drop_a_rater(key: StudyKey, files: list[Path], tmp_path: Path) -> None:
    hasty, deaf = (json.loads(files[i].read_text()) for i in (0, 1))
    for answer in hasty["answers"][:8]:
        answer["milliseconds"] = 900
    for heard in deaf["beeps"][:2]:
        heard["count"] += 1
    for name, data in (("hasty", hasty), ("deaf", deaf)):
        (tmp_path / f"{name}.json").write_text(json.dumps(signed(data)))
    result = collected([tmp_path / "hasty.json", tmp_path / "deaf.json", *files[2:4]], key, Rule())
    assert result.dropped == {"implausible times": 1, "sound check": 1}


def test_the_order_of_files_changes_no_byte(key: StudyKey, files: list[Path]) -> None:
    one, two = collected(files, key, Rule()), collected(files[::-1], key, Rule())
    assert study_text(one) == study_text(two)
    assert markdown(one) == markdown(two)


def test_votes_that_have_no_maximum_say_so(key: StudyKey, files: list[Path]) -> None:
    result = collected(files[:1], key, Rule())
    (question,) = result.questions
    few = [e for e in question.entries if e.score.low is None]
    assert len(few) == 4
    assert all(e.score.note for e in few)
    strong = People((9.0, 3.0, -3.0, -9.0), nu=0.01, lapse=0.0)
    sure = write_ballots(files[0].parent / "sure", key, strong, 5, 12, 2)
    (question,) = collected(sure, key, Rule()).questions
    assert "its worth has no upper end (Ford's condition)" in question.note
    assert "–" in markdown(collected(sure, key, Rule()))
    (question,) = collected(sure, key, Rule(), regularise=1.0).questions
    assert [e.name for e in question.entries] == [f"system{i}" for i in range(4)]
    assert all(e.score.value is not None for e in question.entries)


def test_tables_escape_and_count(key: StudyKey, files: list[Path]) -> None:
    entries = list(key.entries)
    entries[0] = entries[0].model_copy(update={"name": "=cmd|<b>`x"})
    hostile = key.model_copy(update={"entries": tuple(entries), "title": "<script>"})
    result = collected(files, hostile, Rule())
    text = markdown(result)
    assert "<b>" not in text
    assert "<script>" not in text
    assert "\n=cmd" not in csv_text(result)
    assert csv_text(result).count("\n") == 5


def test_the_command_writes_and_shows(
    key: StudyKey, files: list[Path], tmp_path: Path, thbench: Any
) -> None:
    (tmp_path / "key.json").write_text(key_text(key))
    done = thbench("study", "collect", files[0].parent, "--key", tmp_path / "key.json")
    assert done.code == 0
    assert "21 of 24 raters count" in done.out
    assert "system0" in done.out
    result = read_study(tmp_path)
    assert study_text(result) == (tmp_path / "study.json").read_text()
    again = thbench("study", "collect", tmp_path / "nothing", "--key", tmp_path / "key.json")
    assert again.code == 2


def test_a_damaged_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text('{"schema": 1}')
    with pytest.raises(UserError, match="Field required"):
        read_study(tmp_path)
