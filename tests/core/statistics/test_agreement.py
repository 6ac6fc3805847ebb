"""Krippendorff's alpha against the package krippendorff, and what it must be in plain cases."""

from __future__ import annotations

import numpy as np
import pytest

from make_study_values import ratings
from thbench.statistics.agreement import Level, krippendorff_alpha


@pytest.mark.parametrize(
    ("level", "values", "value"),
    [  # krippendorff 0.9.0, by `python tests/tools/make_study_values.py`
        ("nominal", 3, 0.2119724805730665),
        ("ordinal", 5, 0.7733672577718628),
        ("interval", 5, 0.7690305749410339),
    ],
)
def test_as_the_package_has_it(level: Level, values: int, value: float) -> None:
    assert krippendorff_alpha(ratings(3, values), level) == pytest.approx(value, rel=1e-9)


def test_plain_cases() -> None:
    same = np.tile(np.arange(1.0, 6), (4, 1))
    assert krippendorff_alpha(same, "ordinal") == pytest.approx(1.0)
    opposed = np.array([[1.0, 2, 1, 2], [2, 1, 2, 1]])
    found = krippendorff_alpha(opposed, "nominal")
    assert found is not None and found < -0.5
    chance = np.random.default_rng(0).integers(1, 4, (20, 400)).astype(float)
    found = krippendorff_alpha(chance, "nominal")
    assert found is not None and abs(found) < 0.02


def test_nothing_to_say() -> None:
    assert krippendorff_alpha(np.ones((3, 4)), "nominal") is None
    lonely = np.array([[1.0, np.nan], [np.nan, 2.0]])
    assert krippendorff_alpha(lonely, "nominal") is None
