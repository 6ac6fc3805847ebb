"""Scores as a result records them: what is said of an interval is kept."""

from __future__ import annotations

from thbench.results.scores import no_interval, with_note


def test_a_further_note_stands_behind_the_first() -> None:
    record = no_interval(1, "one actor")
    assert with_note(record, "a video was trimmed") == no_interval(
        1, "one actor; a video was trimmed"
    )
    assert with_note(record, "") == record
    assert with_note(no_interval(3, ""), "trimmed") == no_interval(3, "trimmed")
    assert with_note(None, "trimmed") is None
