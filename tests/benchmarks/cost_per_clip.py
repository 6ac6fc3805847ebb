"""CPU seconds per frame of the demo's generators and metrics: `python tests/benchmarks/cost_per_clip.py`.

Runs the shipped suite `demo` (or another) cold in one process on one thread and attributes the CPU time
to its parts. Decoding is counted apart: all metrics of a clip share one decode.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from thbench.engines.local import LocalEngine
from thbench.environment import Settings
from thbench.generate.stage import answers, references
from thbench.pipeline import run_generate, run_score
from thbench.plugins.discovery import registry
from thbench.run.job import metric_part_of, observing_metric_of
from thbench.run.plan import job_for
from thbench.score.stage import observe
from thbench.suite import find_suite, load_suite
from thbench.suite.split import split_of
from thbench.video import StoredVideo

Spent = dict[str, list[float]]
"""Part -> CPU seconds, frames."""


def clocked(spent: Spent, name: Callable[..., tuple[str, int]], work: Callable[..., Any]) -> Any:
    def call(*given: Any) -> Any:
        part, frames = name(*given)
        before = time.process_time()
        result = work(*given)
        spent[part][0] += time.process_time() - before
        spent[part][1] += frames
        return result

    return call


def decode(pair: Any) -> None:
    for video in (pair.generated, pair.reference):
        _ = video.frames, video.audio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", default="demo")
    given = parser.parse_args()
    spent: Spent = defaultdict(lambda: [0.0, 0])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["THBENCH_CACHE"] = f"{folder}/cache"
        suite = load_suite(find_suite(given.suite), registry(), ())
        settings = Settings()
        job, split = (
            job_for(suite, Path(folder) / "run", settings),
            split_of(suite, settings),
        )
        columns = {
            id(observing_metric_of(job, i)): metric_part_of(job, i).column(
                metric_part_of(job, i).plugin.name
            )
            for i in range(len(suite.metrics))
        }

        def of_metric(metric: Any, pair: Any) -> tuple[str, int]:
            before, fresh = time.process_time(), "frames" not in vars(whole(pair.generated))
            decode(pair)
            size, n = pair.generated.size, pair.generated.n_frames
            if fresh:
                spent[f"decode of a pair, {size} px"][0] += time.process_time() - before
                spent[f"decode of a pair, {size} px"][1] += n
            return f"metric {columns[id(metric)]}, {size} px", n

        def of_answer(job: Any, task: Any) -> tuple[str, int]:
            return f"generator {task[0]}", sum(r["n_frames"] for r in task[1])

        def of_control(job: Any, task: Any) -> tuple[str, int]:
            return f"control {task[1]}, {task[0]} px", task[2]["n_frames"]

        patches = [
            mock.patch(
                "thbench.score.observe.observe_once",
                clocked(spent, of_metric, observe.observe_once),
            ),
            mock.patch(
                "thbench.generate.stage.answer_batch",
                clocked(spent, of_answer, answers.answer_batch),
            ),
            mock.patch(
                "thbench.generate.stage.store_control",
                clocked(spent, of_control, references.store_control),
            ),
        ]
        for patch in patches:
            patch.start()
        with job.run.locked():
            run_generate(job, split, LocalEngine())
            before = time.process_time()
            run_score(job, split, LocalEngine())
            scoring = time.process_time() - before
    for part, (seconds, frames) in sorted(spent.items()):
        print(f"{1000 * seconds / frames:8.2f} ms a frame  {part} ({frames} frames)")
    print(f"{scoring:8.1f} s of CPU for all of scoring")


def whole(video: Any) -> Any:
    """The stored video behind the views of it."""
    while not isinstance(video, StoredVideo):
        video = video.whole
    return video


if __name__ == "__main__":
    main()
