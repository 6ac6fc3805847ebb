"""How often the likeness of two movements calls a video a copy: of disguised copies, and of honest systems.

    python tests/tools/copy_rates.py --clips 200 --size 64 --out rates.json      # puppets
    python tests/tools/copy_rates.py --clips 200 --size 128 --seed 2             # others than chose the threshold
    python tests/tools/copy_rates.py --real ../shared/clips                      # real faces

An honest near-perfect system is a puppet that is drawn by the same code as the reference, with its
identity, its voice, its mouth movement and its length to the last digit; head, gaze, brows and blinks,
which do not follow from one frame and speech, are mixed with those of another clip: a share of 1 is a
movement of its own, smaller shares are systems that were told a part of the truth.

Of real faces, an honest system is another recording of the same person, who says the same sentence where
there is one (CREMA-D), or other three seconds of the same recording; recordings of others come beside them.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np

from thbench.api import Frames
from thbench.video import MediaReader, write_h264
from thbench.video.likeness import COPY, likeness
from thbench_puppet.motion import Motion
from thbench_puppet.names import clip_ids
from thbench_puppet.render import render
from thbench_puppet.scene import Scene, scene
from thbench_puppet.warp import Warp

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def through_h264(frames: Frames, crf: int) -> Frames:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.mp4"
        write_h264(path, frames, None, crf=crf)
        return MediaReader().read(path).frames


def affine(frames: Frames, matrix: np.ndarray) -> Frames:
    size = frames.shape[1:3][::-1]
    edge = cv2.BORDER_REPLICATE
    return np.stack([cv2.warpAffine(f, matrix, size, borderMode=edge) for f in frames])


def moved(frames: Frames, pixels: float) -> Frames:
    return affine(frames, np.array([[1, 0, pixels], [0, 1, pixels / 2]], np.float32))


def turned(frames: Frames, degrees: float, scale: float) -> Frames:
    middle = frames.shape[1] / 2
    return affine(frames, cv2.getRotationMatrix2D((middle, middle), degrees, scale))


def blurred(frames: Frames, sigma: float) -> Frames:
    return np.stack([cv2.GaussianBlur(f, (0, 0), sigma * frames.shape[1] / 128) for f in frames])


def late(frames: Frames, n: int) -> Frames:
    return np.concatenate([np.repeat(frames[:1], n, 0), frames[:-n]])


def noisy(frames: Frames, sigma: float) -> Frames:
    grain = np.random.default_rng(0).normal(0, sigma, frames.shape)
    return np.clip(frames + grain, 0, 255).astype(np.uint8)


def halved(frames: Frames) -> Frames:
    n = frames.shape[1]
    return np.stack(
        [
            cv2.resize(cv2.resize(f, (n // 2, n // 2), interpolation=cv2.INTER_AREA), (n, n))
            for f in frames
        ]
    )


COPIES: dict[str, Callable[[Frames], Frames]] = {
    "as it is": lambda f: f,
    "H.264, crf 23": lambda f: through_h264(f, 23),
    "H.264, crf 35": lambda f: through_h264(f, 35),
    "shifted by half a pixel": lambda f: moved(f, 0.5),
    "shifted by 1 pixel": lambda f: moved(f, 1),
    "shifted by 3 pixels": lambda f: moved(f, 3),
    "enlarged by 3 %": lambda f: turned(f, 0, 1.03),
    "turned by 2 degrees": lambda f: turned(f, 2, 1),
    "blurred, sigma 1 of 128": lambda f: blurred(f, 1),
    "blurred, sigma 2 of 128": lambda f: blurred(f, 2),
    "1 frame late": lambda f: late(f, 1),
    "3 frames late": lambda f: late(f, 3),
    "noise of 8 grey levels": lambda f: noisy(f, 8),
    "gamma 0.8": lambda f: (255 * (f / 255.0) ** 0.8).astype(np.uint8),
    "through half the size": halved,
}


HONEST: dict[str, Callable[[Frames], Frames]] = {
    "as it is": lambda f: f,
    "noise of 2 grey levels": lambda f: noisy(f, 2),
    "noise of 8 grey levels": lambda f: noisy(f, 8),
    "H.264, crf 23": lambda f: through_h264(f, 23),
    "1 frame late": lambda f: late(f, 1),
}
"""What becomes of the videos of a system whose movement is its own and all else the reference's."""


def honest(seen: Scene, other: Scene, share: float, size: int) -> Frames:
    """The scene with `share` of another scene's head, gaze, brows and blinks."""
    mixed = {}
    for field in fields(Motion):
        true, own = getattr(seen.motion, field.name), getattr(other.motion, field.name)
        mixed[field.name] = np.sqrt(1 - share**2) * true + share * np.resize(own, len(true))
    motion = Motion(**mixed)
    warp = Warp(seen.score.actor.face, motion, seen.mouth.jaw)
    return render(seen.score, motion, seen.mouth, warp, size)


def measured(clips: int, size: int, seed: int) -> Iterator[tuple[str, float]]:
    chosen = random.Random(seed).sample(sorted(clip_ids()), clips)
    for name, other_name in zip(chosen, [*chosen[1:], chosen[0]], strict=True):
        seen, other = scene(name), scene(other_name)
        truth = render(seen.score, seen.motion, seen.mouth, seen.warp, size)
        for kind, change in COPIES.items():
            yield f"copy, {kind}", likeness(change(truth), truth)
        for share in SHARES:
            video = honest(seen, other, share, size)
            yield f"movement of its own, share {share:g}", likeness(video, truth)
        for kind, change in HONEST.items():  # of the share 1, the last one
            yield f"honest, {kind}", likeness(change(video), truth)


def of_real_faces(folder: Path, size: int) -> Iterator[tuple[str, float]]:
    """Recordings below `folder`: middle squares of three seconds each."""
    spans = {p.stem: list(_spans(p, size)) for p in sorted(folder.rglob("*")) if _is_recording(p)}
    for parts in spans.values():
        for kind, change in COPIES.items():
            yield f"copy, {kind}", likeness(change(parts[0]), parts[0])
        for one, other in permutations(parts, 2):
            yield "the same recording, other seconds", likeness(one, other)
    for one, other in permutations(spans, 2):
        of = "the same person and sentence" if one[:4] == other[:4] == "1001" else "another person"
        yield f"{of}, another recording", likeness(spans[one][0], spans[other][0])


def _is_recording(path: Path) -> bool:
    return path.suffix in (".flv", ".mpg", ".mp4") and "generated" not in path.parts


def _spans(path: Path, size: int) -> Iterator[Frames]:
    frames = MediaReader().read(path).frames
    side = min(frames.shape[1:3])
    top, left = ((n - side) // 2 for n in frames.shape[1:3])
    for start in range(0, max(1, len(frames) - 60), 75):
        cut = frames[start : start + 75, top : top + side, left : left + side]
        yield np.stack([cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in cut])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1, help="which puppets")
    parser.add_argument("--real", type=Path, help="a folder of real recordings, instead of puppets")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, list[float]] = defaultdict(list)
    source = measured(given.clips, given.size, given.seed)
    if given.real:
        source = of_real_faces(given.real, given.size)
    for kind, value in source:
        found[kind].append(value)
    rows = {
        kind: {
            "copies": sum(v >= COPY for v in values),
            "of": len(values),
            "lowest": min(values),
            "median": float(np.median(values)),
            "highest": max(values),
        }
        for kind, values in found.items()
    }
    for kind, row in rows.items():
        print(
            f"| {kind} | {row['copies']} of {row['of']} | {row['lowest']:.3f} | {row['median']:.3f} "
            f"| {row['highest']:.3f} |"
        )
    if given.out:
        given.out.write_text(
            json.dumps({"threshold": COPY, "size": given.size, "rows": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
