"""CPU seconds of every test, child processes included: `python -m pytest -n 0 -p cpu_times --cpu-times 50`.

Wall times (`--durations`) say little on a busy machine. What a fixture costs falls on the test that asks for it first.
`--cpu-times-file FILE` writes a line of CSV after every test: seconds, node id.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

spent: dict[str, float] = {}


def cpu() -> float:
    """Seconds of this process and of its children that have ended and been waited for."""
    return sum(os.times()[:4])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cpu-times", type=int, default=50, metavar="N")
    parser.addoption("--cpu-times-file", type=Path, metavar="FILE")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    before = cpu()
    result = yield
    spent[item.nodeid] = cpu() - before
    file: Path | None = item.config.getoption("--cpu-times-file")
    if file is not None:
        with file.open("a", encoding="utf-8") as out:
            out.write(f"{spent[item.nodeid]:.2f},{item.nodeid}\n")
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section(f"CPU seconds, {sum(spent.values()):.0f} in all")
    rows = sorted(spent.items(), key=lambda row: -row[1])
    for name, seconds in rows[: terminalreporter.config.getoption("--cpu-times")]:
        terminalreporter.write_line(f"{seconds:8.2f} {name}")
