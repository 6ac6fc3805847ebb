"""Fit the linear map of extractor `puppet_face` to the exact annotations of puppets and write it.

    python -m thbench_expression.train_puppet --split benchmarks/splits/puppet_v1.yaml --out puppet_v1.safetensors

Ridge regression from features of the frames of the split's training actors, each frame also blurred,
noisy or dimmed. What it says of the validation actors is printed and written into the file, not used.
Some minutes on one core, nearly all of it drawing.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from thbench.api import Clip
from thbench_expression.eyes import eye_aspect_ratio, relative_openness
from thbench_expression.layout import IBUG
from thbench_expression.puppet_readout import feature_network, features
from thbench_fid.puppet_net import SIDE
from thbench_puppet import VERSION
from thbench_puppet.dataset import make
from thbench_puppet.names import all_clips

__all__ = ["main"]

SEED = 1
RIDGE = 6000.0
"""Added to every eigenvalue of the scaled features' Gram matrix."""


@dataclass(frozen=True, eq=False)
class Data:
    """Frames [N, 64, 64, 3] uint8 and what is to be read of them [N, 140]."""

    frames: NDArray[np.uint8]
    wanted: NDArray[np.float64]


def some_clips(actors: Sequence[str], per_actor: int) -> list[Clip]:
    """`per_actor` clips of each actor, those with the smallest SHA-256 of their id."""
    by_actor: dict[str, list[Clip]] = {actor: [] for actor in actors}
    for clip in all_clips():
        if clip.actor in by_actor:
            by_actor[clip.actor].append(clip)
    return [clip for actor in actors for clip in sorted(by_actor[actor], key=_rank)[:per_actor]]


def _rank(clip: Clip) -> str:
    return hashlib.sha256(clip.id.encode()).hexdigest()


def drawn(actors: Sequence[str], per_actor: int, per_clip: int) -> Data:
    """Some clips of each actor: evenly spaced frames, and all in which the eyes close."""
    frames, wanted = [], []
    for clip in some_clips(actors, per_actor):
        source = make(clip.id, SIDE)
        blink = source.annotations["blink"]
        at = np.union1d(
            np.linspace(0, len(blink) - 1, per_clip).astype(int), np.flatnonzero(blink > 0.05)
        )
        points = source.annotations["landmarks"].astype(np.float64)
        ratio = np.mean(
            [eye_aspect_ratio(points[:, list(e)]) for e in (IBUG.right, IBUG.left)], axis=0
        )
        columns = [
            ((points + 0.5) * 2 / SIDE - 1).reshape(len(points), -1),
            source.annotations["head_pose"],
            relative_openness(ratio)[:, None],
        ]
        frames.append(source.frames[at])
        wanted.append(np.concatenate(columns, axis=1)[at])
    return Data(np.concatenate(frames), np.concatenate(wanted))


def worn(frames: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """The frames as generators deliver them: softer, noisier, darker or brighter, each by its own amount."""
    rng = np.random.default_rng(seed)
    found = np.empty_like(frames)
    for i, frame in enumerate(frames):
        soft = cv2.GaussianBlur(frame, (0, 0), rng.uniform(0.3, 1.2)).astype(np.float64)
        soft = (
            soft * rng.uniform(0.9, 1.1)
            + rng.uniform(-12, 12)
            + rng.normal(0, rng.uniform(0, 6), soft.shape)
        )
        found[i] = np.clip(np.round(soft), 0, 255)
    return found


@torch.inference_mode()
def seen(frames: NDArray[np.uint8]) -> Tensor:
    network = feature_network()
    return torch.cat(
        [features(part, network) for part in torch.split(torch.from_numpy(frames), 256)]
    )


def fitted(data: Data) -> dict[str, Tensor]:
    """Ridge regression in its dual form, in float64."""
    frames = np.concatenate([data.frames, worn(data.frames, SEED)])
    x = seen(frames)
    mean, scale = x.mean(dim=0), x.std(dim=0) + 1e-2
    x = (x - mean) / scale
    y = torch.from_numpy(np.concatenate([data.wanted, data.wanted]))
    offset = y.mean(dim=0)
    gram = (x @ x.T).double()
    gram.diagonal().add_(RIDGE)
    dual = torch.linalg.solve(gram, y - offset)
    matrix = x.T.double() @ dual
    return {"mean": mean, "scale": scale, "matrix": matrix.half(), "offset": offset.float()}


def report(weights: dict[str, Tensor], data: Data) -> dict[str, float]:
    """Mean distance of the points in pixels of 64, of the angles in degrees; correlation of the openness."""
    from thbench_expression.puppet_readout import read

    found = read(seen(data.frames), weights).double().numpy()
    apart = np.linalg.norm((found - data.wanted)[:, :136].reshape(-1, 68, 2), axis=2) * SIDE / 2
    angles = np.abs(found - data.wanted)[:, 136:139].mean(axis=0)
    openness = float(np.corrcoef(found[:, 139], data.wanted[:, 139])[0, 1])
    return {
        "points_px": float(apart.mean()),
        "mouth_px": float(apart[:, 48:].mean()),
        **dict(zip(("yaw", "pitch", "roll"), map(float, angles), strict=True)),
        "openness": openness,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", type=Path, required=True, help="manifest with train, validation")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument("--clips", type=int, default=3, help="clips of each training actor")
    parser.add_argument(
        "--frames", type=int, default=10, help="frames of each clip, and all with closing eyes"
    )
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    split = yaml.safe_load(args.split.read_text())
    actors = [str(a) for a in split["train"]]
    data = drawn(actors, args.clips, args.frames)
    print(f"{len(data.frames)} frames of {len(actors)} actors drawn", flush=True)
    weights = fitted(data)
    unseen = report(weights, drawn([str(a) for a in split["validation"]], 2, args.frames))
    print({part: round(value, 3) for part, value in unseen.items()}, flush=True)
    metadata = {
        "made_by": "python -m thbench_expression.train_puppet",
        "trained_on": f"puppet {VERSION}, {len(actors)} training actors of {args.split.name}",
        "unseen_actors": ", ".join(f"{k} {v:.3f}" for k, v in unseen.items()),
    }
    save_file({k: v.contiguous() for k, v in weights.items()}, args.out, metadata)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
