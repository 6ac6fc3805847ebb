"""Peak memory of one long clip through metrics: `python tests/benchmarks/long_clip.py --minutes 10 --size 512`.

Draws a moving blob and its noisier twin, runs `thbench run` on them in a process of its own with one worker,
and prints the largest resident size of that process, pages of mapped files included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]
SUITE = """\
schema: 1
name: long
dataset: {{name: clips, root: refs}}
split: all
systems:
  m: {{generator: folder, root: mine, resolution: {size}}}
metrics: [{metrics}]
primary: {primary}
controls: [ground-truth]
"""
METRICS = "psnr,f_mse,fid@puppet-v1,syncnet@puppet-v1"


def blob(n: int, size: int) -> Iterator[Any]:
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    for t in range(n):
        at = 0.5 + 0.2 * np.sin(t / 7)
        shape = np.exp(-((x - at) ** 2 + (y - 0.5) ** 2) * 40)
        yield (shape[..., None] * np.array([200, 150, 100], np.float32)).astype(np.uint8)


def draw(folder: Path, minutes: float, size: int) -> None:
    """Two H.264 files of the same length with the same sound."""
    import av

    n = round(minutes * 60 * 25)
    sound = (np.sin(np.arange(n * 640) / 5) * 9000 * np.sin(np.arange(n * 640) / 4000)).astype(
        np.int16
    )
    for name, crf in (("refs", "20"), ("mine", "34")):
        (folder / name).mkdir()
        with av.open(str(folder / name / "a.mp4"), "w") as out:
            shape = {"width": size, "height": size, "pix_fmt": "yuv420p"}
            picture = out.add_stream(
                "libx264", rate=25, options={"crf": crf, "preset": "ultrafast"}, **shape
            )
            heard = out.add_stream("aac", rate=16_000, layout="mono")
            for frame in blob(n, size):
                out.mux(picture.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            out.mux(picture.encode())
            for start in range(0, len(sound), 1024):
                part = sound[None, start : start + 1024]
                samples = av.AudioFrame.from_ndarray(part, "s16", "mono")
                samples.sample_rate, samples.pts = 16_000, start
                out.mux(heard.encode(samples))
            out.mux(heard.encode())


def weights(folder: Path) -> None:
    """In a process of its own: a program's peak counts that of the process that starts it."""
    from chain import write_weights

    write_weights(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--metrics", default=METRICS)
    parser.add_argument(
        "--random-weights", action="store_true", help="of `fid` and `syncnet`, which cost the same"
    )
    parser.add_argument("--keep", type=Path, help="folder of the videos, drawn where absent")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        if not (folder / "mine").exists():
            folder.mkdir(parents=True, exist_ok=True)
            draw(folder, given.minutes, given.size)
        metrics = given.metrics.split(",")
        primary = metrics[0]
        suite = folder / "long.yaml"
        suite.write_text(SUITE.format(size=given.size, metrics=", ".join(metrics), primary=primary))
        paths, environment = [str(ROOT), str(ROOT / "plugins")], {"THBENCH_CACHE": f"{name}/cache"}
        if given.random_weights:
            process = multiprocessing.get_context("spawn").Process(
                target=weights, args=(Path(name),)
            )
            process.start()
            process.join()
            paths.insert(0, f"{name}/site")
            environment["THBENCH_WEIGHTS"] = f"{name}/weights"
        environment = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(paths)}
        start = time.perf_counter()
        words = [sys.executable, "-m", "thbench", "run", str(suite), "--out", f"{name}/run"]
        _, status, spent = os.wait4(subprocess.Popen(words, env=environment).pid, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))
        print(
            f"{given.minutes:g} min at {given.size} px, {given.metrics}: {spent.ru_maxrss / 1024:.0f} MB at most, "
            f"{time.perf_counter() - start:.0f} s, {spent.ru_utime + spent.ru_stime:.0f} s of CPU"
        )


if __name__ == "__main__":
    main()
