"""Charts as SVG: well-formed whatever the labels, everything inside the picture, gaps left open."""

from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thbench.charts.axes import range_of, ticks
from thbench.charts.plots import (
    PALETTE,
    IntervalMark,
    Series,
    chart_grid,
    interval_chart,
    line_chart,
)
from thbench.charts.svg import shortened

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>alert('1')</script> & \"x\" \x00\ud800 ü"
LINE = Series("a", [0, 1, 2], [1.0, 4.0, 2.0], [0.5, 3.0, None], [1.5, 5.0, None])


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture.encode("utf-8"))


def numbers(element: ElementTree.Element, *names: str) -> list[float]:
    return [float(e.get(n, "nan")) for e in element.iter() for n in names if e.get(n)]


def test_labels_are_escaped_and_always_well_formed() -> None:
    pictures = [
        line_chart([Series(NASTY, [0], [1.0]), LINE], title=NASTY, x_label=NASTY, y_label=NASTY),
        interval_chart([IntervalMark(NASTY, 1.0, note=NASTY)], title=NASTY),
        chart_grid([[""]], width=50, height=50, row_labels=[NASTY], column_labels=[NASTY]),
    ]
    for picture in pictures:
        root = parsed(picture)
        assert not list(root.iter(f"{SVG}script"))
        assert "script" in "".join(root.itertext())


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.one_of(st.none(), st.floats(allow_subnormal=False))),
        min_size=1,
        max_size=8,
    )
)
def test_marks_lie_inside_whatever_the_numbers(points: list[tuple[float, float | None]]) -> None:
    bounded = [
        (x, y if y is None or not math.isfinite(y) else max(min(y, 1e9), -1e9)) for x, y in points
    ]
    series = Series("s", [x for x, _ in bounded], [y for _, y in bounded])
    root = parsed(line_chart([series], width=300, height=200))
    assert all(0 <= x <= 300 for x in numbers(root, "cx", "x1", "x2"))
    assert all(0 <= y <= 200 for y in numbers(root, "cy", "y1", "y2"))
    shown = sum(y is not None and math.isfinite(y) for _, y in bounded)
    assert len(list(root.iter(f"{SVG}circle"))) == shown


def test_larger_values_are_drawn_higher_and_whiskers_enclose_them() -> None:
    root = parsed(line_chart([LINE]))
    marks = list(root.iter(f"{SVG}circle"))
    heights = [float(m.get("cy", "nan")) for m in marks]
    assert heights[1] < heights[2] < heights[0]
    upright = [
        e
        for e in root.iter(f"{SVG}line")
        if e.get("stroke") == PALETTE[0] and e.get("x1") == e.get("x2")
    ]
    assert len(upright) == 2, "the third point has no interval"
    for whisker, mark in zip(upright, heights, strict=False):
        assert float(whisker.get("y2", "nan")) < mark < float(whisker.get("y1", "nan"))


def test_a_missing_value_is_a_gap() -> None:
    broken = Series("a", [0, 1, 2, 3, 4], [1.0, 2.0, None, float("nan"), 3.0])
    root = parsed(line_chart([broken]))
    assert [len(p.get("points", "").split()) for p in root.iter(f"{SVG}polyline")] == [2, 1]


@pytest.mark.parametrize("values", [[None], [float("nan")], []])
def test_nothing_to_show_is_said(values: list[float | None]) -> None:
    picture = line_chart([Series("a", [0.0] * len(values), values)])
    assert "no value" in picture
    assert "no value" in interval_chart([IntervalMark("a", None)])


def test_series_differ_in_shape_and_colour_and_are_named() -> None:
    picture = line_chart([Series(f"s{i}", [0, 1], [i, i + 1]) for i in range(4)], width=200)
    root = parsed(picture)
    assert len({p.get("stroke") for p in root.iter(f"{SVG}polyline")}) == 4
    words = "".join(t for e in root.iter(f"{SVG}text") for t in e.itertext())
    assert all(f"s{i}" in words for i in range(4))
    triangles = [p for p in root.iter(f"{SVG}polygon") if len(p.get("points", "").split()) == 3]
    assert triangles


def test_a_level_is_a_dashed_line_within_the_scale() -> None:
    root = parsed(line_chart([Series("a", [0, 1], [1.0, 2.0])], level=10.0))
    (dashed,) = [e for e in root.iter(f"{SVG}line") if e.get("stroke-dasharray")]
    assert 0 <= float(dashed.get("y1", "nan")) < min(numbers(root, "cy"))


def test_intervals_are_ordered_rows_with_values_where_they_belong() -> None:
    rows = [
        IntervalMark("one", 1.0, 0.5, 1.5),
        IntervalMark("two", 2.0),
        IntervalMark("three", None, note="failed"),
    ]
    root = parsed(interval_chart(rows, x_label="dB", level=0.0))
    xs, ys = numbers(root, "cx"), numbers(root, "cy")
    assert xs[0] < xs[1]
    assert ys[0] < ys[1]
    assert "failed" in "".join(root.itertext())


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 10))
def test_ticks_are_round_even_and_inside(low: float, span: float, most: int) -> None:
    found = ticks(low, low + span, most)
    assert 2 <= len(found) <= max(2 * most + 2, 5)
    slack = 1e-6 * span + 1e-11 * abs(low)  # ticks are written with twelve digits
    assert all(low - slack <= t <= low + span + slack for t in found)
    steps = [b - a for a, b in pairwise(found)]
    assert max(steps) - min(steps) <= 4 * slack


def test_ticks_that_people_would_choose() -> None:
    assert ticks(-5.3, 5.3, 2) == [-5, 0, 5]
    assert ticks(0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(0, 20, 4) == [0, 5, 10, 15, 20]


def test_a_still_line_lies_in_the_middle() -> None:
    assert range_of([2.0, 2.0]) == (1.8, 2.2)
    assert range_of([0.0]) == (-1.0, 1.0)
    assert range_of([None, float("inf")]) is None


def test_grids_place_every_chart_apart() -> None:
    one = line_chart([LINE], width=100, height=80)
    root = parsed(
        chart_grid([[one, ""], [one, one]], width=100, height=80, row_labels=["a\nb", "c"])
    )
    places = {g.get("transform") for g in root.iter(f"{SVG}g")}
    assert len(places) == 3


def test_long_labels_are_shortened() -> None:
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert line_chart([LINE], title="t") == line_chart([LINE], title="t")
