"""framing.csv: which square of every video was scored, and how it lies."""

from __future__ import annotations

import csv

from thbench.score.framing import COLUMNS, framing_table, misframed, placements

PLACED = {
    "placement": {"how": "own face", "why": "two faces", "square": [10, 20, 300], "picture": [640, 480]},
    "registration": {
        "first": {"right": 0.01, "down": -0.02, "scale": 1.5, "stretch": 1.0, "turn": 2.0, "matches": 30},
        "faces": {
            "first": {"unknown": "no face found"},
            "middle": {"right": 0.25, "down": -0.5, "scale": 1.125},
        },
        "beyond": ["larger", "turned"],
    },
}  # fmt: skip
RECORDS = {"a": PLACED, "b": {"registration": {}}, "c": {"failure": "refused"}, "d": {}}


def test_the_table_has_a_line_per_registered_video() -> None:
    text = framing_table(RECORDS)
    assert text is not None
    head, *lines = csv.reader(text.splitlines())
    assert tuple(head) == COLUMNS
    assert lines == [
        [
            "a", "own face", "two faces", "10", "20", "300", "640", "480",
            "0.01", "-0.02", "1.5", "1.0", "2.0", "30",
            "first: no face found; middle: right 0.25, down -0.5, scale 1.125", "larger; turned",
        ],
        ["b", *[""] * (len(COLUMNS) - 1)],
    ]  # fmt: skip


def test_no_registered_video_no_table() -> None:
    assert framing_table({"c": {"failure": "refused"}, "d": {}}) is None


def test_what_lies_beyond_the_tolerances() -> None:
    assert misframed(RECORDS) == [("a", "larger; turned")]
    assert placements(RECORDS.values()) == ["own face"]
