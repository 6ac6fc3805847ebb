"""What Ray adds to a clip: `python tests/benchmarks/ray_overhead.py --tasks 5000`.

Tiny tasks of a clip's size (a record in, a record out) through both engines with the same workers, on
a cluster that is started here; then the suite `smoke`. Start-up is told apart.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thbench.api import Engine
from thbench.engines import engine_for, serving
from thbench.environment import Settings
from thbench.pipeline import run_generate, run_score
from thbench.plugins.discovery import registry
from thbench.run.plan import job_for
from thbench.suite import find_suite, load_suite
from thbench.suite.split import split_of

RECORD = {f"field {i}": "0" * 32 for i in range(16)}  # about as long as a line of a journal


def tiny(engine: Engine, tasks: Sequence[Any]) -> tuple[float, float, float]:
    """Seconds until the first two answers, then seconds and seconds of this process's CPU per task."""
    start = time.perf_counter()
    list(engine.map(dict, tasks[:2]))
    started = time.perf_counter() - start
    start, cpu = time.perf_counter(), time.process_time()
    done = sum(1 for _ in engine.map(dict, tasks))
    assert done == len(tasks)
    return started, (time.perf_counter() - start) / done, (time.process_time() - cpu) / done


def smoke(engine: Engine, folder: Path) -> float:
    """Seconds of a cold run of the suite `smoke`."""
    os.environ["THBENCH_CACHE"] = str(folder / "cache")
    suite = load_suite(find_suite("smoke"), registry())
    job = job_for(suite, folder / "run", Settings())
    split = split_of(suite, Settings())
    start = time.perf_counter()
    with job.run.locked(), serving(engine, job.run.root):
        run_generate(job, split, engine)
        run_score(job, split, engine)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    for name in ("local", "ray"):
        engine = engine_for(given.workers, Settings(), name)
        with tempfile.TemporaryDirectory(prefix="o") as folder:
            with serving(engine, Path(folder)):
                first, wall, cpu = tiny(engine, [dict(RECORD) for _ in range(given.tasks)])
            print(
                f"{name}: first answers after {first:.1f} s; {given.tasks} tasks, each"
                f" {1000 * wall:.2f} ms, of which this process's CPU {1000 * cpu:.2f} ms"
            )
            print(f"{name}: smoke {smoke(engine, Path(folder)):.1f} s", flush=True)


if __name__ == "__main__":
    main()
