"""Local processes: results, errors, and processes that die."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.util
import os
import platform
import signal
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest

from guards import some
from thbench.api import UserError
from thbench.engines import engine_for
from thbench.engines.local import LocalEngine
from thbench.environment import Settings, few_collections


def double(n: int) -> int:
    return 2 * n


def fail_at_three(n: int) -> int:
    if n == 3:
        raise UserError("three is refused", "give another")
    return n


def die_at_three(n: int) -> int:
    if n == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    return n


def die_once(marks: tuple[str, int]) -> int:
    """Dies at the first try of every odd task."""
    folder, n = marks
    mark = Path(folder) / str(n)
    if n % 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return n


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_task_is_answered_once(workers: int) -> None:
    found = list(LocalEngine(workers).map(double, range(7)))
    assert sorted(found) == [(i, 2 * i) for i in range(7)]


def test_no_task_is_no_work() -> None:
    assert list(LocalEngine(2).map(double, [])) == []


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_what_work_raises_is_raised_here(workers: int) -> None:
    with pytest.raises(UserError, match="three is refused"):
        list(LocalEngine(workers).map(fail_at_three, range(6)))


@pytest.mark.slow
def test_a_task_that_kills_its_process_twice_has_a_stand_in_and_the_rest_goes_on() -> None:
    found = dict(LocalEngine(2).map(die_at_three, range(6), lambda task, why: (task, why)))
    signal_number = int(signal.SIGSEGV)
    assert found.pop(3) == (3, f"the worker process died (signal {signal_number})")
    assert found == {i: i for i in (0, 1, 2, 4, 5)}


@pytest.mark.slow
def test_without_a_stand_in_it_ends_the_run_in_one_line() -> None:
    with pytest.raises(UserError, match=r"the worker process died \(signal \d+\), twice"):
        list(LocalEngine(2).map(die_at_three, range(6)))


@pytest.mark.slow
def test_a_process_killed_once_costs_nothing(tmp_path: Path) -> None:
    tasks = [(str(tmp_path), n) for n in range(6)]
    assert sorted(LocalEngine(2).map(die_once, tasks)) == [(n, n) for n in range(6)]
    assert len(list(tmp_path.iterdir())) == 3


def process_of(_: int) -> int:
    return os.getpid()


@pytest.mark.slow
def test_processes_stay_for_the_length_of_a_block_and_die_with_it() -> None:
    engine = LocalEngine(2)
    with engine.serve([], {}):
        first = {pid for _, pid in engine.map(process_of, range(8))}
        assert {pid for _, pid in engine.map(process_of, range(8))} <= first
        assert sorted(engine.map(double, [4])) == [(0, 8)]
        assert sorted(engine.map(fail_at_three, [1, 2])) == [(0, 1), (1, 2)]
    assert not first & {child.pid for child in multiprocessing.active_children()}


@pytest.mark.slow
def test_a_block_goes_on_after_work_that_raised_and_processes_that_died() -> None:
    engine = LocalEngine(2)
    with engine.serve([], {}):
        with pytest.raises(UserError, match="three is refused"):
            list(engine.map(fail_at_three, range(6)))
        assert sorted(engine.map(double, range(6))) == [(i, 2 * i) for i in range(6)]
        assert dict(engine.map(die_at_three, range(6), lambda *_: -1))[3] == -1
        assert sorted(engine.map(double, range(6))) == [(i, 2 * i) for i in range(6)]


@pytest.mark.slow
def test_a_single_task_that_kills_its_process_does_not_kill_this_one() -> None:
    assert list(LocalEngine(2).map(die_at_three, [3], lambda *_: -1)) == [(0, -1)]


def test_an_engine_is_found_by_name_and_a_wrong_name_has_the_nearest_right_one() -> None:
    engine = engine_for(3, Settings())
    assert isinstance(engine, LocalEngine)
    assert engine.workers == 3
    with pytest.raises(UserError) as caught:
        engine_for(1, Settings(), "locel")
    assert "did you mean 'local'?" in str(caught.value)


def test_an_address_that_an_engine_has_no_use_for_is_refused() -> None:
    with pytest.raises(UserError, match="unknown option of engine 'local' 'address'"):
        engine_for(1, Settings(), address="auto")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_process_starts_comes_when_it_has(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No half started process is left, and none complains that its start was cut short."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    resource_tracker.ensure_running()  # a process of its own, which stays
    spawn = multiprocessing.util.spawnv_passfds
    started: list[int] = []

    def spawn_and_stop(*arguments: Any) -> int:
        """The process is there and waits for what it shall run."""
        pid: int = spawn(*arguments)
        started.append(pid)
        os.kill(pid, number)  # a terminal and a scheduler tell every process
        signal.raise_signal(number)
        return pid

    monkeypatch.setattr(multiprocessing.util, "spawnv_passfds", spawn_and_stop)
    before = signal.signal(number, interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(LocalEngine(2).map(double, range(4)))
    finally:
        signal.signal(number, before)
    for pid in some(started):
        with pytest.raises(
            ChildProcessError, match="No child processes"
        ):  # it ended and was waited for
            os.waitpid(pid, 0)
    assert capfd.readouterr().err == ""


def seen_gpu(_: int) -> str:
    return os.environ["CUDA_VISIBLE_DEVICES"]


def dies_once_on_its_gpu(task: tuple[str, int]) -> str:
    mark = Path(task[0]) / "mark"
    if not mark.exists():
        mark.write_text(os.environ["CUDA_VISIBLE_DEVICES"])
        os.kill(os.getpid(), signal.SIGKILL)
    return os.environ["CUDA_VISIBLE_DEVICES"]


@pytest.mark.slow
def test_each_worker_sees_its_own_gpu(tmp_path: Path) -> None:
    """Also a single worker, and the one that replaces a worker that died."""
    engine = engine_for(1, Settings(), gpus=["2", "5"])
    assert engine.workers == 2
    assert {gpu for _, gpu in engine.map(seen_gpu, range(12))} == {"2", "5"}
    single = engine_for(1, Settings(), gpus=["7"])
    assert [gpu for _, gpu in single.map(dies_once_on_its_gpu, [(str(tmp_path), 0)])] == ["7"]
    assert (tmp_path / "mark").read_text() == "7"
    assert os.environ.get("CUDA_VISIBLE_DEVICES") != "7"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--gpus", "0,0"], "not a list of different GPUs"),
        (["--gpus", "0,"], "not a list of different GPUs"),
        (["--gpus", "0,1", "--workers", "3"], "leave out --workers"),
        (["--gpus", "0", "--engine", "ray"], "unknown option of engine 'ray' 'gpus'"),
    ],
)
def test_gpus_that_do_not_fit_are_refused(thbench, words: list[str], says: str) -> None:
    done = thbench("run", "smoke", *words)
    assert done.code == 2 and says in done.err


def mapped_blocks(size: int) -> tuple[int, int]:
    """Blocks that glibc has mapped from the system one by one, before and while a large one is in use."""
    import ctypes

    class Info(ctypes.Structure):  # struct mallinfo2
        _fields_ = [
            (name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", *"abcdef")
        ]

    counts = ctypes.CDLL(None).mallinfo2
    counts.restype = Info
    before = int(counts().hblks)
    block = bytearray(size)
    return before, int(counts().hblks) - (not block)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver() < ("glibc", "2.33"), reason="needs glibc 2.33")
def test_a_worker_keeps_the_large_blocks_that_it_frees(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith(("MALLOC_", "GLIBC_"))]:
        monkeypatch.delenv(name)
    ((_, (before, during)),) = LocalEngine(2).map(mapped_blocks, [64 * 2**20])
    assert before == during
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")  # what a person sets is left alone
    ((_, (before, during)),) = LocalEngine(2).map(mapped_blocks, [64 * 2**20])
    assert before + 1 == during


def test_old_objects_are_left_alone_for_a_block() -> None:
    before = gc.get_threshold()
    with pytest.raises(KeyError, match="x"), few_collections():
        assert gc.get_threshold() == (*before[:2], 100 * before[2])
        raise KeyError("x")
    assert gc.get_threshold() == before
