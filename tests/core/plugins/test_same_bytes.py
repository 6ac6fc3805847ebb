"""Faster ways are compared once per machine, build and code, and those that differ are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from thbench.plugins import same_bytes as module
from thbench.plugins.same_bytes import processor, same_bytes, unequal


def ask(
    answer: bool, asked: list[str], way: str = "fused", code: str = "a", torch: str = "1"
) -> bool:
    def check() -> bool:
        asked.append(way)
        return answer

    return same_bytes("fid", way, code, {"libraries": {"torch": torch}}, check)


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "_known", {})


def test_it_is_asked_once_and_other_processes_read_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    assert ask(True, asked) and ask(False, asked)
    monkeypatch.setattr(module, "_known", {})  # as another process
    assert ask(False, asked)
    assert asked == ["fused"]


def test_a_cache_that_has_moved_keeps_its_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "here"))
    asked: list[str] = []
    assert ask(True, asked)
    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "there"))
    monkeypatch.setattr(module, "_known", {})
    assert ask(False, asked) and len(asked) == 1


def test_another_cache_in_the_same_process_is_asked_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    assert ask(True, asked)
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "other"))
    assert not ask(False, asked) and len(asked) == 2


def test_other_code_versions_processors_and_ways_are_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    ask(True, asked)
    assert not ask(False, asked, code="b")
    assert not ask(False, asked, torch="2")
    assert not ask(False, asked, way="short")
    monkeypatch.setattr(module, "processor", lambda: "another")
    assert not ask(False, asked)
    assert len(asked) == 5


def test_who_asks_while_another_process_is_at_it_is_told_no_and_asks_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two workers that begin together would both compute a batch twice."""
    asked: list[str] = []
    inner: list[bool] = []

    def check() -> bool:
        inner.append(ask(True, asked))  # as the other process would, the lock being held
        return True

    assert same_bytes("fid", "fused", "a", {"libraries": {"torch": "1"}}, check)
    assert inner == [False] and asked == []
    assert ask(False, asked) and asked == []


def test_where_there_is_nothing_to_compare_by_the_next_call_asks_again(tmp_path: Path) -> None:
    assert not same_bytes("fid", "fused", "a", {"libraries": {"torch": "1"}}, lambda: None)
    assert not list((tmp_path / "same_bytes").glob("*.json")) and list(unequal()) == []
    asked: list[str] = []
    assert ask(True, asked) and asked == ["fused"]


def test_what_differs_is_listed_with_the_processor(tmp_path: Path) -> None:
    ask(True, [])
    assert list(unequal()) == []
    ask(False, [], way="short")
    assert list(unequal()) == [f"fid: short gives other bytes on {processor()}"]


def test_a_damaged_answer_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask(True, asked)
    (file,) = (tmp_path / "same_bytes").glob("*.json")
    file.write_text("{")
    monkeypatch.setattr(module, "_known", {})
    assert ask(True, asked) and len(asked) == 2
