"""Train the network of extractor `puppet-video` and write its weights.

    python -m thbench_fvd.train_puppet --split benchmarks/splits/puppet_v1.yaml --out puppet_video_v1.safetensors

From windows of 16 frames of the split's training actors it learns who is shown, which emotion is played,
how mouth, head and eyelids move in the window, and what was done to the window: nothing, frames in
another order, played backwards, a mouth that stands still, a mouth that moves late or early, frames
repeated. What it says of the validation actors is printed, not used. Minutes on two cores; the weights
come out the same on one machine and build.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
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

from thbench.api import Source
from thbench_fid.train_puppet import DEGREES, EMOTION, some_clips
from thbench_fvd.puppet_net import FEATURES, SIDE, WINDOW, PuppetVideoNet, folded, resized
from thbench_puppet import VERSION
from thbench_puppet.changes import changed
from thbench_puppet.dataset import make

__all__ = ["main"]

SEED = 1
BATCH = 32
KINDS = (
    "as filmed",
    "shuffled",
    "backwards",
    "mouth still",
    "mouth late",
    "mouth early",
    "stuttering",
)
MOTION = 5
"""Numbers per frame that are learned: mouth aperture, yaw, pitch, roll, blink."""


@dataclass(frozen=True, eq=False)
class Data:
    """Windows [N, 16, 64, 64, 3] uint8; actor, emotion, kind [N]; motion [N, 16, 5]; start [N] in frames."""

    windows: Tensor
    actor: Tensor
    emotion: Tensor
    kind: Tensor
    motion: Tensor
    start: Tensor


class Heads(nn.Module):
    """What is asked of the features while training; thrown away afterwards."""

    def __init__(self, actors: int) -> None:
        super().__init__()
        self.actor = nn.Linear(FEATURES, actors)
        self.emotion = nn.Linear(FEATURES, len(EMOTION))
        self.kind = nn.Linear(FEATURES, len(KINDS))
        self.motion = nn.Linear(FEATURES, WINDOW * MOTION)

    def loss(self, features: Tensor, data: Data, rows: Tensor) -> Tensor:
        classes = sum(
            F.cross_entropy(getattr(self, part)(features), getattr(data, part)[rows])
            for part in ("actor", "emotion", "kind")
        )
        motion = self.motion(features).reshape(-1, WINDOW, MOTION)
        return classes + 2 * F.mse_loss(motion, data.motion[rows])


def motion_of(source: Source) -> NDArray[np.float32]:
    """[T, 5]: mouth aperture, head angles and blink, each brought to a spread of about 1."""
    columns = [
        source.annotations["mouth_aperture"][:, None] / 0.1,
        source.annotations["head_pose"] / DEGREES,
        source.annotations["blink"][:, None] / 0.3,
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def damaged(clip_id: str, rng: np.random.Generator) -> Iterator[tuple[str, Source]]:
    """The clip as filmed, and twice more with another mouth: standing still, and late or early."""
    source = make(clip_id, SIDE)
    yield "as filmed", source
    yield "mouth still", changed(source, "mouth", 1.0, clip_id)
    late = int(rng.integers(3, 9))
    kind, shift = ("mouth late", late) if rng.random() < 0.5 else ("mouth early", -late)
    yield kind, changed(source, "mouth_delay", shift, clip_id)


def orders(rng: np.random.Generator) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """In which order the frames of a window are shown."""
    yield "as filmed", np.arange(WINDOW)
    yield "shuffled", rng.permutation(WINDOW)
    yield "backwards", np.arange(WINDOW)[::-1].copy()
    kept = np.sort(rng.choice(WINDOW, WINDOW // 2, replace=False))
    yield "stuttering", kept[np.searchsorted(kept, np.arange(WINDOW), side="right").clip(1) - 1]


def rendered(actors: Sequence[str], per_actor: int) -> Data:
    """Windows of some clips of each actor: one that starts at frame 1, one that starts anywhere."""
    rng = np.random.default_rng(SEED)
    columns: dict[str, list[NDArray[np.generic]]] = {n: [] for n in Data.__dataclass_fields__}
    for clip in some_clips(actors, per_actor):
        for kind, source in damaged(clip.id, rng):
            motion = motion_of(source)
            for start in (1, int(rng.integers(0, len(source.frames) - WINDOW + 1))):
                for order_kind, order in orders(rng):
                    if kind != "as filmed" and order_kind != "as filmed":
                        continue
                    at = start + order
                    columns["windows"].append(source.frames[at])
                    columns["actor"].append(np.asarray(actors.index(clip.actor)))
                    columns["emotion"].append(np.asarray(EMOTION[clip.labels["emotion"]]))
                    name = order_kind if kind == "as filmed" else kind
                    columns["kind"].append(np.asarray(KINDS.index(name)))
                    columns["motion"].append(motion[at])
                    columns["start"].append(np.asarray(start))
    return Data(**{name: torch.tensor(np.stack(c)) for name, c in columns.items()})


def shifted(windows: Tensor, generator: torch.Generator) -> Tensor:
    """The whole batch moved by up to two pixels, so that features do not hang on the pixel grid."""
    dy, dx = (int(v) for v in torch.randint(-2, 3, (2,), generator=generator))
    n, t = windows.shape[:2]
    frames = windows.flatten(0, 1).permute(0, 3, 1, 2).float()
    padded = F.pad(frames, (2, 2, 2, 2), mode="replicate")
    moved = padded[:, :, 2 + dy : 2 + dy + SIDE, 2 + dx : 2 + dx + SIDE].permute(0, 2, 3, 1)
    return moved.reshape(n, t, SIDE, SIDE, 3)


def trained(data: Data, actors: int, steps: int) -> tuple[PuppetVideoNet, Heads]:
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    network, heads = PuppetVideoNet(trained=False), Heads(actors)
    parameters = [*network.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
    for step in range(steps):
        rows = torch.randint(len(data.windows), (BATCH,), generator=generator)
        features = network(resized(shifted(data.windows[rows], generator)))
        loss = heads.loss(features, data, rows)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 50 == 49:
            print(f"step {step + 1} of {steps}: loss {float(loss.detach()):.3f}", flush=True)
    return network, heads


@torch.inference_mode()
def report(
    name: str, network: PuppetVideoNet, heads: Heads, data: Data, parts: Sequence[str]
) -> dict[str, float]:
    """Shares of windows whose `parts` (actor, emotion, kind) are named rightly; error of the motion."""
    features = torch.cat([network(resized(w)) for w in torch.split(data.windows, 64)])
    right = {
        part: float(
            (getattr(heads, part)(features).argmax(1) == getattr(data, part)).double().mean()
        )
        for part in parts
    }
    motion = heads.motion(features).reshape(-1, WINDOW, MOTION)
    unexplained = float(F.mse_loss(motion, data.motion) / data.motion.var())
    found = {**right, "motion_unexplained": unexplained}
    print(name, {part: round(value, 3) for part, value in found.items()}, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", type=Path, required=True, help="manifest with train, validation")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument("--clips", type=int, default=4, help="clips of each training actor")
    parser.add_argument("--steps", type=int, default=900, help=f"of {BATCH} windows each")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    split = yaml.safe_load(args.split.read_text())
    actors = [str(a) for a in split["train"]]
    data = rendered(actors, args.clips)
    print(f"{len(data.windows)} windows of {len(actors)} actors rendered", flush=True)
    network, heads = trained(data, len(actors), args.steps)
    network.eval()
    report("training actors", network, heads, data, ("actor", "emotion", "kind"))
    others = [str(a) for a in split["validation"]]
    unseen = report("unseen actors", network, heads, rendered(others, 4), ("emotion", "kind"))
    metadata = {
        "made_by": "python -m thbench_fvd.train_puppet",
        "trained_on": f"puppet {VERSION}, {len(actors)} training actors of {args.split.name}",
        "steps": str(args.steps),
        "unseen_actors": f"emotion {unseen['emotion']:.3f}, kind {unseen['kind']:.3f}, "
        f"motion unexplained {unseen['motion_unexplained']:.3f}",
    }
    state = folded(network).state_dict()  # 16 bits for weights: half the file, computed in 32 bits
    save_file({k: v.half() if v.ndim > 1 else v for k, v in state.items()}, args.out, metadata)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
