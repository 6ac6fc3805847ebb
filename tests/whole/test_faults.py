"""A disk that is full or closed, two runs at once: one line, exit code 2, and nothing finished is lost.

Limits on file sizes stand for a full disk everywhere; a real one of half a megabyte is filled where
this machine lets us mount it.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runs import SUITE, start, videos, written
from thbench.files.journal import Journal


def thbench(folder: Path, out: Path, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """`thbench run` on the toys, no file larger than `limit` bytes."""
    suite = folder / "suite.yaml"
    suite.write_text(SUITE)
    words = [sys.executable, "-m", "thbench", "run", str(suite), "--out", str(out), "--batch", "2"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit or soft, hard))
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stderr
    (line,) = [x for x in done.stderr.splitlines() if not re.search(r": \d+/\d+ clips", x)]
    return line


def ages(run: Path) -> dict[Path, int]:
    """When each stored video was written."""
    return {p: p.stat().st_mtime_ns for p in run.rglob("videos/*")}


@pytest.fixture
def calm(tmp_path: Path) -> dict[str, bytes]:
    """What a run ends in that nobody disturbs."""
    done = thbench(tmp_path, tmp_path / "calm")
    assert done.returncode == 0, done.stderr
    return {**written(tmp_path / "calm"), **videos(tmp_path / "calm")}


@pytest.mark.slow
@pytest.mark.parametrize("limit", [9_500, 1_000, 5_000, 20_000, 31_450])
def test_a_file_the_disk_has_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calm: dict[str, bytes], limit: int
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cold"))
    run = tmp_path / "run"
    line = one_line(thbench(tmp_path, run, limit))
    assert "no space left" in line and "what was finished is kept" in line
    assert not list(tmp_path.rglob(".thbench-*"))
    kept = ages(run)
    assert thbench(tmp_path, run).returncode == 0
    assert {**written(run), **videos(run)} == calm
    journals = [j.read_text() for j in run.rglob("journal.jsonl")]
    finished = {p: age for p, age in kept.items() if is_recorded(p, journals)}
    assert ages(run).items() >= finished.items()


def is_recorded(video: Path, journals: list[str]) -> bool:
    return any(video.name in journal for journal in journals)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """`mount("size=500k")`: a small disk of its own; called again it changes."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def change(options: str) -> Path:
        again = "remount," if disk.is_mount() else ""
        words = ["mount", "-t", "tmpfs", "-o", again + options, "none", str(disk)]
        done = subprocess.run(words, capture_output=True, check=False)
        if done.returncode:
            pytest.skip("this user may not mount a file system")
        return disk

    yield change
    if disk.is_mount():
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("size", [300, 40, 150, 450, 700])
def test_a_disk_that_fills_up(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    calm: dict[str, bytes],
    mount: Callable[[str], Path],
    size: int,
) -> None:
    disk = mount(f"size={size}k")
    monkeypatch.setenv("THBENCH_CACHE", str(disk / "cache"))
    run = disk / "run"
    assert "no space left" in one_line(thbench(tmp_path, run))
    assert not list(disk.rglob(".thbench-*"))
    finished = {p: Journal(p).lines() for p in run.rglob("journal.jsonl")}
    mount("size=20m")
    assert thbench(tmp_path, run).returncode == 0
    assert {**written(run), **videos(run)} == calm
    for path, records in finished.items():
        assert Journal(path).lines()[: len(records)] == records


@pytest.mark.slow
def test_a_disk_that_may_only_be_read(
    tmp_path: Path, calm: dict[str, bytes], mount: Callable[[str], Path]
) -> None:
    run = mount("size=20m") / "run"
    assert thbench(tmp_path, run).returncode == 0
    before = ages(run)
    mount("ro")
    assert "cannot be written: Read-only file system" in one_line(thbench(tmp_path, run))
    assert "--out" in one_line(thbench(tmp_path, run.with_name("other")))
    mount("rw")
    assert {**written(run), **videos(run)} == calm
    assert ages(run) == before


@pytest.mark.slow
def test_a_cache_that_may_only_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mount: Callable[[str], Path]
) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(mount("size=1m,ro") / "cache"))
    assert "Read-only file system" in one_line(thbench(tmp_path, tmp_path / "run"))


@pytest.mark.slow
@pytest.mark.parametrize("where", ["a file", "below a file"])
def test_an_output_that_is_no_folder(tmp_path: Path, where: str) -> None:
    (tmp_path / "taken").write_text("mine")
    out = tmp_path / "taken" if where == "a file" else tmp_path / "taken" / "run"
    assert "--out" in one_line(thbench(tmp_path, out))
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_without_permission(tmp_path: Path) -> None:
    tmp_path.joinpath("closed").mkdir(mode=0o500)
    assert "--out" in one_line(thbench(tmp_path, tmp_path / "closed" / "run"))


@pytest.mark.slow
def test_two_runs_into_one_folder(tmp_path: Path) -> None:
    """The first waits in its first clip until the second has been refused."""
    tally, suite, run = (tmp_path / name for name in ("tally", "waiting.yaml", "run"))
    waiting = f"32, tally: {tally}, meet: 2}}"
    suite.write_text(SUITE.replace("toy-echo", "toy-tally").replace("32}", waiting))
    words = [sys.executable, "-m", "thbench", "run", str(suite), "--out"]
    first = subprocess.Popen([*words, str(run)], stderr=subprocess.PIPE, text=True)
    while not tally.exists() and first.poll() is None:
        time.sleep(0.01)
    assert "is in use" in one_line(thbench(tmp_path, run))
    with tally.open("a") as file:
        file.write("somebody else\n")
    errors = first.communicate(timeout=300)[1]
    assert first.returncode == 0, errors
    calm = tmp_path / "calm"
    subprocess.run([*words, str(calm)], check=True)
    assert {**written(run), **videos(run)} == {**written(calm), **videos(calm)}


@pytest.mark.slow
def test_a_folder_with_a_hundred_thousand_records(tmp_path: Path) -> None:
    """Records of clips that the split no longer has, and of old attempts: never scored."""
    start(tmp_path).both()
    run = tmp_path / "run"
    before = written(run)
    journal = Journal(run / "systems/echo/journal.jsonl")
    text = journal.path.read_text()
    old = text.splitlines()[0].replace("1001_AAA", "old_{}")
    stale = "".join(old.replace("{}", str(i), 1) + "\n" for i in range(100_000))
    journal.path.write_text(stale + text)
    start(tmp_path).both()
    assert written(run) == before
