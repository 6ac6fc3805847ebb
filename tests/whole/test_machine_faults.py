"""A fault of the machine ends the command and is never stored as what came of a clip or a system."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from boards import shared_run
from runs import EVERY_CONTROL, SUITE, start, videos, written
from thbench.api import ClipFailure
from thbench.errors import UserError, machine_fault


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


def wrapped() -> ClipFailure:
    """What a plugin raises that takes a full disk for a bad clip."""
    try:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        try:
            raise ClipFailure("could not unpack") from None
        except ClipFailure as failure:
            return failure


FAULTS: dict[str, Callable[[], BaseException]] = {
    "full disk": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "no permission": lambda: PermissionError(errno.EACCES, os.strerror(errno.EACCES), "data"),
    "too many files": lambda: OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "memory": MemoryError,
    "memory of a device": lambda: OutOfMemoryError("tried to allocate 2 GiB"),
    "full disk behind a failure": wrapped,
}
PLACES = {
    "dataset": ("ToyDataset", "load"),
    "generator": ("Echo", "generate"),
    "observe": ("Brightness", "observe"),
    "reduce": ("Brightness", "reduce"),
}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run without any fault writes."""
    return written(shared_run(tmp_path_factory, SUITE))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES)
def test_a_fault_of_the_machine_ends_the_run_and_leaves_no_trace(
    tmp_path: Path,
    calm: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    fault: str,
) -> None:
    run = start(tmp_path / "tried")
    owner_name, name = PLACES[place]
    owner = getattr(import_module("thbench_toys"), owner_name)
    original, calls = getattr(owner, name), 0

    def failing(self: Any, *given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= 2 or place == "reduce":
            raise FAULTS[fault]()
        return original(self, *given)

    with monkeypatch.context() as patch, pytest.raises(UserError) as caught:
        patch.setattr(owner, name, failing)
        run.both()
    assert "run the same command again" in caught.value.remedy
    for journal in (tmp_path / "tried").rglob("journal.jsonl"):
        assert all("failure" not in json.loads(line) for line in journal.open())
    run = start(tmp_path / "tried")
    run.both()
    assert written(tmp_path / "tried/run") == calm


def test_which_exceptions_speak_of_the_machine() -> None:
    import av

    assert machine_fault(OSError("any")) is not None
    assert machine_fault(MemoryError()) is not None
    assert machine_fault(ValueError("bad data")) is None
    assert machine_fault(av.InvalidDataError(1, "bad data")) is None
    assert machine_fault(av.error.FFmpegError(errno.ENOSPC, "full")) is None  # no OSError: unknown
    missing = ClipFailure("no such file")
    missing.__cause__ = FileNotFoundError(errno.ENOENT, "absent")
    assert machine_fault(missing) is None
    assert machine_fault(wrapped()) is not None


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """`disk("size=500k")`: a small disk; called again it changes. Needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def change(options: str) -> Path:
        words = ["mount", "-t", "tmpfs", "none", str(folder), "-o"]
        if folder.is_mount():
            subprocess.run([*words, f"remount,{options}"], check=True)
        elif subprocess.run([*words, options], capture_output=True, check=False).returncode:
            pytest.skip("this user may not mount a file system")
        return folder

    yield change
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


def command(suite: Path, run: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "thbench", "run", str(suite), "--out", str(run), "--batch", "2"]
    return subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, **changed}
    )


MOMENTS = range(1, 31)
"""Thirty moments at which a disk fills up, of a run that needs about 120 to 700 kB."""
STEP = {"cache": 4, "run": 20, "temporary": 4}
"""kB of disk from one moment to the next."""


@pytest.mark.parametrize("place", STEP)
@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(MOMENTS[4::12], id="some", marks=pytest.mark.slow),
        pytest.param(MOMENTS, id="all", marks=pytest.mark.long),
    ],
)
def test_a_small_disk_at_many_moments(
    tmp_path: Path, disk: Callable[[str], Path], place: str, moments: range
) -> None:
    """Every end is either a whole run or one line and 2; a rerun with room ends as if nothing had been."""
    suite = tmp_path / "suite.yaml"
    suite.write_text(EVERY_CONTROL)
    calm = tmp_path / "calm"
    assert command(suite, calm, THBENCH_CACHE=str(tmp_path / "c0")).returncode == 0
    expected = {**written(calm), **videos(calm)}
    ended = []
    for size in [STEP[place] * n for n in moments]:
        for old in disk("size=20m").iterdir():  # it cannot become smaller than what it holds
            subprocess.run(["rm", "-rf", str(old)], check=True)
        small = disk(f"size={size}k")
        run = (small if place == "run" else tmp_path) / f"run{size}"
        changed = {"THBENCH_CACHE": str(tmp_path / f"cache{size}")}
        if place == "cache":
            changed["THBENCH_CACHE"] = str(small / "cache")
        if place == "temporary":
            changed["TMPDIR"] = str(small)
        done = command(suite, run, **changed)
        if done.returncode:
            assert done.returncode == 2, done.stderr
            *progress, error = done.stderr.splitlines()
            assert all(re.search(r": \d+/\d+ clips, ", line) for line in progress), done.stderr
            assert error.startswith("thbench: ")
            disk("size=20m")
            again = command(suite, run, **changed)
            assert again.returncode == 0, again.stderr
        ended.append(done.returncode)
        assert {**written(run), **videos(run)} == expected
        subprocess.run(["rm", "-rf", str(run)], check=True)
    print(place, "ended with 2:", ended.count(2), "with 0:", ended.count(0))
    assert place == "temporary" or ended.count(2) >= len(moments) // 6 + 1
