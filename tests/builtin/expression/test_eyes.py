"""Eye aspect ratio and blinks: the published formula, hand-made curves, and the truth of puppets."""

from __future__ import annotations

import numpy as np
import pytest

from thbench_expression.eyes import Blink, BlinkRule, blinks, eye_aspect_ratio, relative_openness
from thbench_expression.layout import IBUG
from thbench_puppet.names import all_clips
from thbench_puppet.scene import scene, truth


def test_the_published_formula() -> None:
    """Soukupova and Cech 2016, eq. 1, on an eye 30 wide and 8 and 10 tall."""
    eye = np.array([[0, 0], [10, -4], [20, -5], [30, 0], [20, 5], [10, 4]], float)
    assert eye_aspect_ratio(eye) == pytest.approx((8 + 10) / (2 * 30))
    c, s = np.cos(0.4), np.sin(0.4)
    assert eye_aspect_ratio(3 * eye @ np.array([[c, -s], [s, c]]) + 7) == pytest.approx(0.3)


def curve(text: str) -> np.ndarray:
    """`-` open (1.0), `_` closed (0.5), `=` between (0.75), `?` unknown."""
    return np.array([{"-": 1.0, "_": 0.5, "=": 0.75, "?": np.nan}[c] for c in text])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("----", []),
        ("--__--", [Blink(2, 2)]),
        ("--_---", []),  # one frame
        ("--_=--", [Blink(2, 2)]),  # between 0.7 and 0.8 it goes on
        ("--==--", []),  # and does not begin
        ("--_-_--", [Blink(2, 3)]),  # one open frame between
        ("--__--__--", [Blink(2, 2), Blink(6, 2)]),
        ("__----", []),  # had begun before the clip
        ("----__", []),  # had not ended
        ("--_?--", []),
        ("-?__--", []),
        ("--__?-", []),
        ("-" + "_" * 15 + "-", [Blink(1, 15)]),
        ("-" + "_" * 16 + "-", []),  # shut
    ],
)
def test_blinks_of_curves(text: str, expected: list[Blink]) -> None:
    assert blinks(curve(text)) == expected


def test_relative_to_the_median_and_blind_to_the_unknown() -> None:
    ratio = np.array([0.3, 0.3, 0.15, 0.14, 0.3, np.nan, 0.3, 0.31])
    for scale in (1.0, 1.4):
        openness = relative_openness(scale * ratio)
        assert openness[0] == 1.0 and np.isnan(openness[5])
        assert blinks(openness) == [Blink(2, 2)]
    assert blinks(openness, BlinkRule(shortest=3)) == []


def test_on_exact_landmarks_every_true_blink_is_found_and_no_other() -> None:
    """The dataset's blink curve says when eyes close; its landmarks alone say the same."""
    found = true = 0
    for clip in all_clips()[::120]:
        annotations = truth(scene(clip.id), 128)
        points = annotations["landmarks"].astype(float)
        ratio = np.mean(
            [eye_aspect_ratio(points[:, list(e)]) for e in (IBUG.right, IBUG.left)], axis=0
        )
        ours = blinks(relative_openness(ratio))
        closed = annotations["blink"] > 0.5
        theirs = np.flatnonzero(np.diff(closed.astype(int)) == 1) + 1
        cut = {0, 1, len(closed) - 1, len(closed) - 2}
        theirs = [t for t in theirs if t not in cut and not closed[-1:].any()]
        found += len(ours)
        true += len(theirs)
        for start in theirs:
            assert any(b.start - 1 <= start < b.start + b.frames + 1 for b in ours), (
                clip.id,
                start,
            )
    assert true > 40
    assert found <= true + 2
