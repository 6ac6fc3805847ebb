"""Processes of this machine: one runs in place, several are spawned."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from thbench.errors import UserError


class LocalEngine:
    """`workers` processes; at most twice as many tasks are queued, so that memory stays flat."""

    def __init__(self, workers: int = 1) -> None:
        if workers < 1:
            raise UserError(
                f"--workers {workers}: at least one is needed", "give a positive number"
            )
        self.workers = workers

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (index of the task, result) as they finish. Raises what `work` raises.

        Raises UserError where a worker process dies; what it had finished is kept.
        """
        if self.workers == 1 or len(tasks) < 2:
            yield from ((i, work(task)) for i, task in enumerate(tasks))
            return
        spawn = multiprocessing.get_context("spawn")
        count = min(self.workers, len(tasks))
        pool = ProcessPoolExecutor(count, mp_context=spawn, initializer=_start_worker)
        try:
            yield from _bounded(pool, work, tasks, 2 * count)
        except BrokenProcessPool:
            raise UserError(
                "a worker process died (killed, out of memory, or crashed in native code)",
                "run the same command again to continue, with fewer --workers",
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _bounded(
    pool: ProcessPoolExecutor, work: Callable[[Any], Any], tasks: Sequence[Any], most: int
) -> Iterator[tuple[int, Any]]:
    waiting: dict[Future[Any], int] = {}
    numbered = enumerate(tasks)
    while True:
        for i, task in numbered:
            waiting[pool.submit(work, task)] = i
            if len(waiting) >= most:
                break
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield waiting.pop(future), future.result()


def _start_worker() -> None:
    """Ctrl-C is the parent's business; without a parent there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
