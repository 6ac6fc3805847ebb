"""Files that answer no clip: exactly those that `find_video` never gives."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from thbench_external.find import find_video
from thbench_external.unused import unused_files


@pytest.mark.parametrize(
    ("file", "clip", "pattern"),
    [
        ("a.mp4", "a", "{clip}"),
        ("a.MKV", "a", "{clip}"),
        ("anna/hello.mp4", "anna__hello", "{clip}"),
        ("what?.webm", "what%3F", "{clip}"),
        (normalize("NFD", "zoé.mp4"), normalize("NFC", "zoé"), "{clip}"),
        ("a_out.mp4", "a", "{clip}_out"),
        ("a_out.mp4", "a", "{clip}_out.mp4"),
        ("a/result.v2.mp4", "a", "{clip}/result.v2"),
    ],
)
def test_what_is_found_is_used(tmp_path: Path, file: str, clip: str, pattern: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert find_video(tmp_path, pattern, clip) == path.resolve()
    assert unused_files(tmp_path, pattern, [clip, "other"]) == []
    (line,) = unused_files(tmp_path, pattern, ["other"])
    assert f"1 video(s) belong to no clip: {file}" in line


def test_the_pattern_of_most_files_is_shown_with_the_longest_id(tmp_path: Path) -> None:
    for name in ("a_1_out", "a_11_out", "odd_a_1"):
        (tmp_path / f"{name}.mp4").touch()
    (line,) = unused_files(tmp_path, "{clip}", ["a_1", "a_11"])
    assert "3 video(s)" in line
    assert "--set systems.NAME.pattern='{clip}_out' finds" in line


def test_no_pattern_is_shown_where_names_hold_no_clip(tmp_path: Path) -> None:
    (tmp_path / "zzz.mp4").touch()
    (line,) = unused_files(tmp_path, "{clip}", ["a_1"])
    assert line.endswith("zzz.mp4")


def test_hidden_files_and_absent_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    assert unused_files(tmp_path, "{clip}", ["a"]) == []
    assert unused_files(tmp_path / "absent", "{clip}", ["a"]) == []
