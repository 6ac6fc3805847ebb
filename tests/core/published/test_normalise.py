"""The paper's rule on constructed raw pairs, its refusals, rounding, and the paper's own row."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thbench.api import Score
from thbench.published.normalise import (
    Normalised,
    Quantity,
    Ratio,
    Refused,
    Scale,
    distance_from_reference,
    implied_ratio,
    normalise,
    rounding_interval,
    scale_of,
)

X = Quantity(4.56, "px", "dawn", 128, "ofm/1", "4.56")
THERE = Quantity(5.88, "px", "dawn", 128, "ofm/1", "5.88")
HERE = Quantity(3.306, "px", "this suite", 128, "ofm/1")


def test_a_raw_pair_lands_on_our_scale_with_its_provenance() -> None:
    found = normalise(X, THERE, HERE, "ratio")
    assert isinstance(found, Normalised)
    assert found.value == pytest.approx(4.56 * 3.306 / 5.88, rel=1e-15)
    assert found.low == pytest.approx(4.555 * 3.306 / 5.885, rel=1e-15)
    assert found.high == pytest.approx(4.565 * 3.306 / 5.875, rel=1e-15)
    assert found.inputs == (X, THERE, HERE)
    assert found.flags == ()


def test_a_system_equal_to_its_ground_truth_equals_ours() -> None:
    found = normalise(replace(THERE, printed=None), replace(THERE, printed=None), HERE, "ratio")
    assert isinstance(found, Normalised)
    assert found.value == found.low == found.high == HERE.value


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 3))
def test_every_number_that_prints_alike_lies_between_the_limits(
    a: int, b: int, c: int, digits: int
) -> None:
    def printed(n: int) -> Quantity:
        text = f"{n / 10**digits:.{digits}f}"
        return Quantity(float(text), "px", "paper", 64, "i", text)

    x, there, here = printed(a), printed(b), printed(c)
    found = normalise(x, there, here, "ratio")
    if isinstance(found, Refused):  # a million to one: nothing by our rule
        assert min(there.value, here.value) <= 1e-6 * x.value
        return
    half = 0.5 * 10**-digits
    slack = 1e-9 * found.high
    assert found.low <= found.value <= found.high
    extreme = (x.value + 0.99 * half) * (here.value + 0.99 * half) / (there.value - 0.99 * half)
    assert extreme <= found.high + slack
    extreme = (x.value - 0.99 * half) * (here.value - 0.99 * half) / (there.value + 0.99 * half)
    assert extreme >= found.low - slack


@pytest.mark.parametrize(
    ("x", "there", "here", "scale", "reason"),
    [
        (X, THERE, HERE, "signed", "signed"),
        (X, THERE, HERE, "distance", "distance from the ground truth"),
        (X, THERE, HERE, "logarithmic", "decibels"),
        (X, THERE, HERE, "unknown", "not known whether 0"),
        (X, None, HERE, "ratio", "dawn gives no ground truth"),
        (X, THERE, None, "ratio", "this suite has no ground truth"),
        (X, replace(THERE, value=0.0, printed="0"), HERE, "ratio", "the ground truth is 0"),
        (X, THERE, replace(HERE, value=0.0), "ratio", "the ground truth is 0"),
        (X, THERE, replace(HERE, value=1e-9), "ratio", "the ground truth is 0"),
        (X, replace(THERE, value=0.004, printed="0.00"), HERE, "ratio", "may be 0 before rounding"),
        (replace(X, value=-1.0, printed="-1"), THERE, HERE, "ratio", "a negative number"),
        (X, THERE, replace(HERE, value=-2.0), "ratio", "a negative number"),
        (X, THERE, replace(HERE, unit="mm"), "ratio", "unlike unit: mm and px"),
        (X, THERE, replace(HERE, unit=""), "ratio", "unlike unit: a pure number and px"),
        (replace(X, unit=None), THERE, HERE, "ratio", "the unit of dawn is not known"),
        (X, THERE, replace(HERE, identity="ofm/2"), "ratio", "unlike identity: ofm/1 and ofm/2"),
        (X, THERE, replace(HERE, value=math.inf), "ratio", "not every number is finite"),
        (replace(X, value=math.nan, printed=None), THERE, HERE, "ratio", "not every number is"),
    ],
)
def test_refusals_say_why(
    x: Quantity, there: Quantity | None, here: Quantity | None, scale: Scale, reason: str
) -> None:
    found = normalise(x, there, here, scale)
    assert isinstance(found, Refused)
    assert reason in found.reason
    assert len(found.reason) < 90  # it stands in a cell


def test_what_would_overflow_is_refused() -> None:
    big = Quantity(1e300, "", "a")
    found = normalise(big, replace(big, value=1e295), replace(big, value=1e299), "ratio")
    assert found == Refused("the result is not finite")


def test_unlike_resolutions_are_flagged_not_hidden() -> None:
    mixed = normalise(X, replace(THERE, resolution=64), HERE, "ratio")
    assert isinstance(mixed, Normalised)
    assert mixed.flags == (
        "mixed resolutions: measured at 128 px, its ground truth 64 px",
        "mixed resolutions: from 64 px to 128 px",
    )
    across = normalise(X, THERE, replace(HERE, resolution=64), "ratio")
    assert isinstance(across, Normalised)
    assert across.flags == ("mixed resolutions: from 128 px to 64 px",)


def test_unknown_provenance_is_flagged() -> None:
    found = normalise(
        replace(X, identity=None),
        replace(THERE, source="another", identity=None, resolution=None),
        HERE,
        "ratio",
    )
    assert isinstance(found, Normalised)
    assert "measured at 128 px, its ground truth an unknown size" in found.flags[0]
    assert "value of dawn, its ground truth of another" in found.flags
    assert "how another and dawn measured it is not known" in found.flags


@pytest.mark.parametrize(
    ("printed", "low", "high"),
    [
        ("0.643", 0.6425, 0.6435),
        ("6.99", 6.985, 6.995),
        ("0.660", 0.6595, 0.6605),
        ("-3.48", -3.485, -3.475),
        ("12", 11.5, 12.5),
        ("0", -0.5, 0.5),
        ("1e2", 50.0, 150.0),
    ],
)
def test_rounding_is_half_a_unit_of_the_last_digit(printed: str, low: float, high: float) -> None:
    assert rounding_interval(printed) == (low, high)


@pytest.mark.parametrize("printed", ["", "-", "nan", "inf", "1,5", "<b>1</b>"])
def test_what_is_no_number_is_refused(printed: str) -> None:
    with pytest.raises(ValueError, match="not"):
        rounding_interval(printed)


def test_implied_ratio_of_negative_numbers_keeps_its_limits_in_order() -> None:
    found = implied_ratio(
        Quantity(-1.0, "", "p", printed="-1.0"), Quantity(2.0, "", "p", printed="2")
    )
    assert isinstance(found, Ratio)
    assert (found.low, found.value, found.high) == (-1.05 / 1.5, -0.5, -0.95 / 2.5)


def test_implied_ratio_needs_a_ground_truth() -> None:
    found = implied_ratio(Quantity(49.03, "", "p"), Quantity(0.0, "", "p", printed="0"))
    assert isinstance(found, Refused)


def test_distance_from_the_ground_truth_is_always_defined_for_finite_numbers() -> None:
    assert distance_from_reference(-3.48, 0.88) == pytest.approx(4.36)
    assert distance_from_reference(0.0, 0.0) == 0.0
    assert distance_from_reference(1.0, None) is None
    assert distance_from_reference(math.inf, 1.0) is None
    assert distance_from_reference(1.0, math.nan) is None


@pytest.mark.parametrize(
    ("score", "scale"),
    [
        (Score("nearer-reference", "pixels per frame", (0.0, math.inf)), "ratio"),
        (Score("nearer-reference", "frames", (-15.0, 15.0)), "signed"),
        (Score("higher", "dB", (0.0, math.inf)), "logarithmic"),
        (Score("lower"), "signed"),
        (Score("higher", "", (1.0, 5.0)), "unknown"),
    ],
)
def test_scale_of_a_score(score: Score, scale: Scale) -> None:
    assert scale_of(score) == scale
