"""Wall time of a whole run, cold, by number of workers: `python tests/benchmarks/workers.py demo --workers 1,2`.

Where others use the machine only the CPU seconds mean something; the load is printed beside them.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
from runs import videos, written  # noqa: E402


def cpu_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("suite")
    parser.add_argument("--workers", default="1,2")
    given = parser.parse_args()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    ends = []
    for workers in given.workers.split(","):
        with tempfile.TemporaryDirectory() as name:
            run, own = Path(name, "run"), {"THBENCH_CACHE": f"{name}/cache", "PYTHONPATH": paths}
            words = [sys.executable, "-m", "thbench", "run", given.suite, "--out", str(run)]
            before, cpu = time.perf_counter(), cpu_seconds()
            subprocess.run(
                [*words, "--workers", workers],
                check=True,
                env={**os.environ, **own},
                capture_output=True,
            )
            wall, cpu = time.perf_counter() - before, cpu_seconds() - cpu
            load = os.getloadavg()[0] / (os.cpu_count() or 1)
            print(
                f"{workers} worker(s): {wall:.1f} s, {cpu:.1f} s of CPU, load {load:.1f} a core",
                flush=True,
            )
            ends.append({**written(run), **videos(run)})
    differ = sorted({n for end in ends for n in {*end, *ends[0]} if end.get(n) != ends[0].get(n)})
    assert not differ, differ  # a commit in the meantime is in result.json


if __name__ == "__main__":
    main()
