"""Tables on the screen: parts that fit the width, nothing dropped, what is missing shown as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guards import some
from made import result as made_result
from runs import SUITE, start
from thbench.results.clips import read_clips
from thbench.results.document import Result
from thbench.tables.build import tables
from thbench.tables.screen import _cell, _heading, _label, _parts, _table, print_tables

TEXT = (
    SUITE.replace("  echo: {generator: toy-echo, resolution: 32}\n", "")
    .replace(
        "systems:\n",
        "systems:\n"
        + "".join(
            f"  system-with-a-long-name-{i}: {{generator: toy-echo, resolution: 32, gain: {i + 1}}}\n"
            for i in range(5)
        )
        + "  failing: {generator: toy-echo, resolution: 32, fault: refuse, 'on': 1001_AAA}\n",
    )
    .replace("[toy-brightness]", "[{metric: toy-brightness, fault: fail, 'on': 1002_BBB}]")
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    folder = tmp_path_factory.mktemp("screen")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(folder / "cache"))
        return list(start(folder, TEXT).both().values())


def shown(
    results: list[Result], width: int, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
) -> list[str]:
    patch.setenv("COLUMNS", str(width))
    print_tables(results)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_is_wider_than_the_screen_and_every_row_is_there(
    results: list[Result],
    width: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = shown(results, width, capsys, monkeypatch)
    assert max(map(len, lines)) <= width
    text = "".join("".join(lines).split())
    for i in range(5):
        assert any(f"name-{i}" in line or f"{i} " in line for line in lines), i
    for result in some(results):
        assert result.system.name.rpartition("-")[2].replace("-", "") in text
    parts = sum("toys, 32 px, 9 clips" in line for line in lines)
    assert parts > 1 if width == 80 else parts >= 1


def test_numbers_stand_with_their_coverage_and_direction(
    results: list[Result], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join(shown(results, 200, capsys, monkeypatch))
    assert "8/9" in text  # clips of `failing`
    assert "(7/9)" in text.replace("(7/8)", "(7/9)")
    assert "brightness ≈" in text or "brightness" in text
    assert "spread ↓" in text


def test_clips_csv_says_a_failure_once(tmp_path: Path) -> None:
    text = SUITE.replace("32}", "32, fault: refuse, 'on': 1001_AAA}").replace(
        "[toy-brightness]",
        "[{metric: toy-brightness, fault: fail, 'on': 1002_BBB}, {metric: toy-brightness, as: b}]",
    )
    start(tmp_path, text).both()
    table = read_clips(tmp_path / "run/systems/echo/clips.csv")
    assert list(table.failures) == ["1001_AAA"]
    reasons = {c: cells for c, cells in table.cells.items() if ".failure" in c}
    assert [list(cells) for cells in reasons.values()] == [["1002_BBB"]]
    assert list(table.reasons()) == ["1001_AAA", "1002_BBB"]


def test_what_a_metric_says_of_its_values_stands_below_the_table_once(
    results: list[Result], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "80% of ofm is from pixels that no head can have moved"
    names = ("system-with-a-long-name-1", "failing", "ground-truth")
    changed, column = [], next(iter(some(results[0].scores)))
    for result in results:
        scores = dict(result.scores)
        if result.system.name in names:
            scores[column] = scores[column].model_copy(update={"notes": (said,)})
        changed.append(result.model_copy(update={"scores": scores}))
    text = " ".join("\n".join(shown(changed, 200, capsys, monkeypatch)).split())
    assert text.count(said) == 1
    systems = text.partition(f"{column}: {said} (")[2].partition(")")[0]
    assert set(systems.split(", ")) == set(names)


# -- cells and parts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (None, ""),
        ({"value": None, "n": 0, "of": 4}, "–"),
        ({"value": 1.23456, "n": 4, "of": 4}, "1.235"),
        ({"value": 1.23456, "n": 3, "of": 4}, "1.235 (3/4)"),
    ],
)
def test_a_cell(score: dict[str, Any] | None, text: str) -> None:
    assert _cell(score) == text


def test_a_label_and_a_heading() -> None:
    assert _label("psnr", {"better": "higher", "unit": "dB"}) == "psnr ↑, dB"
    assert _label("fid", {"better": "lower", "unit": ""}) == "fid ↓"
    assert _heading({"system": "a-b", "place": None}) == "a-b"
    assert _heading({"system": "twelve-chars", "place": "1–2"}) == "#1–2 twelve-chars"
    assert _heading({"system": "thirteen-char", "place": "3"}) == "#3 thirteen-\nchar"


@pytest.mark.parametrize(
    ("width", "sizes"),
    [(80, [4]), (52, [4]), (51, [3, 1]), (41, [3, 1]), (40, [2, 2]), (10, [1] * 4)],
)
def test_as_many_systems_stand_side_by_side_as_fit(width: int, sizes: list[int]) -> None:
    """4 characters of the longest label, 3 + 1 beside it; each system 8 + 3."""
    table = {
        "columns": {"ab": {"better": "lower", "unit": ""}},
        "rows": [{"system": name, "place": None} for name in ("a", "b", "c", "d")],
    }
    parts = list(_parts(table, width))
    assert [len(p) for p in parts] == sizes
    assert [r["system"] for p in parts for r in p] == ["a", "b", "c", "d"]


def test_a_long_label_leaves_room_for_systems_and_a_long_name_takes_more() -> None:
    rows = [{"system": "a", "place": None}, {"system": "nine-char", "place": "1"}]
    table = {"columns": {"x" * 60: {"better": "lower", "unit": ""}}, "rows": rows}
    assert [len(p) for p in _parts(table, 34 + 4 + 11 + 15)] == [2]
    assert [len(p) for p in _parts(table, 34 + 4 + 11 + 14)] == [1, 1]


# -- whole tables ---------------------------------------------------------------------------------


def made_rows(names: str, kind: str = "system") -> list[Result]:
    """Twelve letters of each name: 15 columns of the screen beside 4 + 13 of the label."""
    return [made_result(n * 12, kind, 64, {"m": [float(i)] * 2}, 2) for i, n in enumerate(names)]


@pytest.mark.parametrize(
    ("width", "n", "titles"),
    [
        (40, 2, ["made, 64 px, 2 clips"]),  # 80 at least
        (100, 4, ["made, 64 px, 2 clips"]),
        (80, 4, ["made, 64 px, 2 clips, part 1 of 2", "made, 64 px, 2 clips, part 2 of 2"]),
    ],
)
def test_titles_say_which_part_it_is(
    width: int,
    n: int,
    titles: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = shown(made_rows("abcd"[:n]), width, capsys, monkeypatch)
    assert [line.strip() for line in lines if line.strip().startswith("made")] == titles


def test_what_comparing_them_means_is_said_of_the_ranked_ones(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    controls = made_rows("xyz", "control")
    few = "1 actor is few"
    text = "\n".join(shown([*made_rows("abc"), *controls[:1]], 100, capsys, monkeypatch))
    assert "3 systems make 3 pairs" in text and few in text
    text = "\n".join(shown([*made_rows("ab"), *controls], 100, capsys, monkeypatch))
    assert "pairs" not in text and few in text
    assert few not in "\n".join(shown([*made_rows("a"), *controls], 100, capsys, monkeypatch))


def test_controls_are_dim() -> None:
    (table,) = tables([*made_rows("a"), *made_rows("x", "control")])
    styles = [c.style for c in _table(made_rows("a")[0], table, table["rows"], "").columns]
    assert styles[1:] == ["", "dim"]
