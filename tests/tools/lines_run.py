"""Which test runs which lines of thbench and its plugins: `python -m pytest -n 0 -p lines_run --lines-run FILE`.

FILE gets a line of JSON per test: {"test", "seconds", "passed", "lines": {file -> [line, ...]}}. What a shared fixture runs counts
for every test that uses it.
Lines of child processes are not seen.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

Lines = dict[str, set[int]]


class Recorder:
    """Collects lines; `frames` of files outside the folders of the checkout are not followed."""

    def __init__(self, root: Path) -> None:
        self.folders = (f"{root / 'thbench'}/", f"{root / 'plugins'}/")
        self.root = root
        self.now: Lines = defaultdict(set)
        self.left: dict[CodeType, set[int]] = {}
        self.shared: dict[int, Lines] = {}
        self.passed = True

    def call(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(self.folders):
            return None
        if code not in self.left:
            lines = {line for _, _, line in code.co_lines() if line is not None}
            self.left[code] = lines - {code.co_firstlineno} or lines
        return self.line if self.left[code] else None

    def line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self.now[frame.f_code.co_filename].add(frame.f_lineno)
            self.left.setdefault(frame.f_code, set()).discard(frame.f_lineno)
        return self.line

    def fresh(self) -> Lines:
        """Begin anew; returns what was collected so far."""
        before, self.now = self.now, defaultdict(set)
        self.left.clear()
        return before

    def add(self, lines: Lines) -> None:
        for file, numbers in lines.items():
            self.now[file] |= numbers

    def plain(self) -> dict[str, list[int]]:
        return {
            str(Path(file).relative_to(self.root)): sorted(numbers)
            for file, numbers in self.now.items()
        }


recorder: Recorder | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lines-run", type=Path, required=True, metavar="FILE")


def pytest_configure(config: pytest.Config) -> None:
    global recorder
    recorder = Recorder(config.rootpath)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Generator[None, object, object]:
    if fixturedef.scope == "function":
        return (yield)
    before = recorder.fresh()
    try:
        return (yield)
    finally:
        recorder.shared[id(fixturedef)] = recorder.fresh()
        recorder.add(before)
        recorder.add(recorder.shared[id(fixturedef)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    recorder.fresh()
    recorder.passed = True
    start = time.process_time()
    threading.settrace(recorder.call)
    sys.settrace(recorder.call)
    try:
        return (yield)
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        fixtures = getattr(item, "_fixtureinfo", None)
        for definitions in fixtures.name2fixturedefs.values() if fixtures else ():
            for definition in definitions:
                recorder.add(recorder.shared.get(id(definition), {}))
        seconds = round(time.process_time() - start, 3)
        entry = {"test": item.nodeid, "seconds": seconds, "passed": recorder.passed}
        with item.config.getoption("--lines-run").open("a", encoding="utf-8") as out:
            out.write(json.dumps({**entry, "lines": recorder.plain()}) + "\n")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed or report.skipped:
        recorder.passed = False
