"""Every line of the table of cheats in docs/security.md names a test that is there."""

from __future__ import annotations

import re

import pytest

from paths import ROOT

TABLE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition("## Cheats")[2]
LINES = re.findall(r"^\| (?!cheat|---)(.+) \|$", TABLE.partition("\n## ")[0], re.MULTILINE)
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.partition(" |")[0][:60])
def test_a_cheat_has_its_tests(line: str) -> None:
    named = re.findall(r"`(test_\w+)`", line.rpartition("|")[2])
    assert named and set(named) <= TESTS, line


def test_the_table_was_found() -> None:
    assert len(LINES) >= 20
