"""What was found in modules' code is read by the next process, and never from a damaged file."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thbench.plugins import parsed, sources
from thbench.plugins.parsed import Parsed

FOUND = ("digest", ["a", "b"])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path))
    _forget()
    return tmp_path


def _forget() -> None:
    sources.forget()
    sources._found.cache_clear()
    parsed._parsed.cache_clear()


def test_the_next_process_parses_nothing_and_finds_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times: list[str] = []
    parse: Callable[..., Any] = ast.parse

    def counted(*given: Any, **named: Any) -> Any:
        times.append("parsed")
        return parse(*given, **named)

    monkeypatch.setattr(ast, "parse", counted)
    first = sources.plugin_digest("thbench_motion")
    assert len(times) > 3
    times.clear()
    _forget()
    assert sources.plugin_digest("thbench_motion") == first and not times


def test_two_writers_keep_both_and_a_damaged_file_counts_as_absent(cache: Path) -> None:
    file = cache / "code.json"
    one, other = Parsed(file), Parsed(file)
    one.add("1", FOUND)
    other.add("2", FOUND)
    one.keep()
    other.keep()
    again = Parsed(file)
    assert [again.get(k) for k in "12"] == [["digest", ["a", "b"]]] * 2 and again.get("3") is None
    file.write_text(file.read_text().replace("digest", "digesT"))
    assert Parsed(file).get("1") is None
    file.write_bytes(b"\xff")
    assert Parsed(file).get("1") is None


def test_it_does_not_grow_without_end(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed, "MOST", 2)
    file = cache / "code.json"
    old = Parsed(file)
    for key in "12":
        old.add(key, FOUND)
    old.keep()
    new = Parsed(file)
    new.get("2")
    new.add("3", FOUND)
    new.keep()
    assert [Parsed(file).get(k) is not None for k in "123"] == [False, True, True]


def test_a_cache_that_cannot_be_written_costs_time_only(cache: Path) -> None:
    (cache / "code").write_text("a file where the folder would be")
    assert len(sources.plugin_digest("thbench_motion")) == 64
