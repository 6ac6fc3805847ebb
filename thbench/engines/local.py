"""Processes of this machine: one worker works in place, several are spawned.

Each process has one task at a time, so a process that dies (a crash in native code, the system's
out-of-memory killer) leaves no doubt about which task it was at. That task is given to a fresh
process once more; if it kills that one as well, `died(task, reason)` returns the result to record for it.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Annotated, Any

from thbench.api import Context, Died, Engine, Plugin, UserError, hookimpl
from thbench.environment import check_device, keep_freed_memory

_SPAWN = multiprocessing.get_context("spawn")
_ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class LocalOptions:
    workers: Annotated[int, "processes"] = 1
    gpus: Annotated[tuple[str, ...], "CUDA_VISIBLE_DEVICES of each of them"] = ()


class LocalEngine:
    """`workers` processes; the parent holds no more than one result of each, so memory stays flat.

    Whether this machine has `device` is looked at when there is work for it. With `gpus`, one for each
    worker, the worker and every program that it starts see that one alone.
    """

    def __init__(self, workers: int = 1, device: str = "cpu", gpus: Sequence[str] = ()) -> None:
        if workers < 1:
            raise UserError(
                f"--workers {workers}: at least one is needed", "give a positive number"
            )
        if gpus and len(gpus) != workers:
            raise UserError(
                f"{len(gpus)} GPUs for {workers} workers", "one worker for each: --gpus 0,1"
            )
        self.workers, self._device, self._gpus = workers, device, tuple(gpus)
        self._standing: list[_Worker] | None = None

    @contextmanager
    def serve(self, shared: Sequence[Path], environment: Mapping[str, str]) -> Iterator[None]:
        """Keep the processes, and what they have loaded, until the block ends.

        They are children of this process: they see its folders and its environment.
        """
        if self._standing is not None:
            yield
            return
        self._standing = []
        try:
            yield
        finally:
            _end(self._standing)
            self._standing = None

    def map(
        self, work: Callable[[Any], Any], tasks: Sequence[Any], died: Died | None = None
    ) -> Iterator[tuple[int, Any]]:
        """As api.Engine.map. With one worker there is no process that could die but this one."""
        if tasks and not self._gpus:  # looking would hold the first GPU here, where no work is done
            check_device(self._device)
        if self.workers == 1 and not self._gpus:
            yield from ((i, work(task)) for i, task in enumerate(tasks))
            return
        workers = [] if self._standing is None else self._standing
        try:
            while len(workers) < min(self.workers, len(tasks)):
                with _signals_wait():
                    workers.append(_Worker(self._gpus[len(workers)] if self._gpus else None))
            yield from _spread(workers, work, tasks, died)
        finally:
            if workers is not self._standing or any(w.task is not None for w in workers):
                _end(workers)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Ctrl-C and SIGTERM come when the block has ended, so that no process is left half started.

    A process that is started in the block has both blocked until it says what it does about them.
    """
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():  # handlers belong to it
        before = {s: signal.signal(s, lambda number, _: came.append(number)) for s in _ENDING}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for held, handler in before.items():
            signal.signal(held, handler)
        for number in came:
            signal.raise_signal(number)


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.end()
    workers.clear()


def _spread(
    workers: list[_Worker], work: Callable[[Any], Any], tasks: Sequence[Any], died: Died | None
) -> Iterator[tuple[int, Any]]:
    waiting = iter(range(len(tasks)))
    second_try: set[int] = set()
    for worker, i in zip(workers, waiting, strict=False):
        worker.give(i, work, tasks[i])
    while busy := {w.connection: w for w in workers if w.task is not None}:
        for connection in multiprocessing.connection.wait(list(busy)):
            worker = busy[connection]  # type: ignore[index]
            assert worker.task is not None
            i = worker.task
            try:
                result = worker.take()
            except _Died as death:
                with _signals_wait():
                    workers[workers.index(worker)] = fresh = _Worker(worker.gpu)
                if i not in second_try:
                    second_try.add(i)
                    fresh.give(i, work, tasks[i])
                    continue
                worker, result = fresh, _outcome(died, tasks[i], str(death))
            if (following := next(waiting, None)) is not None:
                worker.give(following, work, tasks[following])
            yield i, result


def _outcome(died: Died | None, task: Any, reason: str) -> Any:
    if died is None:
        raise UserError(
            f"{reason}, twice at the same task",
            "run the same command again to continue; with fewer --workers if memory is short",
        )
    return died(task, reason)


class _Died(Exception):
    """A worker process ended without an answer; the text says how."""


class _Worker:
    """One process that answers one task at a time; `gpu` is what CUDA_VISIBLE_DEVICES is there."""

    def __init__(self, gpu: str | None = None) -> None:
        self.task: int | None = None
        self.gpu = gpu
        self._work: Callable[[Any], Any] | None = None
        self.connection, theirs = _SPAWN.Pipe()
        self._process: BaseProcess = _SPAWN.Process(target=_serve, args=(theirs, gpu))
        self._process.start()
        theirs.close()  # else the end of the process would not end the pipe

    def give(self, i: int, work: Callable[[Any], Any], task: Any) -> None:
        """Send task number `i`, and the work where it is another than before."""
        message = (None if work is self._work else work, task)
        self.task, self._work = i, work
        with suppress(BrokenPipeError, ConnectionResetError):  # died while idle: `take` says so
            self.connection.send(message)

    def take(self) -> Any:
        """The result. Raises what the work raised, or _Died."""
        try:
            error, result = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.end()
            raise _Died(_how(self._process.exitcode)) from None
        self.task = None
        if error is not None:
            raise error
        return result

    def end(self) -> None:
        """Let it finish what it is at, and go."""
        self.connection.close()
        self._process.join()


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the worker process died (signal {-code})"
    return f"the worker process died (exit code {code})"


def _serve(connection: Connection[Any, Any], gpu: str | None) -> None:
    if gpu is not None:  # before anything that reads it is imported
        os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    keep_freed_memory()
    # Ctrl-C is the parent's business; without a parent there is none.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # So is SIGTERM, which a scheduler sends to every process. A function and not SIG_IGN, which
    # programs that are started here would inherit.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        work = None
        while True:
            other, task = connection.recv()
            work = other or work
            connection.send(_answer(work, task))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent has all it wants


def _answer(work: Any, task: Any) -> tuple[Exception | None, Any]:
    try:
        return None, work(task)
    except Exception as error:
        error.add_note(traceback.format_exc())  # a traceback does not cross to the parent by itself
        return error, None


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _build(options: LocalOptions, context: Context) -> Engine:
    return LocalEngine(options.workers, context.device, options.gpus)


@hookimpl
def thbench_engines() -> list[Plugin[Engine, LocalOptions]]:
    return [Plugin("local", LocalOptions, _build, summary="processes of this machine, the default")]
