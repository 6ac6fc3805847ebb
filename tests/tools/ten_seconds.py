"""What ten seconds of a generator for puppets look like, second by second: does a fault add up over the frames?

`python tests/tools/ten_seconds.py --actors 4` prints brightness (mean grey level), sharpness (variance of the
Laplacian of the luma) and the distance of the 68 landmarks from those of the identity frame (pixels at 64 px), of the ground
truth and of the shipped DDPM, each the mean over actors of every second. Recordings of puppets are two to three
seconds, so that those of one actor are put together. Validation actors only: a choice may rest on it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "support")]
from denoisers import context  # noqa: E402
from thbench.api import FPS, SAMPLES_PER_FRAME, Frames, Generated, Request  # noqa: E402
from thbench.report.curves import brightness, sharpness  # noqa: E402
from thbench.suite.split import known_manifests, load_manifest  # noqa: E402
from thbench_ddpm.generator import DdpmGenerator  # noqa: E402
from thbench_ddpm.options import Options  # noqa: E402
from thbench_face.puppet_points import PuppetLandmarks  # noqa: E402
from thbench_puppet.dataset import make  # noqa: E402
from thbench_puppet.names import all_clips  # noqa: E402

SIZE = 64


def long_takes(actors: int, seconds: int) -> dict[str, tuple[Request, Frames]]:
    """By actor: what a generator is asked for, and the true frames [seconds * FPS, SIZE, SIZE, 3]."""
    chosen = load_manifest(known_manifests()["puppet_v1"]).validation[:actors]
    of_actor = {a: list(c) for a, c in groupby(all_clips(), lambda clip: clip.actor)}
    return {actor: _take(actor, [c.id for c in of_actor[actor]], seconds) for actor in chosen}


def _take(actor: str, clips: Sequence[str], seconds: int) -> tuple[Request, Frames]:
    n, frames, audio = seconds * FPS, [], []
    for source in (make(clip, SIZE) for clip in clips):
        length = len(source.frames)
        frames.append(source.frames)
        audio.append(np.resize(source.audio, length * SAMPLES_PER_FRAME))
        if sum(map(len, frames)) >= n:
            break
    true, sound = np.concatenate(frames)[:n], np.concatenate(audio)[: n * SAMPLES_PER_FRAME]
    return Request(actor, true[0], sound, n, SIZE, int(actor)), true


SAMPLING: Mapping[str, Any] = {
    "steps": 4, "spacing": "quadratic", "frame_noise": 0.8, "temperature": 0.4,
}  # fmt: skip
"""As the demo draws; a test compares."""


def drawn(takes: Mapping[str, tuple[Request, Frames]]) -> dict[str, Frames]:
    """Videos of the shipped DDPM by actor, drawn as the demo's."""
    generator = DdpmGenerator(Options(**SAMPLING), context(len(takes)))
    found = {}
    for answer in generator.generate([request for request, _ in takes.values()]):
        assert isinstance(answer, Generated), answer
        assert answer.frames is not None
        found[answer.clip_id] = answer.frames
    return found


def courses(frames: Frames) -> dict[str, NDArray[np.float64]]:
    """Of each frame of one video, [T] each."""
    points = PuppetLandmarks()(frames).astype(np.float64)
    return {
        "brightness": brightness(frames),
        "sharpness": sharpness(frames),
        "landmarks": np.linalg.norm(points - points[0], axis=-1).mean(axis=-1),
    }


def by_second(videos: Sequence[Frames]) -> dict[str, NDArray[np.float64]]:
    """Means over videos of each whole second."""
    found = [courses(v) for v in videos]
    return {
        name: np.mean([c[name].reshape(-1, FPS).mean(axis=1) for c in found], axis=0)
        for name in found[0]
    }


def slope(values: NDArray[np.float64]) -> float:
    """Of the least-squares line, per second."""
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actors", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    takes = long_takes(given.actors, given.seconds)
    rows: Mapping[str, Callable[[], Sequence[Frames]]] = {
        "ground truth": lambda: [true for _, true in takes.values()],
        "ddpm": lambda: list(drawn(takes).values()),
    }
    for name, videos in rows.items():
        for quantity, values in by_second(videos()).items():
            print(
                f"{name:16} {quantity:11} {slope(values):+7.3f}/s ", *(f"{v:7.2f}" for v in values)
            )


if __name__ == "__main__":
    main()
