"""Scores as a result records them: what is said of an interval is kept."""

from __future__ import annotations

from thbench.results.scores import LEVEL, MOST_VISITS, SAME, SEED, no_interval, with_note


def test_a_further_note_stands_behind_the_first() -> None:
    record = no_interval(1, "one actor")
    assert with_note(record, "a video was trimmed") == no_interval(
        1, "one actor; a video was trimmed"
    )
    assert with_note(record, "") == record
    assert with_note(no_interval(3, ""), "trimmed") == no_interval(3, "trimmed")
    assert with_note(None, "trimmed") is None


def test_what_every_recorded_interval_was_made_with() -> None:
    """Another level, seed or limit gives other intervals: rows of a leaderboard would no longer follow."""
    assert (LEVEL, SEED, MOST_VISITS, SAME) == (0.95, 0, 100_000, 1e-9)
