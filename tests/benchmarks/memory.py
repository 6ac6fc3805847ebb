"""Peak memory of whole runs on toys: `python tests/benchmarks/memory.py --clips 10,100,1000`.

One process each, generate and score with every control; beside it the largest worker where several
are asked for. The toy metric keeps one float per frame of every clip.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[1] / "support"
sys.path[:0] = [str(SUPPORT.parents[1]), str(SUPPORT), str(SUPPORT / "toys")]
from runs import EVERY_CONTROL, start  # noqa: E402


def suite_text(clips: int, resolution: int) -> str:
    takes = -(-clips // 30)
    text = EVERY_CONTROL.replace("{name: toy}", f"{{name: toy, n_actors: 10, takes: {takes}}}")
    return text.replace("resolution: 32", f"resolution: {resolution}") + (
        f"limits: {{clips: {clips}}}\n"
    )


def measure(folder: Path, clips: int, resolution: int, workers: int) -> dict[str, float]:
    before = time.perf_counter()
    result = start(folder, suite_text(clips, resolution)).both(workers)["echo"]
    assert result.clips.generated == clips
    seconds = time.perf_counter() - before
    peaks = [
        resource.getrusage(of).ru_maxrss / 1024
        for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    own, largest = peaks
    return {
        "clips": clips,
        "seconds": round(seconds),
        "peak MB": round(own),
        "worker MB": round(largest),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", default="10,100,1000")
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--measure", action="store_true", help="in this process")
    given = parser.parse_args()
    for clips in map(int, given.clips.split(",")):
        if given.measure:
            folder = Path(os.environ["THBENCH_CACHE"]).parent
            print(json.dumps(measure(folder, clips, given.resolution, given.workers)), flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            paths = os.pathsep.join(map(str, sys.path[:3]))
            own = {**os.environ, "THBENCH_CACHE": f"{folder}/cache", "PYTHONPATH": paths}
            words = ["--clips", str(clips), "--resolution", str(given.resolution), "--measure"]
            words += ["--workers", str(given.workers)]
            subprocess.run([sys.executable, __file__, *words], check=True, env=own)


if __name__ == "__main__":
    main()
