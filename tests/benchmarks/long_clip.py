"""Peak memory of one long clip through metrics: `python tests/benchmarks/long_clip.py --minutes 10 --size 512`.

Draws a moving blob, or repeats a recording of a face (--recording), and its noisier twin, runs `thbench run` on
them in a process of its own with one worker, and prints the largest resident size of that process, pages of mapped
files included. Weights of face networks are those of THBENCH_TEST_ASSETS.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins"), str(ROOT / "tests" / "support")]
SUITE = """\
schema: 1
name: long
dataset: {{name: clips, root: refs}}
split: all
systems:
  m: {{generator: folder, root: mine, resolution: {size}}}
metrics: [{metrics}]
primary: psnr
controls: [ground-truth]
"""
MATRICES = """\
import itertools
import torch
import thbench_fid.network, thbench_syncnet.folded
torch.manual_seed(0)
seen, lips, sounds = torch.randn(3, 2048), torch.randn(15, 1024), torch.randn(20, 1024)
thbench_fid.network.Inception2015.forward = lambda self, x: x.mean((2, 3)) @ seen
thbench_syncnet.folded.Folded.lip = lambda self, x, linear=None: x.float().mean((2, 3)) @ lips
thbench_syncnet.folded.Folded.sound = lambda self, x, linear=None: x.float().mean((1, 2)) @ sounds

def seldom(kind, name, every=50):
    asked, calls, answer = getattr(kind, name), itertools.count(), {}
    def last(self, *given):
        if next(calls) % every == 0:
            answer[0] = asked(self, *given)
        return answer[0]
    setattr(kind, name, last)

import thbench_face.detector, thbench_face.landmarks, thbench_face.mesh
seldom(thbench_face.detector.FaceDetector, "with_points")
seldom(thbench_face.landmarks.LandmarkNet, "__call__")
seldom(thbench_face.mesh.FaceMeshNet, "__call__")
"""
"""Features of the same shapes without the networks' time: what remains is frames, features and reductions."""
METRICS = "psnr,f_mse,fid@puppet-v1,syncnet@puppet-v1"


def blob(n: int, size: int) -> Iterator[Any]:
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    for t in range(n):
        at = 0.5 + 0.2 * np.sin(t / 7)
        shape = np.exp(-((x - at) ** 2 + (y - 0.5) ** 2) * 40)
        yield (shape[..., None] * np.array([200, 150, 100], np.float32)).astype(np.uint8)


def tone(n: int) -> Any:
    """[640 n] int16 that swells and fades."""
    at = np.arange(n * 640)
    return (np.sin(at / 5) * 9000 * np.sin(at / 4000)).astype(np.int16)


def repeated(file: Path, n: int, size: int) -> tuple[Iterator[Any], Any]:
    """n frames of the middle square of a recording, forwards and back, and its sound over and over."""
    from chain import resized

    from thbench.video import MediaReader

    seen = MediaReader().read(file)
    assert seen.audio is not None, f"{file} has no sound"
    frames = resized(seen.frames, size)
    there_and_back = np.concatenate([frames, frames[-2:0:-1]])
    return (there_and_back[t % len(there_and_back)] for t in range(n)), np.resize(
        seen.audio, n * 640
    )


def draw(folder: Path, minutes: float, size: int, recording: Path | None) -> None:
    """Two H.264 files of the same length with the same sound."""
    import av

    n = round(minutes * 60 * 25)
    for name, crf in (("refs", "20"), ("mine", "34")):
        frames, sound = repeated(recording, n, size) if recording else (blob(n, size), tone(n))
        (folder / name).mkdir()
        with av.open(str(folder / name / "a.mp4"), "w") as out:
            shape = {"width": size, "height": size, "pix_fmt": "yuv420p"}
            picture = out.add_stream(
                "libx264", rate=25, options={"crf": crf, "preset": "ultrafast"}, **shape
            )
            heard = out.add_stream("aac", rate=16_000, layout="mono")
            for frame in frames:
                out.mux(picture.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            out.mux(picture.encode())
            for start in range(0, len(sound), 1024):
                part = sound[None, start : start + 1024]
                samples = av.AudioFrame.from_ndarray(part, "s16", "mono")
                samples.sample_rate, samples.pts = 16_000, start
                out.mux(heard.encode(samples))
            out.mux(heard.encode())


def apart(work: Callable[..., None], *about: Any) -> None:
    """In a process of its own: a program's peak counts that of the process that starts it."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=about)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)


def weights(folder: Path) -> None:
    """Random ones of `fid`, `syncnet`, `lpips`, `fvd`; a linear network in place of ArcFace's, which is 174 MB."""
    import torch
    from chain import write_weights

    import random_i3d
    import random_trunk
    import thbench_fvd
    import thbench_identity
    import thbench_lpips
    import tiny_onnx

    write_weights(folder)
    store = folder / "weights"
    torch.save(random_trunk.random_state("alex"), store / thbench_lpips.ALEXNET.file)
    with np.load(random_i3d.REFERENCE, allow_pickle=False) as stored:
        state = random_i3d.random_state(stored)
    torch.save(state, store / thbench_fvd.I3D.file)
    tiny_onnx.write_linear(store / thbench_identity.ARCFACE.file, tiny_onnx.matrix(512))
    assets = Path(os.environ.get("THBENCH_TEST_ASSETS", ROOT.parent / "shared"))
    for file in (assets / "weights").glob("*"):
        shutil.copy(file, store)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--metrics", default=METRICS)
    parser.add_argument(
        "--random-weights", action="store_true", help="of networks, which cost the same"
    )
    parser.add_argument(
        "--matrices",
        action="store_true",
        help="random ones in place of Inception's and SyncNet's networks, and a face looked for in every 50th picture",
    )
    parser.add_argument("--recording", type=Path, help="of a face, repeated in place of the blob")
    parser.add_argument("--keep", type=Path, help="folder of the videos, drawn where absent")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        if not (folder / "mine").exists():
            folder.mkdir(parents=True, exist_ok=True)
            apart(draw, folder, given.minutes, given.size, given.recording)
        metrics = dict.fromkeys(["psnr", *given.metrics.split(",")])
        suite = folder / "long.yaml"
        suite.write_text(SUITE.format(size=given.size, metrics=", ".join(metrics)))
        paths, environment = [str(ROOT), str(ROOT / "plugins")], {"THBENCH_CACHE": f"{name}/cache"}
        if given.random_weights or given.matrices:
            apart(weights, Path(name))
            paths.insert(0, f"{name}/site")
            if given.matrices:
                with (Path(name) / "site" / "sitecustomize.py").open("a") as file:
                    file.write(MATRICES)
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
