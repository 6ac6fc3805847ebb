"""A finished run on the toys and a leaderboard made of it, for tests of the leaderboard."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runs import EVERY_CONTROL, start
from shared import once, session_folder
from thbench.engines.local import LocalEngine
from thbench.environment import Settings
from thbench.errors import UserError
from thbench.leaderboard.add import add
from thbench.leaderboard.ground import Places
from thbench.leaderboard.store import read_row, row_files
from thbench.leaderboard.verify import Finding, Wanted, verify
from thbench.results.document import SubmissionRecord
from thbench.results.row import clips_file

TEXT = EVERY_CONTROL.replace("{name: toy}", "{name: toy, n_actors: 8}").replace(
    "  echo: {generator: toy-echo, resolution: 32}",
    "  echo: {generator: toy-echo, resolution: 32}\n"
    "  loud: {generator: toy-echo, resolution: 32, gain: 3}\n"
    "  twin: {generator: toy-echo, resolution: 32, gain: 1.01}",
)


def finished_run(folder: Path, text: str = TEXT) -> Path:
    """The run folder of a suite that lies as `toys.yaml` beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(folder / "cache"))
        start(folder, text).both()
    suites = folder / "suites"
    suites.mkdir()
    shutil.copy(folder / "suite.yaml", suites / "toys.yaml")
    return folder / "run"


def shared_run(factory: pytest.TempPathFactory, text: str = TEXT) -> Path:
    """A copy of a finished run that is made once a session: `finished_run` in a folder that nobody else has."""
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    made = once(session_folder(factory) / f"run-{name}", lambda folder: finished_run(folder, text))
    return shutil.copytree(made, factory.mktemp("toys") / "own") / "run"


@dataclass
class Board:
    """A leaderboard folder of its own that a test may spoil."""

    root: Path
    suites: Path

    def path(self, name: str = "echo", revision: str = "1") -> Path:
        return self.root / "results" / "toys" / name / f"{revision}.json"

    def verify(
        self,
        name: str = "echo",
        recordings: Path | None = None,
        manifest: Path | None = None,
        **wanted: Any,
    ) -> Finding:
        rows = []
        for path in row_files(self.root):
            try:
                rows.append(read_row(self.root, path))
            except UserError:
                continue
        found = Wanted(Places(self.suites, recordings, manifest), **wanted)
        return verify(self.path(name), self.root, rows, found, Settings(), LocalEngine(1))

    def change(self, change: Callable[[dict[str, Any]], object], name: str = "echo") -> None:
        """Tamper with a result document."""
        file = self.path(name)
        data = json.loads(file.read_text())
        change(data)
        file.write_text(json.dumps(data))

    def change_table(self, change: Callable[[str], str], fix: bool = False) -> None:
        """Tamper with the clips table of `echo`; `fix` also puts its new digest into the document."""
        table = clips_file(self.path())
        table.write_text(change(table.read_text()))
        if fix:
            sha = hashlib.sha256(table.read_bytes()).hexdigest()
            self.change(lambda d: d["clips"].update(table_sha256=sha))


def board_of(run: Path, folder: Path, features: bool = False) -> Board:
    """The run's rows with all its controls; `features` with their archives."""
    root = folder / "leaderboard"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(run.parent / "cache"))
        add(run, root, "1", SubmissionRecord(submitter="a person"), pin=True, features=features)
    return Board(root, run.parent / "suites")
