"""Train the network `puppet-v1` of landmarks and write its weights.

    python -m thbench_face.train_puppet --split benchmarks/splits/puppet_v1.yaml --out puppet_points_v1.safetensors

It learns the exact landmarks of the split's training actors in frames that are moved, turned, scaled,
blurred and dimmed at random. Its error on the validation actors is printed and written into the file,
not used. Minutes on two cores; the weights come out the same on one machine and build.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from thbench_face.puppet_points import SIDE, PuppetPoints, normalised
from thbench_puppet import VERSION
from thbench_puppet.dataset import make
from thbench_puppet.names import all_clips

__all__ = ["main"]

SEED = 1
BATCH = 48
MOUTH_WEIGHT = 2.0
TURN, SCALE, MOVE = np.deg2rad(12.0), 0.15, 0.12
"""Largest roll in radians, change of size, and shift in half sides of the picture, of a training frame."""


def rendered(actors: Sequence[str], per_actor: int, per_clip: int) -> tuple[Tensor, Tensor]:
    """Frames [N, 64, 64, 3] uint8 and landmarks [N, 68, 2] in -1..1, of some clips of each actor."""
    frames, points = [], []
    for actor in actors:
        mine = sorted((c.id for c in all_clips() if c.actor == actor), key=_rank)[:per_actor]
        for clip_id in mine:
            source = make(clip_id, SIDE)
            at = np.linspace(0, len(source.frames) - 1, per_clip).astype(int)
            frames.append(source.frames[at])
            points.append((source.annotations["landmarks"][at] + 0.5) * (2 / SIDE) - 1)
    return torch.tensor(np.concatenate(frames)), torch.tensor(np.concatenate(points))


def _rank(clip_id: str) -> str:
    return hashlib.sha256(clip_id.encode()).hexdigest()


def varied(frames: Tensor, points: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch seen from elsewhere: turned, scaled, moved; blurred, noisy and dimmed; the points go along."""
    n = len(frames)
    turn, size, *move, blur, gain, grain = (torch.rand(n, generator=draw) * 2 - 1 for _ in range(7))
    c, s = torch.cos(TURN * turn), torch.sin(TURN * turn)
    scale = 1 + SCALE * size
    matrix = scale[:, None, None] * torch.stack(
        [torch.stack([c, -s], -1), torch.stack([s, c], -1)], 1
    )
    shift = MOVE * torch.stack(move, -1)
    # grid_sample asks, for a place in the new picture, where it was in the old one
    inverse = torch.linalg.inv(matrix)
    theta = torch.cat([inverse, -(inverse @ shift[:, :, None])], dim=2)
    grid = F.affine_grid(theta, [n, 3, SIDE, SIDE], align_corners=False)
    seen = F.grid_sample(normalised(frames), grid, padding_mode="border", align_corners=False)
    seen = torch.lerp(seen, _blurred(seen), blur.clamp(min=0)[:, None, None, None])
    noise = torch.randn(seen.shape, generator=draw) * 0.06 * grain.clamp(min=0)[:, None, None, None]
    seen = (seen * (1 + 0.15 * gain[:, None, None, None]) + noise).clamp(-1, 1)
    return seen, points @ matrix.transpose(1, 2) + shift[:, None]


def _blurred(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)


def trained(frames: Tensor, points: Tensor, steps: int) -> PuppetPoints:
    torch.manual_seed(SEED)
    draw = torch.Generator().manual_seed(SEED)
    network = PuppetPoints()
    weight = torch.ones(68, 1)
    weight[48:] = MOUTH_WEIGHT
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
    for step in range(steps):
        rows = torch.randint(len(frames), (BATCH,), generator=draw)
        seen, expected = varied(frames[rows], points[rows], draw)
        loss = ((network(seen) - expected).abs() * weight).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 50 == 49:
            print(f"step {step + 1} of {steps}: loss {float(loss.detach()):.4f}", flush=True)
    return network.eval()


@torch.inference_mode()
def error(network: PuppetPoints, frames: Tensor, points: Tensor) -> NDArray[np.float64]:
    """[68] mean distance of each landmark from the truth, over the distance of the outer eye corners."""
    found = torch.cat([network(normalised(f)) for f in torch.split(frames, 256)])
    eyes = (points[:, 36] - points[:, 45]).norm(dim=-1)
    return ((found - points).norm(dim=-1) / eyes[:, None]).double().mean(0).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", type=Path, required=True, help="manifest with train, validation")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument("--clips", type=int, default=4, help="clips of each training actor")
    parser.add_argument("--frames", type=int, default=16, help="frames of each clip")
    parser.add_argument("--steps", type=int, default=2000, help=f"of {BATCH} frames each")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    split = yaml.safe_load(args.split.read_text())
    actors = [str(a) for a in split["train"]]
    frames, points = rendered(actors, args.clips, args.frames)
    print(f"{len(frames)} frames of {len(actors)} actors rendered", flush=True)
    network = trained(frames, points, args.steps)
    unseen = error(network, *rendered([str(a) for a in split["validation"]], 2, args.frames))
    face, mouth = float(unseen.mean()), float(unseen[48:].mean())
    print(f"validation actors: {face:.2%} of the eye distance, mouth {mouth:.2%}")
    metadata = {
        "made_by": "python -m thbench_face.train_puppet",
        "trained_on": f"puppet {VERSION}, {len(actors)} training actors of {args.split.name}",
        "steps": str(args.steps),
        "unseen_actors": f"face {face:.4f}, mouth {mouth:.4f} of the eye distance",
    }
    save_file(network.state_dict(), args.out, metadata)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
