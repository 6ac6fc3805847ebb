"""What metrics say of their values stands once, with the systems it is said of."""

from __future__ import annotations

from thbench.tables.notes import notes_of


def test_equal_notes_share_a_line_in_the_order_of_columns() -> None:
    rows = [
        ("a", {"ofm": {"notes": ["mostly sky", "dark"]}, "fid": {"notes": []}}),
        ("b", {"fid": {"notes": ["few frames"]}, "ofm": {"notes": ["dark"]}}),
        ("c", {"ofm": {}, "fid": {"notes": None}}),
    ]
    assert list(notes_of(rows)) == [
        "ofm: mostly sky (a)", "ofm: dark (a, b)", "fid: few frames (b)",
    ]  # fmt: skip
