"""What ten seconds of a generator for puppets look like, second by second: does a fault add up over the frames?

`python tests/tools/ten_seconds.py --actors 4` prints brightness (mean grey level), sharpness (variance of the
Laplacian) and the distance of the 68 landmarks from those of the identity frame (pixels at 64 px), of the ground
truth and of the shipped DDPM, each the mean over actors of every second. Recordings of puppets are two to three
seconds, so that those of one actor are put together. Validation actors only: a choice may rest on it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from thbench.api import Context, Frames, Generated, Request
from thbench.suite.split import known_manifests, load_manifest
from thbench_ddpm.generator import DdpmGenerator
from thbench_ddpm.options import Options
from thbench_face.puppet_points import PuppetLandmarks
from thbench_puppet.dataset import make
from thbench_puppet.names import all_clips

RATE = 25
SIZE = 64


def long_takes(actors: int, seconds: int) -> dict[str, tuple[Request, Frames]]:
    """By actor: what a generator is asked for, and the true frames [seconds * RATE, SIZE, SIZE, 3]."""
    chosen = load_manifest(known_manifests()["puppet_v1"]).validation[:actors]
    of_actor = {a: list(c) for a, c in groupby(all_clips(), lambda clip: clip.actor)}
    return {actor: _take(actor, [c.id for c in of_actor[actor]], seconds) for actor in chosen}


def _take(actor: str, clips: Sequence[str], seconds: int) -> tuple[Request, Frames]:
    n, frames, audio = seconds * RATE, [], []
    for source in (make(clip, SIZE) for clip in clips):
        length = len(source.frames)
        frames.append(source.frames)
        audio.append(np.resize(source.audio, length * 640))
        if sum(map(len, frames)) >= n:
            break
    true, sound = np.concatenate(frames)[:n], np.concatenate(audio)[: n * 640]
    return Request(actor, true[0], sound, n, SIZE, int(actor)), true


def drawn(takes: Mapping[str, tuple[Request, Frames]], **options: Any) -> dict[str, Frames]:
    """Videos of the shipped DDPM by actor."""
    context = cast(Context, SimpleNamespace(device="cpu", batch=len(takes)))
    generator = DdpmGenerator(Options(**options), context)
    found = {}
    for answer in generator.generate([request for request, _ in takes.values()]):
        assert isinstance(answer, Generated), answer
        assert answer.frames is not None
        found[answer.clip_id] = answer.frames
    return found


def courses(frames: Frames) -> dict[str, NDArray[np.float64]]:
    """Of each frame of one video, [T] each."""
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
    points = PuppetLandmarks()(frames).astype(np.float64)
    return {
        "brightness": np.array([g.mean() for g in grey]),
        "sharpness": np.array([cv2.Laplacian(g, cv2.CV_64F).var() for g in grey]),
        "landmarks": np.linalg.norm(points - points[0], axis=-1).mean(axis=-1),
    }


def by_second(videos: Sequence[Frames]) -> dict[str, NDArray[np.float64]]:
    """Means over videos of each whole second."""
    found = [courses(v) for v in videos]
    return {
        name: np.mean([c[name].reshape(-1, RATE).mean(axis=1) for c in found], axis=0)
        for name in found[0]
    }


def slope(values: NDArray[np.float64]) -> float:
    """Of the least-squares line, per second."""
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actors", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    takes = long_takes(given.actors, given.seconds)
    rows: Mapping[str, Callable[[], Sequence[Frames]]] = {
        "ground truth": lambda: [true for _, true in takes.values()],
        f"ddpm, {given.steps} steps": lambda: list(drawn(takes, steps=given.steps).values()),
    }
    for name, videos in rows.items():
        for quantity, values in by_second(videos()).items():
            print(
                f"{name:16} {quantity:11} {slope(values):+7.3f}/s ", *(f"{v:7.2f}" for v in values)
            )


if __name__ == "__main__":
    main()
