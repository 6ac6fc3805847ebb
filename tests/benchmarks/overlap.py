"""Scoring while an accelerator generates: `python tests/benchmarks/overlap.py --clips 100`.

The accelerator is a lock held for --gpu milliseconds a clip, during which no CPU works; a metric takes --cpu
milliseconds of a core for each of a clip's videos. Both orders, cold, with --workers workers.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[1] / "support"
sys.path[:0] = [str(SUPPORT.parents[1]), str(SUPPORT), str(SUPPORT / "toys")]
from runs import EVERY_CONTROL, start, videos, written  # noqa: E402
from thbench.engines.local import LocalEngine  # noqa: E402
from thbench.environment import Settings  # noqa: E402
from thbench.pipeline import run_generate, run_score  # noqa: E402


def suite_text(clips: int, device: Path, gpu: float, cpu: float) -> str:
    takes = -(-clips // 30)
    text = EVERY_CONTROL.replace("{name: toy}", f"{{name: toy, n_actors: 10, takes: {takes}}}")
    text = text.replace("toy-echo", "toy-exclusive").replace(
        "32}", f"32, device: {device}, busy: {gpu}}}"
    )
    text = text.replace("[toy-brightness]", f"[{{metric: toy-laborious, busy: {cpu}}}]")
    return text.replace("primary: brightness", "primary: labour") + (
        f"controls: [ground-truth]\nlimits: {{clips: {clips}}}\n"
    )


def seconds(folder: Path, text: str, workers: int, *, meanwhile: bool) -> dict[str, float]:
    """Wall time of generating and scoring, without the start of processes."""
    os.environ["THBENCH_CACHE"] = str(folder / "cache")
    run = start(folder, text)
    job = replace(run.job, settings=Settings(device="cuda", batch=1))
    engine, before = LocalEngine(workers), time.perf_counter()
    spent = {}
    with job.run.locked(), engine.serve([], {}):
        run_generate(job, run.split, engine, scoring=meanwhile)
        spent["generate"], before = time.perf_counter() - before, time.perf_counter()
        run_score(job, run.split, engine)
        spent["score"] = time.perf_counter() - before
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gpu", type=float, default=100, help="ms a clip")
    parser.add_argument("--cpu", type=float, default=50, help="ms a video")
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:3])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = suite_text(given.clips, folder / "device", given.gpu / 1000, given.cpu / 1000)
        ends = []
        for label in ("after", "meanwhile"):
            spent = seconds(folder / label, text, given.workers, meanwhile=label == "meanwhile")
            parts = ", ".join(f"{stage} {s:.1f} s" for stage, s in spent.items())
            print(f"scoring {label}: {parts}, together {sum(spent.values()):.1f} s", flush=True)
            run = folder / label / "run"
            ends.append({**written(run), **videos(run)})
    assert ends[0] == ends[1], "the bytes differ"


if __name__ == "__main__":
    main()
