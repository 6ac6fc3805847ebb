"""Every network beside its peer, in turns, in one process on one thread: the table of docs/video_metrics.md.

    python tests/benchmarks/network_ratios.py --i3d pytorch_i3d.py --syncnet syncnet_python --rounds 7

--i3d      piergiaj/pytorch-i3d's file (commit 05783d1)
--syncnet  a checkout of joonson/syncnet_python (commit 6efbb1c)

Needs lpips 0.1.4, torch-fidelity and transformers, in an environment of its own; a peer that is not there is left out and
named. Each pair computes the same from the same random weights (VideoMAE: the same sizes only, at the width and
depth of the published base model); where the weights are the same the results must agree first. A ratio is the
median over rounds of the peer's seconds divided by ours; rounds alternate who goes first. The quartiles of the ratio
stand beside it. Results go to standard output as Markdown.
"""

# ruff: noqa: E402  (the path of the support modules, then the stand-in, come before what needs them)
from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from peers import i3d_of, module_of, stand_in_for_torchvision

stand_in_for_torchvision()  # torchmetrics imports torch-fidelity, and that torchvision

import random_i3d
import random_inception
import random_syncnet
import random_trunk
from thbench_lpips.distance import distances, linear_layers
from thbench_lpips.network import trunk_of

Work = Callable[[], torch.Tensor | np.ndarray]


@dataclass(frozen=True)
class Pair:
    """Two ways to one result; `near` is the relative difference allowed, None where weights are unlike."""

    name: str
    peer: Work
    ours: Work
    near: float | None = 1e-3


def lpips_pairs() -> Iterator[Pair]:
    import lpips

    for net, count in (("alex", 16), ("vgg", 4)):
        theirs = trunk_of(net)
        theirs.load_state_dict(random_trunk.random_state(net))
        model = types.SimpleNamespace(features=theirs.features)
        sys.modules["torchvision"].models = types.SimpleNamespace(  # type: ignore[attr-defined]
            alexnet=lambda pretrained=False, m=model: m, vgg16=lambda pretrained=False, m=model: m
        )
        lpips.pretrained_networks.tv = sys.modules["torchvision"].models
        peer = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval()
        trunk = random_trunk.random_trunk(net, torch.float32).to(memory_format=torch.channels_last)
        linear = linear_layers(net)
        rng = np.random.RandomState(1)
        x, y = (rng.randint(0, 256, (count, 128, 128, 3)).astype(np.uint8) for _ in range(2))

        def theirs_of(
            peer: torch.nn.Module = peer, x: np.ndarray = x, y: np.ndarray = y
        ) -> np.ndarray:
            a, b = (torch.tensor(p).permute(0, 3, 1, 2).float() / 127.5 - 1 for p in (x, y))
            return peer(a, b).flatten().numpy()

        yield Pair(
            f"LPIPS {net}, {count} pairs of 128 px: lpips 0.1.4",
            theirs_of,
            lambda x=x, y=y, trunk=trunk, linear=linear: distances(x, y, trunk, linear),
        )


def inception_pairs() -> Iterator[Pair]:
    from torch_fidelity import feature_extractor_inceptionv3 as fidelity

    from thbench_fid.inception import BATCH, channels_last, extract
    from thbench_fid.weights import folded

    with np.load(random_inception.REFERENCE) as stored:
        state = random_inception.random_state(dict(stored))
    counters = {k.replace("running_var", "num_batches_tracked"): torch.tensor(0) for k in state}
    with tempfile.TemporaryDirectory() as folder:
        torch.save({**counters, **state}, Path(folder) / "state.pth")
        peer = fidelity.FeatureExtractorInceptionV3("", ["2048"], str(Path(folder) / "state.pth"))
    frames = random_inception.synthetic_frames(BATCH, 128, seed=0)
    images = torch.tensor(frames).permute(0, 3, 1, 2).contiguous()
    for kind, near in ((torch.float32, 1e-3), (torch.bfloat16, 1.0)):
        network = channels_last(folded(state).to(kind))
        name = str(kind).removeprefix("torch.")
        yield Pair(
            f"Inception, {BATCH} frames of 128 px, {name}: torch-fidelity",
            lambda: peer(images)[0],
            lambda network=network, kind=kind: extract(network, frames, "tf", BATCH, kind),
            near,
        )


def i3d_pairs(source: Path) -> Iterator[Pair]:
    from thbench_fvd.weights import folded

    with np.load(random_i3d.REFERENCE) as stored:
        state = random_i3d.random_state(dict(stored))
    peer, ours = i3d_of(source, state), folded(state).float()
    window = torch.rand(1, 3, 16, 224, 224, generator=torch.Generator().manual_seed(1)) * 2 - 1
    yield Pair(
        "I3D, 16 frames of 224 px: pytorch-i3d", lambda: peer(window).mean(2), lambda: ours(window)
    )


def videomae_pairs() -> Iterator[Pair]:
    from transformers import VideoMAEConfig, VideoMAEModel

    from thbench_fvd.videomae import Shape, VideoMae

    shape = Shape(
        side=224, frames=16, patch=14, tubelet=2, width=768, depth=12, heads=12, hidden=3072
    )
    sizes = VideoMAEConfig(
        image_size=224,
        patch_size=14,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
    )
    peer, ours = VideoMAEModel(sizes).eval(), VideoMae(shape).eval()
    window = torch.rand(1, 3, 16, 224, 224, generator=torch.Generator().manual_seed(1))
    theirs = window.transpose(1, 2).contiguous()
    yield Pair(
        "VideoMAE of base size, 16 frames of 224 px: transformers",
        lambda: peer(theirs).last_hidden_state.mean(1),
        lambda: ours(window),
        near=None,
    )


def syncnet_pairs(folder: Path) -> Iterator[Pair]:
    from thbench_syncnet.folded import Folded
    from thbench_syncnet.networks import syncnet

    state = random_syncnet.random_state(6, {})
    peer = module_of(folder / "SyncNetModel.py").S(num_layers_in_fc_layers=1024)
    peer.load_state_dict(state, strict=False)
    peer.eval()
    rng = np.random.RandomState(1)
    windows = torch.tensor(rng.randint(0, 256, (20, 5, 224, 224, 3)), dtype=torch.uint8)
    theirs = windows.permute(0, 4, 1, 2, 3).float().contiguous()  # [20, 3, 5, 224, 224]
    pictures = windows.permute(0, 1, 4, 2, 3).reshape(20, 15, 224, 224)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    for kind, near in ((torch.float32, 1e-3), (torch.bfloat16, 1.0)):
        ours = Folded(syncnet(state), kind)
        name = str(kind).removeprefix("torch.")
        yield Pair(
            f"SyncNet's lip network, 20 windows, {name}: syncnet_python",
            lambda: peer.forward_lip(theirs),
            lambda ours=ours: torch.cat([ours.lip(pictures[i : i + 4]) for i in range(0, 20, 4)]),
            near,
        )


def agreement(pair: Pair) -> float:
    a, b = (np.asarray(torch.as_tensor(w()).float()) for w in (pair.peer, pair.ours))
    return (
        float(np.abs(a.ravel() - b.ravel()).max() / np.abs(a).max()) if pair.near else float("nan")
    )


def measured(pair: Pair, rounds: int) -> str:
    """One line of the table."""
    away = agreement(pair)  # also what prepares both
    assert pair.near is None or away <= pair.near, f"{pair.name}: results differ by {away:.2g}"
    seconds: dict[str, list[float]] = {"peer": [], "ours": []}
    for i in range(rounds):
        turns = [("peer", pair.peer), ("ours", pair.ours)]
        for who, work in turns if i % 2 else turns[::-1]:
            start = time.perf_counter()
            work()
            seconds[who].append(time.perf_counter() - start)
    ratios = np.array(seconds["peer"]) / np.array(seconds["ours"])
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    peer, ours = (float(np.median(seconds[who])) for who in ("peer", "ours"))
    same = "sizes only" if pair.near is None else f"{away:.1g}"
    return f"| {pair.name} | {peer:.2f} | {ours:.2f} | **{middle:.2f}** ({low:.2f} to {high:.2f}) | {same} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--i3d", type=Path, required=True)
    parser.add_argument("--syncnet", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", help="i3d, syncnet, videomae, inception, lpips")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| network, work: peer | peer, s | thbench, s | ratio (quartiles) | results differ by |\n|---|---|---|---|---|"
    )
    kinds: dict[str, Callable[[], Iterator[Pair]]] = {
        "i3d": lambda: i3d_pairs(options.i3d),
        "syncnet": lambda: syncnet_pairs(options.syncnet),
        "videomae": videomae_pairs,
        "inception": inception_pairs,
        "lpips": lpips_pairs,
    }
    for name in options.only or kinds:
        try:
            with torch.inference_mode():
                for pair in kinds[name]():
                    print(measured(pair, options.rounds), flush=True)
        except ImportError as error:
            print(f"left out: {error}", file=sys.stderr)
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(
        f"\n{options.rounds} rounds, one thread, {os.cpu_count()} cores, torch {torch.__version__}, load {load}"
    )


if __name__ == "__main__":
    main()
