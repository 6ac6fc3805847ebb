"""Train the network of extractor `puppet-v1` and write its weights.

    python -m thbench_fid.train_puppet --split benchmarks/splits/puppet_v1.yaml --out puppet_v1.safetensors

It learns, from the split's training actors only, who is shown, what sound the mouth forms, which
emotion is played and how the head is turned. What it says of the validation actors is printed, not
used. Minutes on two cores; the weights come out the same on one machine and build.
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
from torch import Tensor, nn
from torch.nn import functional as F

from thbench.api import Clip
from thbench_fid.puppet_net import FEATURES, SIDE, PuppetNet, folded, resized
from thbench_puppet import VERSION
from thbench_puppet.dataset import make
from thbench_puppet.names import all_clips
from thbench_puppet.sentences import VISEMES

__all__ = ["main"]

SEED = 1
BATCH = 128
DEGREES = 8.0
"""Head angles are learned in units of this many degrees."""
EMOTION = {name: i for i, name in enumerate(sorted({c.labels["emotion"] for c in all_clips()}))}


@dataclass(frozen=True, eq=False)
class Data:
    """Frames [N, 64, 64, 3] uint8 with actor [N], viseme [N], emotion [N] and head pose [N, 3]."""

    frames: Tensor
    actor: Tensor
    viseme: Tensor
    emotion: Tensor
    pose: Tensor


class Heads(nn.Module):
    """What is asked of the features while training; thrown away afterwards."""

    def __init__(self, actors: int) -> None:
        super().__init__()
        self.actor = nn.Linear(FEATURES, actors)
        self.viseme = nn.Linear(FEATURES, len(VISEMES))
        self.emotion = nn.Linear(FEATURES, len(EMOTION))
        self.pose = nn.Linear(FEATURES, 3)

    def loss(self, features: Tensor, data: Data, rows: Tensor) -> Tensor:
        pose = F.mse_loss(self.pose(features), data.pose[rows] / DEGREES)
        classes = (
            F.cross_entropy(self.actor(features), data.actor[rows])
            + F.cross_entropy(self.viseme(features), data.viseme[rows])
            + F.cross_entropy(self.emotion(features), data.emotion[rows])
        )
        return classes + pose


def some_clips(actors: Sequence[str], per_actor: int) -> list[Clip]:
    """`per_actor` clips of each actor, those with the smallest SHA-256 of their id."""
    by_actor: dict[str, list[Clip]] = {actor: [] for actor in actors}
    for clip in all_clips():
        if clip.actor in by_actor:
            by_actor[clip.actor].append(clip)
    return [clip for actor in actors for clip in sorted(by_actor[actor], key=rank)[:per_actor]]


def rank(clip: Clip) -> str:
    return hashlib.sha256(clip.id.encode()).hexdigest()


def rendered(actors: Sequence[str], per_actor: int, per_clip: int) -> Data:
    """Evenly spaced frames of some clips of each actor, with their ground truth."""
    columns: dict[str, list[NDArray[np.generic]]] = {n: [] for n in Data.__dataclass_fields__}
    for clip in some_clips(actors, per_actor):
        source = make(clip.id, SIDE)
        at = np.linspace(0, len(source.frames) - 1, per_clip).astype(int)
        columns["frames"].append(source.frames[at])
        columns["actor"].append(np.full(per_clip, actors.index(clip.actor)))
        columns["viseme"].append(source.annotations["viseme"][at])
        columns["emotion"].append(np.full(per_clip, EMOTION[clip.labels["emotion"]]))
        columns["pose"].append(source.annotations["head_pose"][at])
    return Data(**{name: torch.tensor(np.concatenate(c)) for name, c in columns.items()})


def shifted(frames: Tensor, generator: torch.Generator) -> Tensor:
    """The whole batch moved by up to two pixels, so that features do not hang on the pixel grid."""
    dy, dx = (int(v) for v in torch.randint(-2, 3, (2,), generator=generator))
    padded = F.pad(frames.permute(0, 3, 1, 2).float(), (2, 2, 2, 2), mode="replicate")
    return padded[:, :, 2 + dy : 2 + dy + SIDE, 2 + dx : 2 + dx + SIDE].permute(0, 2, 3, 1)


def trained(data: Data, actors: int, steps: int) -> tuple[PuppetNet, Heads]:
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    network, heads = PuppetNet(trained=False), Heads(actors)
    parameters = [*network.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    for step in range(steps):
        rows = torch.randint(len(data.frames), (BATCH,), generator=generator)
        features = network(resized(shifted(data.frames[rows], generator)))
        loss = heads.loss(features, data, rows)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1} of {steps}: loss {float(loss.detach()):.3f}", flush=True)
    return network, heads


@torch.inference_mode()
def report(
    name: str, network: PuppetNet, heads: Heads, data: Data, parts: Sequence[str]
) -> dict[str, float]:
    """Shares of frames whose `parts` (actor, viseme, emotion) are named rightly; mean pose error."""
    features = torch.cat([network(resized(f)) for f in torch.split(data.frames, 512)])
    right = {
        part: float(
            (getattr(heads, part)(features).argmax(1) == getattr(data, part)).double().mean()
        )
        for part in parts
    }
    degrees = (heads.pose(features) * DEGREES - data.pose).abs().mean()
    found = {**right, "pose_error_degrees": float(degrees)}
    print(name, {part: round(value, 3) for part, value in found.items()}, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", type=Path, required=True, help="manifest with train, validation")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument("--clips", type=int, default=6, help="clips of each training actor")
    parser.add_argument("--frames", type=int, default=16, help="frames of each clip")
    parser.add_argument("--steps", type=int, default=900, help=f"of {BATCH} frames each")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    split = yaml.safe_load(args.split.read_text())
    actors = [str(a) for a in split["train"]]
    data = rendered(actors, args.clips, args.frames)
    print(f"{len(data.frames)} frames of {len(actors)} actors rendered", flush=True)
    network, heads = trained(data, len(actors), args.steps)
    network.eval()
    report("training actors", network, heads, data, ("actor", "viseme", "emotion"))
    others = [str(a) for a in split["validation"]]
    strangers = rendered(others, 2, args.frames)
    unseen = report("unseen actors", network, heads, strangers, ("viseme", "emotion"))
    metadata = {
        "made_by": "python -m thbench_fid.train_puppet",
        "trained_on": f"puppet {VERSION}, {len(actors)} training actors of {args.split.name}",
        "steps": str(args.steps),
        "unseen_actors": f"viseme {unseen['viseme']:.3f}, emotion {unseen['emotion']:.3f}",
    }
    state = folded(network).state_dict()  # 16 bits for weights: half the file, computed in 32 bits
    save_file({k: v.half() if v.ndim > 1 else v for k, v in state.items()}, args.out, metadata)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
