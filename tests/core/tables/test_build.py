"""Tables out of results: columns, order, places, and why a row has none."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from made import result
from thbench.errors import UserError
from thbench.results.clips import ClipsTable
from thbench.results.document import OverRecord, Reason, Result, TrainedOnRecord
from thbench.tables.build import leaderboard_json, table_of, tables

ACTORS = {f"c{i}": f"a{i}" for i in range(8)}


def row(name: str, mean: float, kind: str = "system", size: int = 64, **score: Any) -> Result:
    """One score `m`, of 8 clips."""
    made = result(name, kind, size, {"m": [mean] * 8}, 8)
    changed = made.scores["m"].model_copy(update=score)
    return made.model_copy(update={"scores": {"m": changed}})


def with_(made: Result, part: str, **change: Any) -> Result:
    return made.model_copy(update={part: getattr(made, part).model_copy(update=change)})


def names(table: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(r["system"], r["rank"]) for r in table["rows"]]


def why(*results: Result) -> list[str]:
    (table,) = tables(results)
    found: list[str] = table["rows"][-1]["unranked_because"]
    return found


def test_resolutions_do_not_share_a_table() -> None:
    found = tables([row("b", 1.0, size=64), row("a", 2.0, size=32), row("c", 0.5, size=64)])
    assert [t["resolution"] for t in found] == [32, 64]
    assert names(found[1]) == [("c", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("better", "order"), [("lower", ["a", "b", "c"]), ("higher", ["c", "b", "a"])]
)
def test_systems_go_by_the_primary_score(better: str, order: list[str]) -> None:
    rows = [
        row("b", 2.0, better=better),
        row("c", 3.0, better=better),
        row("a", 1.0, better=better),
    ]
    (table,) = tables(rows)
    assert names(table) == [(name, i + 1) for i, name in enumerate(order)]


def test_the_nearest_to_the_ground_truth_is_first_and_equal_ones_go_by_name() -> None:
    near = {"better": "nearer-reference"}
    rows = [
        row("b", 2.0, distance_from_reference=1.0, **near),
        row("c", 9.0, distance_from_reference=0.5, **near),
        row("a", 4.0, distance_from_reference=1.0, **near),
    ]
    (table,) = tables(rows)
    assert names(table) == [("c", 1), ("a", 2), ("b", 3)]


def test_the_unranked_follow_by_name_then_controls_as_they_came() -> None:
    rows = [
        row("still-identity", 0.0, "control"), row("z", 1.0, n=7), row("y", 1.0, value=None),
        row("ground-truth", 0.0, "control"), row("x", 2.0),
    ]  # fmt: skip
    (table,) = tables(rows)
    assert names(table) == [
        ("x", 1), ("y", None), ("z", None), ("still-identity", None), ("ground-truth", None),
    ]  # fmt: skip
    assert [r["place"] for r in table["rows"]] == ["1", None, None, None, None]
    assert table["rows"][3]["unranked_because"] == []


def test_why_a_system_is_not_ranked() -> None:
    assert why(row("a", 1.0, n=7)) == ["m covers 7 of 8 clips"]
    assert why(row("a", 1.0, value=None, reason="too dark")) == ["no m: too dark"]
    assert why(row("a", 1.0, value=None)) == ["no m"]
    assert why(row("a", 1.0, better="nearer-reference")) == ["no ground truth of m to compare with"]
    leaked = row("a", 1.0).model_copy(update={"ranked": False, "unranked_because": ("leaked",)})
    assert why(leaked) == ["leaked"]
    assert why(with_(row("a", 1.0), "suite", primary=None)) == ["the suite names no primary score"]
    assert why(with_(row("a", 1.0), "suite", primary="other")) == ["no other"]
    assert why(row("a", 1.0)) == []


def test_the_primary_column_comes_first_and_every_rows_columns_are_there() -> None:
    first = result("a", "system", 64, {"m": [1.0], "extra": [2.0]}, 1)
    second = result("b", "system", 64, {"m": [1.0], "other": [3.0]}, 1)
    first = with_(first, "suite", primary="other")
    second = with_(second, "suite", primary="other")
    (table,) = tables([first, second])
    assert list(table["columns"]) == ["other", "m", "extra"]
    assert table["columns"]["m"] == {
        "metric": "m", "score": "m", "unit": "grey levels", "better": "lower", "set_level": False,
        "identity": {"name": "m", "options": {"a": 1}}, "identity_digest": "6" * 64,
    }  # fmt: skip


def test_rows_over_other_references_are_refused() -> None:
    other = with_(row("b", 1.0), "dataset", references_digest="9" * 64)
    with pytest.raises(UserError, match="a and b were scored over unlike references at 64 px"):
        table_of(64, [row("a", 1.0), other])
    control = with_(row("ground-truth", 1.0, "control"), "dataset", references_digest="9" * 64)
    with pytest.raises(UserError, match=r"^a and ground-truth were scored"):
        table_of(64, [control, row("a", 1.0)])


def test_what_a_row_says_of_itself() -> None:
    made = row("a", 1.0)
    made = with_(made, "clips", n=8, generated=6)
    (table,) = tables([made])
    (found,) = table["rows"]
    assert (found["kind"], found["clips"], found["of"]) == ("system", 6, 8)
    assert found["trained_on"] == "unknown"
    for declared, words in ((("x", "y"), "toy: 2 actors"), ((), "nothing")):
        trained = with_(made, "system", trained_on=TrainedOnRecord(dataset="toy", actors=declared))
        assert tables([trained])[0]["rows"][0]["trained_on"] == words
    assert tables([row("ground-truth", 1.0, "control")])[0]["rows"][0]["trained_on"] == ""


def test_a_value_that_is_missing_has_the_reason_that_most_clips_have() -> None:
    few = Reason(reason="refused", count=2, clips=("a", "b"))
    many = Reason(reason="no face", count=6, clips=("c",))

    def reason(**score: Any) -> str | None:
        made = row("a", 1.0, **{"value": None, "n": 0, **score})
        made = with_(made, "clips", failures=(few,))
        found: str | None = tables([made])[0]["rows"][0]["scores"]["m"]["reason"]
        return found

    assert reason(failures=(few, many)) == "no value: no face (6 of 8 clips)"
    assert reason(failures=(few, many), reason="none") == "none: no face (6 of 8 clips)"
    assert reason(failures=(many,), reason="no face") == "no face"
    assert reason(reason="none") == "none: refused (2 of 8 clips)"
    assert reason(n=1, reason="too few", failures=(many,)) == "too few"
    assert reason(value=3.0, failures=(many,)) is None


def test_intervals_stand_without_the_values_they_are_from() -> None:
    (table,) = tables([row("a", 1.0)])
    interval = table["rows"][0]["scores"]["m"]["interval"]
    assert "without" not in interval and interval["method"] == "made"
    assert tables([row("a", 1.0, interval=None)])[0]["rows"][0]["scores"]["m"]["interval"] is None


def clips(values: np.ndarray) -> ClipsTable:
    cells = {f"c{i}": repr(float(v)) for i, v in enumerate(values)}
    return ClipsTable("t", ACTORS, {}, {"m": cells})


def three() -> tuple[list[Result], dict[tuple[int, str], ClipsTable]]:
    """a and b cannot be told apart, c is worse than both."""
    noise = np.linspace(-1, 1, 8)
    values = {"a": 5 + noise, "b": 5.01 + noise[::-1], "c": 9 + noise}
    over = OverRecord(column="m")
    rows = [row(n, float(v.mean()), over=over) for n, v in values.items()]
    return rows, {(64, n): clips(v) for n, v in values.items()}


def test_systems_that_cannot_be_told_apart_share_places() -> None:
    rows, tables_of_clips = three()
    (table,) = tables(rows, tables_of_clips)
    assert [(r["system"], r["rank"], r["place"]) for r in table["rows"]] == [
        ("a", 1, "1–2"), ("b", 2, "1–2"), ("c", 3, "3"),
    ]  # fmt: skip
    assert [r["tied_with"] for r in table["rows"]] == [["b"], ["a"], []]


@pytest.mark.parametrize("kept", [[], ["a", "b"]])
def test_without_every_clips_table_no_tie_is_known(kept: list[str]) -> None:
    rows, every = three()
    (table,) = tables(rows, {(64, name): every[64, name] for name in kept})
    assert [r["place"] for r in table["rows"]] == ["1", "2", "3"]
    assert [r["tied_with"] for r in table["rows"]] == [[], [], []]


def test_the_document_of_a_run() -> None:
    text = leaderboard_json([row("ä", 1.0)])
    data = json.loads(text)
    assert data["schema"] == 1 and data["suite"]["name"] == "made"
    assert data["split"]["n_clips"] == 8
    assert data["tables"][0]["rows"][0]["system"] == "ä"
    assert "ä" in text and text.endswith("}\n") and list(data) == sorted(data)
    assert text.startswith('{\n "schema": 1')
