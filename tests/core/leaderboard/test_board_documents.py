"""Generated documents: a clean error or a valid load and page, never a traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boards import Board, board_of, shared_run
from thbench.errors import UserError
from thbench.leaderboard.build import board, board_text
from thbench.leaderboard.page import page
from thbench.leaderboard.schemas import schemas
from thbench.leaderboard.store import features_file
from thbench.results.clips import parse_clips
from thbench.results.document import read_result
from thbench.results.row import clips_file

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1001", "../x", "<b>", "brightness", "toy", 0, -1, 1e308])
)
VALUES = st.recursive(
    SCALARS,
    lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(max_size=5), s, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A board with one system and the pinned ground truth, so that 2,000 builds stay quick."""
    folder = tmp_path_factory.mktemp("toys")
    found = board_of(shared_run(tmp_path_factory), folder / "board", features=True)
    for path in sorted(found.root.glob("results/toys/*/1.json")):
        if path.parent.name not in ("echo", "ground-truth@32"):
            for file in (path, clips_file(path), features_file(path)):
                file.unlink(missing_ok=True)
    return found


def mutated(document: dict[str, Any], data: st.DataObject) -> Any:
    """The document with one to three values anywhere replaced, dropped or added."""
    changed = json.loads(json.dumps(document))
    for _ in range(data.draw(st.integers(1, 3))):
        node: Any = changed
        while True:
            keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            inner = node[key]
            if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 4)):
                node = inner
                continue
            _replace(node, key, data)
            break
    return changed


def _replace(node: Any, key: Any, data: st.DataObject) -> None:
    what = data.draw(st.sampled_from(["replace", "drop", "add"]))
    if what == "drop":
        del node[key]
    elif what == "add" and isinstance(node, dict):
        node[data.draw(st.text(max_size=5))] = data.draw(VALUES)
    else:
        node[key] = data.draw(VALUES)


def survives(toys: Board, original: str, changed: Any) -> None:
    """Verify and build with the changed document, then put the original back."""
    file = toys.path()
    file.write_text(json.dumps(changed))
    try:
        try:
            result = read_result(file)
        except UserError as error:
            assert "\n" not in str(error)
            assert toys.verify().tier is None
            return
        assert result.system.kind in ("system", "control")
        toys.verify()
        try:
            data = board(toys.root)
        except UserError as error:
            assert "\n" not in str(error)
            return
        assert json.loads(board_text(data)) == json.loads(json.dumps(data))
        page(data).encode()
    finally:
        file.write_text(original)


def check(examples: int, toys: Board) -> None:
    original = toys.path().read_text()
    document = json.loads(original)

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def documents(data: st.DataObject) -> None:
        survives(toys, original, mutated(document, data))

    documents()


@pytest.mark.slow
def test_two_hundred_documents(toys: Board) -> None:
    check(200, toys)


@pytest.mark.long
def test_two_thousand_documents(toys: Board) -> None:
    check(2000, toys)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.text('clip,actor,failure\n"1.e-', max_size=200))
def test_any_text_is_a_clips_table_or_a_clean_error(text: str) -> None:
    try:
        table = parse_clips(text, "clips.csv")
        for column in table.cells:
            table.numbers(column)
    except UserError as error:
        assert "\n" not in str(error)


def test_the_schemas_are_schemas_and_the_files_conform(toys: Board) -> None:
    import jsonschema

    found = schemas()
    for schema in found.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(toys.path().read_text()), found["result"])
    verification = toys.verify().verification
    assert verification is not None
    jsonschema.validate(json.loads(verification.model_dump_json()), found["verification"])


def test_an_interval_with_one_end_is_refused(toys: Board) -> None:
    original = toys.path().read_text()
    document = json.loads(original)
    score = next(s for s in document["scores"].values() if s["interval"])
    score["interval"]["high"] = None
    toys.path().write_text(json.dumps(document))
    try:
        with pytest.raises(UserError, match="an interval has two ends or none"):
            read_result(toys.path())
    finally:
        toys.path().write_text(original)  # the board is shared by the tests of this file
