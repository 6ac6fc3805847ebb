"""How often a video that edits the recording itself counts as a copy of it: of disguised copies, and of edits.

    python tests/tools/edit_rates.py --clips 50 --size 128
    python tests/tools/edit_rates.py --pair recording.mp4 edited.mp4 ...

An edit of a puppet has the reference's head, gaze, brows, blinks and light to the last digit, and a mouth
of which `share` is another clip's: 1 says something else, 0.3 speaks with the true timing and shapes that
are nearly right. Of real programs give the recording and the video made from it, both full frames or both
squares; the square around the head is found with YuNet in the recording's first frame.
"""

from __future__ import annotations

import argparse
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from copy_rates import COPIES
from thbench.api import Frames
from thbench.geometry import Square
from thbench.video import MediaReader
from thbench.video.edits import EDIT_COPY, least_likeness
from thbench_puppet.names import clip_ids
from thbench_puppet.render import render
from thbench_puppet.scene import Scene, scene
from thbench_puppet.warp import Warp

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


def edited(seen: Scene, other: Scene, share: float, size: int) -> Frames:
    """The scene with `share` of another scene's mouth."""
    tracks = [f.name for f in fields(seen.mouth) if f.name != "face"]
    mixed = {}
    for name in tracks:
        true, own = getattr(seen.mouth, name), getattr(other.mouth, name)
        mixed[name] = (1 - share) * true + share * np.resize(own, len(true))
    mouth = replace(seen.mouth, **mixed)
    warp = Warp(seen.score.actor.face, seen.motion, mouth.jaw)
    return render(seen.score, seen.motion, mouth, warp, size)


def of_puppets(clips: int, size: int) -> Iterator[tuple[str, float]]:
    chosen = random.Random(1).sample(sorted(clip_ids()), clips)
    for name, other in zip(chosen, [*chosen[1:], chosen[0]], strict=True):
        seen = scene(name)
        truth = render(seen.score, seen.motion, seen.mouth, seen.warp, size)
        for share in SHARES:
            yield (
                f"mouth of its own, share {share:g}",
                least_likeness(edited(seen, scene(other), share, size), truth),
            )
        for kind, change in COPIES.items():
            yield f"copy, {kind}", least_likeness(change(truth), truth)


def of_pairs(pairs: list[list[Path]], size: int, frames: int) -> Iterator[tuple[str, float]]:
    for recording, video in pairs:
        square = head(next(MediaReader().frames(recording)))
        truth, made = (squares(path, square, size, frames) for path in (recording, video))
        n = min(len(truth), len(made))
        value = least_likeness(made[:n], truth[:n])
        print(f"{video.name}: {value:.3f} over {n} frames", flush=True)
        yield "edited by a program", value
        for kind, change in COPIES.items():
            yield f"copy, {kind}", least_likeness(change(truth[:n]), truth[:n])


def head(frame: Frames) -> Square:
    """A square of 1.9 times the face's box around its middle."""
    assets = Path(os.environ.get("THBENCH_TEST_ASSETS", "../shared"))
    model = str(assets / "weights/yunet_n_640_640.onnx")
    height, width = frame.shape[:2]
    scale = min(1.0, 640 / max(height, width))
    small = cv2.resize(frame, None, fx=scale, fy=scale)
    found = cv2.FaceDetectorYN.create(model, "", small.shape[1::-1]).detect(small[..., ::-1])[1]
    x, y, w, h = found[0][:4] / scale
    side = int(1.9 * max(w, h))
    return Square(int(x + w / 2 - side / 2), int(y + h / 2 - side / 2), side, width, height)


def squares(path: Path, square: Square, size: int, frames: int) -> Frames:
    read = [*islice(MediaReader().frames(path), frames)]
    at = square.scaled(*read[0].shape[1::-1])
    assert at is not None, f"{path} is not framed as its recording"
    return np.stack([at.cut(frame, size) for frame in read])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=50, help="puppets; without --pair")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--frames", type=int, default=140, help="of every pair")
    parser.add_argument("--pair", type=Path, nargs=2, action="append", metavar="FILE")
    given = parser.parse_args()
    measured = (
        of_pairs(given.pair, given.size, given.frames)
        if given.pair
        else of_puppets(given.clips, given.size)
    )
    found: dict[str, list[float]] = defaultdict(list)
    for kind, value in measured:
        found[kind].append(value)
    for kind, values in found.items():
        print(
            f"| {kind} | {sum(v >= EDIT_COPY for v in values)} of {len(values)} | {min(values):.3f} "
            f"| {np.median(values):.3f} | {max(values):.3f} |"
        )


if __name__ == "__main__":
    main()
