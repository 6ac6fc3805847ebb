"""Result documents: a newer or damaged one is refused in one line, nothing non-finite is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs import start
from thbench.errors import UserError
from thbench.results.clips import clips_text
from thbench.results.document import Result, read_result, result_text
from thbench.tables.build import leaderboard_json
from thbench.tables.markdown import escape_cell, leaderboard_markdown


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("document")
    start(folder).both()
    data: dict[str, Any] = json.loads((folder / "run/systems/echo/result.json").read_text())
    return data


def write(folder: Path, data: object) -> Path:
    file = folder / "result.json"
    file.write_text(json.dumps(data))
    return file


def test_writing_what_was_read_changes_no_byte(tmp_path: Path, document: dict[str, Any]) -> None:
    result = read_result(write(tmp_path, document))
    assert json.loads(result_text(result)) == document
    (tmp_path / "again.json").write_text(result_text(result))
    assert result_text(read_result(tmp_path / "again.json")) == result_text(result)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 2}, "newer"),
        ({"schema": 0}, "unknown"),
        ({"schema": "1"}, "missing or no number"),
        ({"scores": {"a": 1}}, "scores.a"),
        ({"surprise": 1}, "surprise"),
        ({"ranked": "perhaps"}, "ranked"),
    ],
)
def test_other_documents_are_refused(
    tmp_path: Path, document: dict[str, Any], change: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        read_result(write(tmp_path, {**document, **change}))


@pytest.mark.parametrize("text", ["", "[]", "{", "NaN", '{"schema": NaN}', "[" * 100_000, "\ud800"])
def test_damaged_documents_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError, match=r"result\.json (cannot be read|is not a result document)"):
        read_result(file)


@pytest.mark.slow
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_change_is_a_clean_error_or_a_valid_load(
    tmp_path: Path, document: dict[str, Any], data: st.DataObject
) -> None:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    values = st.recursive(
        scalars,
        lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(max_size=5), s, max_size=3),
        max_leaves=5,
    )
    changed = json.loads(json.dumps(document))
    node = changed
    for _ in range(data.draw(st.integers(0, 3))):
        inner = [v for v in node.values() if isinstance(v, dict) and v]
        if not inner:
            break
        node = data.draw(st.sampled_from(inner))
    node[data.draw(st.sampled_from(sorted(node)))] = data.draw(values)
    try:
        assert isinstance(read_result(write(tmp_path, changed)), Result)
    except UserError as error:
        assert "\n" not in str(error)


def test_a_missing_cell_is_empty_and_a_zero_is_a_zero() -> None:
    text = clips_text(["clip", "x", "y"], [{"clip": "a", "x": 0.0, "y": None}, {"clip": "b, c"}])
    assert text == 'clip,x,y\na,0.0,\n"b, c",,\n'


def test_names_from_outside_are_harmless_in_tables(document: dict[str, Any]) -> None:
    evil = "<script>alert(1)</script>|[x](javascript:0)`\n# head"
    data = json.loads(json.dumps(document))
    data["system"]["name"] = evil
    result = Result.model_validate(data)
    board = leaderboard_markdown([result])
    assert "<script>" not in board
    assert "\n# head" not in board
    assert escape_cell("a|b") == "a\\|b"
    assert json.loads(leaderboard_json([result]))["tables"][0]["rows"][0]["system"] == evil


def test_ranking_follows_the_primary_and_its_direction(document: dict[str, Any]) -> None:
    def result(name: str, value: float | None, better: str = "higher", n: int = 9) -> Result:
        data = json.loads(json.dumps(document))
        data["system"]["name"] = name
        score = data["scores"]["brightness"]
        distance = None if value is None else abs(value - 10)
        score.update(value=value, better=better, n=n, distance_from_reference=distance)
        return Result.model_validate(data)

    def order(*results: Result) -> list[tuple[str, int | None]]:
        rows = json.loads(leaderboard_json(results))["tables"][0]["rows"]
        return [(r["system"], r["rank"]) for r in rows]

    assert order(result("a", 1.0), result("b", 2.0)) == [("b", 1), ("a", 2)]
    assert order(result("a", 1.0, "lower"), result("b", 2.0, "lower")) == [("a", 1), ("b", 2)]
    near = "nearer-reference"
    assert order(result("a", 1.0, near), result("b", 12.0, near)) == [("b", 1), ("a", 2)]
    assert order(result("a", 1.0), result("b", 2.0, n=8)) == [("a", 1), ("b", None)]
    assert order(result("a", None), result("b", 2.0)) == [("b", 1), ("a", None)]
