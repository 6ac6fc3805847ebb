"""`thbench weights fetch` of several names: what is free first, all licences in one question."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirror import CONTENT, SHA, Mirror, serving
from thbench.api import WeightsFile
from thbench.plugins.discovery import Owner, registry

KINDS = {"free": True, "free2": True, "closed": False, "closed2": False, "gone": True}


@pytest.fixture(autouse=True)
def items(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path / "weights"))
    owner = Owner("toys", "1", "toys", "toys")
    with serving() as address:
        for name, commercial in KINDS.items():
            url = f"{address}/{'absent' if name == 'gone' else 'good'}"
            licence = f"licence of {name}"
            item = WeightsFile(
                name, f"{name}.bin", (url,), SHA, len(CONTENT), licence, commercial=commercial
            )
            monkeypatch.setitem(registry().weights_owners, name, [(item, owner)])
        yield tmp_path / "weights"


def here(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob("*.bin"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_free_is_fetched_before_a_licence_stops(thbench, items: Path) -> None:
    done = thbench("weights", "fetch", "closed", "free", "closed2", "free2")
    assert done.code == 2
    assert here(items) == ["free", "free2"]
    for name in ("closed", "closed2"):
        assert f"{name}: restricted licence: licence of {name}" in done.err
    assert "thbench weights fetch closed closed2 --accept-licence" in done.err


@pytest.mark.parametrize(("answer", "code", "found"), [("y", 0, 3), ("n", 2, 1)])
def test_one_question_for_all_licences(
    thbench, items: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, found: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    done = thbench("weights", "fetch", "closed", "free", "closed2")
    assert done.code == code
    assert len(here(items)) == found
    assert done.err.count("Do you accept these 2 licences") == 1


def test_no_question_where_the_licences_were_accepted_or_the_files_are_here(
    thbench, items: Path
) -> None:
    assert thbench("weights", "fetch", "closed", "free", "--accept-licence").code == 0
    done = thbench("weights", "fetch", "closed", "free2")
    assert done.code == 0
    assert here(items) == ["closed", "free", "free2"]


def test_one_that_fails_keeps_no_other_from_being_fetched(thbench, items: Path) -> None:
    done = thbench("weights", "fetch", "gone", "free", "closed")
    assert done.code == 2
    assert here(items) == ["free"]
    assert "could not fetch weights gone" in done.err
    assert "weights closed are under restricted licences" in done.err


def test_an_unknown_name_is_found_before_anything_is_fetched(thbench, items: Path) -> None:
    done = thbench("weights", "fetch", "free", "clsed")
    assert done.code == 2
    assert "did you mean closed?" in done.err
    assert Mirror.asked == []
    assert here(items) == []
