"""Every measure of faces on puppets, whose truth is known: the mesh and `@puppet-v1` say what the exact points say.

`python tests/tools/puppet_truth.py` prints the whole table of docs/expression.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exact_truth import CHANGES, SCORES, Values, measured

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
READ = ("mesh", "puppet-v1")
CLAIMS = [
    ("head_pose", "pose_std_yaw", "head", "-"),
    ("head_pose", "pose_std_roll", "head", "-"),
    ("head_pose", "pose_distance", "head", "+"),
    ("blinks", "blink_rate", "blinks", "-"),
    ("expression_frechet", "expression_mouth", "mouth", "+"),
    ("expression_frechet", "expression_brow_eye", "blinks", "+"),
    ("theval_lip_dynamics", "theval_lip_dynamics", "mouth", "-"),
    ("theval_eyebrow", "theval_eyebrow", "blinks", "-"),
    ("lmd", "m_lmd", "mouth", "+"),
    ("lmd", "m_lmd", "identity", "+"),
    ("lmd", "f_lmd", "identity", "+"),
    ("lvd", "m_lvd", "mouth", "+"),
    ("landmark_motion", "landmark_motion", "head", "-"),
    ("landmark_motion", "landmark_motion", "mouth", "-"),
    ("lip_audio_lag", "lip_audio_correlation", "mouth", "-"),
]
"""Metric, score, change of what is drawn, and which way the exact points go."""
Table = dict[str, dict[str, Values]]


@pytest.fixture(scope="module")
def table(
    assets: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Table]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        assets("weights/yunet_n_640_640.onnx")
        patch.setenv("THBENCH_WEIGHTS", str(assets("weights/face_landmark.tflite").parent))
        yield measured(128)


def value(table: Table, change: str, reading: str, metric: str, score: str = "") -> float:
    of = table[change][reading][metric]
    assert not isinstance(of, str), (change, reading, metric, of)
    return of[score or metric]


def test_every_score_has_a_value_from_the_truth_and_from_both_networks(table: Table) -> None:
    for change in CHANGES:
        for reading in ("exact", *READ):
            for metric, scores in SCORES.items():
                of = table[change][reading][metric]
                if (change, metric) == ("blinks", "blink_duration"):
                    assert of == "no blink in 4 clips"
                    continue
                assert not isinstance(of, str) and set(scores) <= of.keys(), (metric, of)


@pytest.mark.parametrize(("metric", "score", "change", "sign"), CLAIMS)
def test_a_change_moves_them_as_it_moves_the_exact_points(
    table: Table, metric: str, score: str, change: str, sign: str
) -> None:
    for reading in ("exact", *READ):
        before = value(table, "as drawn", reading, metric, score)
        after = value(table, change, reading, metric, score)
        assert after > 1.05 * before if sign == "+" else after < 0.95 * before, reading


def test_blinks_are_the_ones_that_were_drawn(table: Table) -> None:
    """One second here or there is one blink: four clips have four."""
    true = value(table, "as drawn", "exact", "blinks", "blink_rate")
    for reading in READ:
        assert value(table, "as drawn", reading, "blinks", "blink_rate") == pytest.approx(
            true, rel=0.3
        )
        assert value(table, "blinks", reading, "blinks", "blink_rate") == 0


def test_the_mouth_is_the_one_that_was_drawn(table: Table) -> None:
    """Distances of lips within a third of the exact ones, of a still mouth and of a late one."""
    for change in ("mouth", "mouth_delay"):
        for metric, score in (("lmd", "m_lmd"), ("lmd", "f_lmd"), ("lvd", "m_lvd")):
            true = value(table, change, "exact", metric, score)
            for reading in READ:
                found = value(table, change, reading, metric, score)
                assert found == pytest.approx(true, rel=0.34), (change, reading, score)
    still = value(table, "mouth", "exact", "expression_frechet", "expression_mouth")
    for reading in READ:
        found = value(table, "mouth", reading, "expression_frechet", "expression_mouth")
        assert found == pytest.approx(still, rel=0.5)


def test_heads_turn_as_they_were_drawn(table: Table) -> None:
    """Drawn faces are flat: the mesh sees two thirds of a yaw and no pitch; roll it sees whole."""

    def std(reading: str, angle: str) -> float:
        return value(table, "as drawn", reading, "head_pose", f"pose_std_{angle}")

    for reading in READ:
        assert std(reading, "roll") == pytest.approx(std("exact", "roll"), rel=0.25)
    assert std("puppet-v1", "yaw") == pytest.approx(std("exact", "yaw"), rel=0.3)
    assert std("puppet-v1", "pitch") == pytest.approx(std("exact", "pitch"), rel=0.3)
    assert 0.4 < std("mesh", "yaw") / std("exact", "yaw") < 0.75


def test_motion_is_the_exact_one(table: Table) -> None:
    true = value(table, "as drawn", "exact", "landmark_motion")
    for reading in READ:
        assert value(table, "as drawn", reading, "landmark_motion") == pytest.approx(true, rel=0.2)


def test_lags_are_exact(table: Table) -> None:
    """A mouth that is drawn three frames late: the sound leads by three."""
    for reading in ("exact", *READ):
        for change in CHANGES.keys() - {"mouth", "mouth_delay"}:
            assert value(table, change, reading, "lip_audio_lag", "lip_audio_lag_median") == 0
        late = value(table, "mouth_delay", reading, "lip_audio_lag", "lip_audio_lag_median")
        assert late == 3


def test_what_trembling_adds_to_a_silent_mouth(table: Table) -> None:
    """A drawn mouth hardly moves in a pause: both networks see their own trembling there, three times as much."""
    true = value(table, "as drawn", "exact", "silent_mouth")
    for reading in READ:
        found = value(table, "as drawn", reading, "silent_mouth")
        assert 1 < found / true < 5
        late = value(table, "mouth_delay", reading, "silent_mouth")  # speech runs into the pause
        assert late > 1.1 * found
