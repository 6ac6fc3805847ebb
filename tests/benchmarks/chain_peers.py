"""The peers' own programs on prepared clips: `python chain_peers.py PART FOLDER SYSTEM`, started by chain.py.

Runs in the peers' environment and prints one line of JSON: the numbers, and the seconds after imports.
Nothing of thbench is imported. What a peer's program would decode lies ready in FOLDER as arrays, which
favours the peers: their decoding is not counted.

fidelity  torch-fidelity's `calculate_metrics`: FID and KID
syncnet   joonson/syncnet_python's `SyncNetInstance.evaluate`, from the checkout THBENCH_SYNCNET_PYTHON
flow      OpenCV's Farneback and numpy's squared difference, frame pair by frame pair
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
Numbers = Mapping[str, float]


def arrays(folder: Path, part: str) -> Iterator[tuple[Any, Any]]:
    """Frames [T, H, W, 3] and samples of every clip of `part`, `refs` or a system's."""
    for file in sorted((folder / "arrays" / part).glob("*.npz")):
        with np.load(file, allow_pickle=False) as stored:
            yield stored["frames"], stored["audio"]


class Pictures(torch.utils.data.Dataset[torch.Tensor]):
    """All frames of a set as [3, H, W] uint8, which is how torch-fidelity takes them."""

    def __init__(self, folder: Path, part: str) -> None:
        frames = np.concatenate([frames for frames, _ in arrays(folder, part)])
        self.frames = torch.from_numpy(frames).permute(0, 3, 1, 2)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, i: int) -> torch.Tensor:
        return self.frames[i]


def fidelity(folder: Path, system: str) -> Numbers:
    from peers import stand_in_for_torchvision

    stand_in_for_torchvision()
    import torch_fidelity

    ours, theirs = Pictures(folder, system), Pictures(folder, "refs")
    found = torch_fidelity.calculate_metrics(
        input1=ours,
        input2=theirs,
        fid=True,
        kid=True,
        kid_subset_size=min(1000, len(ours), len(theirs)),
        feature_extractor_weights_path=str(folder / "inception-for-peers.pth"),
        batch_size=16,
        cuda=False,
        cache=False,
        verbose=False,
        save_cpu_ram=True,
    )
    return {
        "fid": found["frechet_inception_distance"],
        "kid": found["kernel_inception_distance_mean"],
    }


def syncnet(folder: Path, system: str) -> Numbers:
    from syncnet_peer import Peer

    state = torch.load(folder / "weights" / "syncnet_v2.model", weights_only=True)
    peer = Peer(Path(os.environ["THBENCH_SYNCNET_PYTHON"]), state, double=False)
    numbers = {}
    for part in ("refs", system):
        found = []
        for frames, audio in arrays(folder, part):
            seen = np.stack([cv2.resize(f, (224, 224)) for f in frames])
            with tempfile.TemporaryDirectory() as work:
                found.append(peer.evaluate(seen, audio, Path(work)))
        side = "reference." if part == "refs" else ""
        numbers[f"{side}av_offset"] = float(np.mean([f.offset for f in found]))
        numbers[f"{side}av_confidence"] = float(np.mean([f.confidence for f in found]))
        numbers[f"{side}lse_d"] = float(np.mean([f.means.min() for f in found]))
    return numbers


def flow(folder: Path, system: str) -> Numbers:
    numbers = {}
    for part in ("refs", system):
        lengths, errors = [], []
        for frames, _ in arrays(folder, part):
            each, squares = [], []
            grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
            for t in range(len(frames) - 1):
                moved = cv2.calcOpticalFlowFarneback(
                    grey[t], grey[t + 1], None, 0.5, 7, 5, 15, 5, 1.2, 0
                )
                each.append(np.sqrt((moved.astype(np.float64) ** 2).sum(-1)).mean())
                squares.append(np.mean((frames[t + 1].astype(np.float64) - frames[t]) ** 2))
            lengths.append(np.mean(each))
            errors.append(np.mean(squares))
        side = "reference." if part == "refs" else ""
        numbers |= {f"{side}ofm": float(np.mean(lengths)), f"{side}f_mse": float(np.mean(errors))}
    return numbers


PARTS: Mapping[str, Callable[[Path, str], Numbers]] = {
    "fidelity": fidelity,
    "syncnet": syncnet,
    "flow": flow,
}


def main() -> None:
    part, folder, system = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    cv2.setNumThreads(cores)
    start = time.perf_counter()
    numbers = PARTS[part](folder, system)
    print(json.dumps({"seconds": time.perf_counter() - start, "numbers": numbers}))


if __name__ == "__main__":
    main()
