"""What the harness adds to bare kernels: `python tests/benchmarks/overhead.py --clips 100`.

Scores toy clips at 64 px with Inception (FID) and SyncNet, both with random weights, in one process on
one thread, from a cold cache. Kernels are the networks and distances on arrays in memory and the
metrics' reductions; everything else is the harness: plan, cache keys, decoding, checks, cache,
journals, intervals, results. Reading and folding weights is start-up and stands apart.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (".", "plugins", "tests/support", "tests/support/toys")
sys.path[:0] = [str(ROOT / name) for name in FOLDERS]
import random_inception  # noqa: E402, I001
import random_syncnet  # noqa: E402
import torch  # noqa: E402
from runs import EVERY_CONTROL, start  # noqa: E402

STARTUP = (
    "thbench_fid.inception.weights.load",
    "thbench_fid.inception.channels_last",
    "thbench_syncnet.extractor.load_syncnet",
    "thbench_syncnet.extractor.Folded",
    "thbench_syncnet.features.file_digest",
)
KERNELS = (
    "thbench_fid.inception.extract",
    "thbench_syncnet.extractor.window_features",
    "thbench_syncnet.metric.synchrony",
    "thbench_fid.metrics.Fid.reduce",
    "thbench_fid.metrics.Fid.without_actors",
    "thbench_syncnet.metric.SyncNetMetric.reduce",
)


def suite_text(clips: int) -> str:
    takes = -(-clips // 30)
    dataset = f"{{name: toy, n_actors: 10, takes: {takes}, longer: 22}}"
    text = EVERY_CONTROL.replace("{name: toy}", dataset).replace("resolution: 32", "resolution: 64")
    text = text.replace("[toy-brightness]", "[fid, syncnet]").replace("brightness", "fid")
    return text + f"controls: []\nlimits: {{clips: {clips}}}\n"


@contextmanager
def timed(
    names: tuple[str, ...], spent: dict[str, float], clock: Callable[[], float]
) -> Iterator[None]:
    """Seconds inside each function; time within another one of them counts once, for the outer."""
    running = [0]

    def wrap(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            running[0] += 1
            before = clock()
            try:
                return function(*given, **named)
            finally:
                running[0] -= 1
                if not running[0]:
                    spent[name] += clock() - before

        return call

    patches = []
    for name in names:
        patch = mock.patch(name, autospec=False)
        target, attribute = patch.getter(), patch.attribute
        patches.append(mock.patch.object(target, attribute, wrap(name, getattr(target, attribute))))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


@contextmanager
def random_weights(folder: Path) -> Iterator[None]:
    """The networks' files hold random weights, whatever is installed."""
    made = {
        "inception-2015": random_inception.random_state({}),
        "syncnet": random_syncnet.random_state(6, {}),
    }
    files = {name: folder / f"{name}.pth" for name in made}
    for name, state in made.items():
        torch.save(state, files[name])
    with mock.patch("thbench.plugins.weights.path", lambda name, known: files[name]):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--cpu", action="store_true", help="CPU time, where others use the machine")
    given = parser.parse_args()
    clock = time.process_time if given.cpu else time.perf_counter
    spent: dict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as name, random_weights(Path(name)):
        os.environ["THBENCH_CACHE"] = f"{name}/cache"
        run = start(Path(name), suite_text(given.clips), batch=4)
        run.generate()
        with timed(STARTUP + KERNELS, spent, clock):
            before = clock()
            result = run.score()["echo"]
            wall = clock() - before
        records = run.job.run.references(64).stored().values()
        frames = 2 * sum(record["n_frames"] for record in records)  # every clip has two videos
    for score in result.scores.values():
        assert score.value is not None and score.n == given.clips, (score.reason, score.failures)
    for name in (*STARTUP, *KERNELS):
        per_frame = 1000 * spent[name] / frames
        print(f"{spent[name]:8.2f} s  {per_frame:6.2f} ms a frame  {name}")
    kernels = sum(spent[name] for name in KERNELS)
    harness = wall - kernels - sum(spent[name] for name in STARTUP)
    print(f"{wall:8.2f} s  all of scoring {given.clips} clips and their references")
    print(
        f"{harness:8.2f} s  the harness: {harness / kernels:.1%} over the kernels' {kernels:.2f} s"
    )


if __name__ == "__main__":
    main()
