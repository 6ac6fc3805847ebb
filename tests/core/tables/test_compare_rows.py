"""What `thbench compare` says of two rows, to the letter, and which rows it takes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made import made_run, result
from thbench.errors import UserError
from thbench.results.clips import ClipsTable
from thbench.results.document import IntervalRecord, OverRecord, Result
from thbench.results.row import Row, clips_file
from thbench.statistics.intervals import Interval
from thbench.statistics.permutation import Test, holm
from thbench.tables.compare import Rivals, _fits, _said, as_json, lines, rivals
from thbench.tables.difference import Difference, difference

ACTORS = {f"c{i}": f"a{i}" for i in range(8)}
NOISE = np.linspace(-1, 1, 8)


def row(name: str, columns: dict[str, tuple[np.ndarray, dict[str, Any]]], **parts: Any) -> Row:
    """Columns: the value of each of eight clips, and what else the score says."""
    made = result(name, "system", 64, {c: v.tolist() for c, (v, _) in columns.items()}, 8)
    scores = {
        c: made.scores[c].model_copy(update={"over": OverRecord(column=c), **more})
        for c, (_, more) in columns.items()
    }
    made = made.model_copy(update={"scores": scores})
    for part, change in parts.items():
        made = made.model_copy(update={part: getattr(made, part).model_copy(update=change)})
    cells = {
        c: dict(zip(ACTORS, map(repr, v.tolist()), strict=True)) for c, (v, _) in columns.items()
    }
    return Row(made, ClipsTable("t", ACTORS, {}, cells))


def pair(**parts: Any) -> Rivals:
    """Lower is better: a wins. Higher: a loses. And a column that b has no value of."""
    a = row("a", {
        "low": (5 + NOISE, {}), "high": (5 + NOISE, {"better": "higher"}), "none": (NOISE, {}),
    }, **parts)  # fmt: skip
    b = row("b", {
        "low": (9 - NOISE, {}), "high": (9 + NOISE / 2, {"better": "higher"}),
        "none": (NOISE, {"value": None}),
    })  # fmt: skip
    return Rivals(a, b, None)


def test_a_comparison_in_words() -> None:
    found = list(lines(pair()))
    tests = [difference(c, pair().a, pair().b, None).test for c in ("low", "high")]
    adjusted = holm([t.p_value for t in tests if t])
    assert found[0] == "a minus b, 64 px, 8 clips"
    assert found[1].startswith("  low ↓: 5 and 9; difference -4 [") and found[1].endswith(
        ": a is better"
    )
    assert found[2].startswith("  high ↑: 5 and 9; difference -4 [") and found[2].endswith(
        ": b is better"
    )
    assert "p = 0.007812" in found[1]
    assert found[3] == "  none: one of them has no value"
    assert found[4] == (
        f"  2 tests at once: after Holm's correction the smallest p is {min(adjusted):.4g} (low)"
    )
    assert len(found) == 5


def test_one_test_needs_no_correction() -> None:
    only = Rivals(row("a", {"m": (NOISE, {})}), row("b", {"m": (NOISE + 3, {})}), None)
    assert len(list(lines(only))) == 2


def test_what_must_be_known_of_the_rows_stands_first() -> None:
    edited = pair(system={"given": "recording"})
    assert list(lines(edited))[1] == (
        "  of these only one edits the recording itself: no table ranks them together"
    )
    unknown = pair(dataset={"actors_unknown": True})
    assert list(lines(unknown))[1].startswith("  actors are unknown")
    few = pair()
    two = dict.fromkeys(ACTORS, "a")
    few = Rivals(Row(few.a.result, ClipsTable("t", two, {}, few.a.clips.cells)), few.b, None)
    assert list(lines(few))[1] == "  1 actor is few: no test of two systems can go below p = 1"


def test_only_shared_clips_are_counted() -> None:
    two = pair()
    fewer = dict(list(ACTORS.items())[:5])
    two = Rivals(two.a, Row(two.b.result, ClipsTable("t", fewer, {}, two.b.clips.cells)), None)
    assert next(iter(lines(two))) == "a minus b, 64 px, 5 clips"


def said(better: str = "lower", by: str = "value", **interval: Any) -> str:
    fields = {
        "low": 1.0,
        "high": 2.0,
        "estimate": 1.5,
        "method": "bootstrap-t",
        "n_clips": 9,
        "n_actors": 9,
    }
    found = Difference("m", by, Interval(**{**fields, **interval}), Test(0.01, 0.001, True, 9))
    return _said(found, "a", "b", better)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "; difference 1.5 [1, 2], p = 0.01: b is better"),
        ({"better": "higher"}, "; difference 1.5 [1, 2], p = 0.01: a is better"),
        ({"low": -2.0, "high": -1.0, "estimate": -1.5}, "; difference -1.5 [-2, -1], p = 0.01: a is better"),
        (
            {"low": -2.0, "high": -1.0, "estimate": -1.5, "better": "nearer-reference", "by": "distance"},
            "; difference in distance from ground truth -1.5 [-2, -1], p = 0.01: a is better",
        ),
        ({"low": -1.0}, "; difference 1.5 [-1, 2], p = 0.01: tied"),
        ({"low": None, "high": None, "note": "why"}, "; difference 1.5, no interval: why; tied"),
    ],
)  # fmt: skip
def test_who_is_better(given: dict[str, Any], text: str) -> None:
    assert said(**given) == text


def test_what_is_not_compared_or_not_tested() -> None:
    assert (
        _said(Difference("m", "value", note="unlike"), "a", "b", "lower")
        == "; not compared: unlike"
    )
    bare = Difference("m", "value", Interval(1.0, 2.0, 1.5, "jackknife", 9, 9))
    assert _said(bare, "a", "b", "lower") == "; difference 1.5 [1, 2]: b is better"


def test_plain_data_has_exact_values() -> None:
    data: Any = as_json(pair())
    assert (data["a"], data["b"], data["resolution"]) == ("a", "b", 64)
    low = data["columns"]["low"]
    found = difference("low", pair().a, pair().b, None)
    assert found.interval is not None and found.test is not None
    assert low == {
        "by": "value", "difference": found.interval.estimate, "low": found.interval.low,
        "high": found.interval.high, "p_value": found.test.p_value, "smallest_p": found.test.smallest,
        "n_actors": 8, "tied": False, "note": "",
    }  # fmt: skip
    assert data["columns"]["none"] == {
        "by": "value", "difference": None, "low": None, "high": None, "p_value": None,
        "smallest_p": None, "n_actors": None, "tied": True, "note": "one of them has no value",
    }  # fmt: skip


# -- which rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "change", "what"),
    [
        ("split", {"digest": "9" * 64}, "split: 222222222222 and 999999999999"),
        ("dataset", {"references_digest": "9" * 64}, "references: 333333333333 and 999999999999"),
        ("system", {"resolution": 32}, "resolution: 64 and 32"),
    ],
)
def test_only_rows_on_the_same_clips_fit(part: str, change: dict[str, Any], what: str) -> None:
    a = row("a", {"m": (NOISE, {})})
    assert _fits(a, row("b", {"m": (NOISE, {})}))
    with pytest.raises(UserError, match=f"a and b are of another {what}"):
        _fits(a, row("b", {"m": (NOISE, {})}, **{part: change}))


def test_another_dataset_does_not_fit() -> None:
    b = row("b", {"m": (NOISE, {})})
    plugin = b.result.dataset.plugin.model_copy(update={"name": "other"})
    with pytest.raises(UserError, match="another dataset: made and other"):
        _fits(
            row("a", {"m": (NOISE, {})}), row("b", {"m": (NOISE, {})}, dataset={"plugin": plugin})
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Systems s0 a and s2 c at 64 px, s1 b at 32, with the ground truth of both sizes."""
    return made_run(tmp_path_factory.mktemp("compare") / "run", ["a", "b", "c"], 3, sizes=(64, 32))


def test_rows_of_one_name_and_size_are_paired(run: Path) -> None:
    pairs = rivals(run, run)
    assert [(p.a.name, p.b.name) for p in pairs] == [("b", "b"), ("a", "a"), ("c", "c")]
    assert [p.truth.result.system.resolution for p in pairs if p.truth] == [32, 64, 64]


def test_two_single_rows_are_compared_whatever_their_names(run: Path, tmp_path: Path) -> None:
    (one,) = rivals(run / "systems/s0", run / "systems/s2/result.json")
    assert (one.a.name, one.b.name) == ("a", "c")
    (control,) = rivals(run / "controls/64/ground-truth", run / "systems/s2")
    assert control.a.name == "ground-truth"
    alone = tmp_path / "run" / "systems" / "s0"
    shutil.copytree(run / "systems/s0", alone)
    (untrue,) = rivals(alone, run / "systems/s2")
    assert untrue.truth is None


def test_nothing_in_common_is_refused(run: Path, tmp_path: Path) -> None:
    other = made_run(tmp_path / "other", ["x", "y"], 3, sizes=(64,))
    with pytest.raises(UserError, match="have no system of one name and resolution"):
        rivals(run, other)
    controls = tmp_path / "controls"
    shutil.copytree(run / "controls", controls / "controls")
    with pytest.raises(UserError, match="holds no system's result"):
        rivals(controls, run)


def test_committed_rows_stand_beside_the_pinned_ground_truth_that_has_a_table(
    run: Path, tmp_path: Path
) -> None:
    def commit(folder: Path, name: str) -> Path:
        to = tmp_path / name / "1.json"
        to.parent.mkdir()
        shutil.copy(folder / "result.json", to)
        shutil.copy(folder / "clips.csv", clips_file(to))
        return to

    a, c = commit(run / "systems/s0", "a"), commit(run / "systems/s2", "c")
    truth = commit(run / "controls/64/ground-truth", "ground-truth@64")
    (found,) = rivals(a, c)
    assert found.truth is not None and found.truth.path == truth
    clips_file(truth).unlink()
    (bare,) = rivals(a, c)
    assert bare.truth is None


def test_sets_without_an_interval_are_named(run: Path) -> None:
    made: Result = row("a", {"m": (NOISE, {"set_level": True, "over": None})}).result
    none = IntervalRecord(low=None, high=None, level=0.95, method="none", n_actors=0)
    made = made.model_copy(
        update={"scores": {"m": made.scores["m"].model_copy(update={"interval": none})}}
    )
    a = Row(made, ClipsTable("t", ACTORS, {}, {}))
    assert list(lines(Rivals(a, a, None)))[1].endswith(
        "; not compared: its actors were not left out one by one"
    )
