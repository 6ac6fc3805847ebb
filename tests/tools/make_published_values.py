"""Make tests/core/selftest/published_values.json again: what peers' code says of random weights.

    python tests/tools/make_published_values.py pytorch_i3d.py

The argument is the file of piergiaj/pytorch-i3d (commit 05783d1), which this project does not hold; torch-fidelity must be
importable (where torchvision is not, a stand-in takes its place: the networks used here do not need it). Everything
runs in float64.
"""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import made_cifar
import random_i3d
import random_inception
from peers import i3d_of, stand_in_for_torchvision

FILE = Path(__file__).resolve().parents[1] / "core" / "selftest" / "published_values.json"


def fvd(source: Path) -> float:
    """|logits of black - logits of white|^2, 30 frames: -1 and 1 after any resize."""
    with np.load(random_i3d.REFERENCE) as stored:
        network = i3d_of(source, random_i3d.random_state(dict(stored))).double()
    with torch.no_grad():
        black, white = (
            network(torch.full((1, 3, 30, 224, 224), value, dtype=torch.float64)).mean(2)[0]
            for value in (-1.0, 1.0)
        )
    return float(((black - white) ** 2).sum())


def cifar() -> dict[str, float]:
    from torch_fidelity import feature_extractor_inceptionv3 as peer
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    with np.load(random_inception.REFERENCE) as stored:
        state = random_inception.random_state(dict(stored))
    counters = {k.replace("running_var", "num_batches_tracked"): torch.tensor(0) for k in state}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.pth"
        torch.save({**counters, **state}, path)
        network = peer.FeatureExtractorInceptionV3("", ["2048"], str(path)).double()
    network.feature_extractor_internal_dtype = torch.float64
    with torch.no_grad():
        sets = [
            network(torch.tensor(made_cifar.pictures(n)).permute(0, 3, 1, 2).contiguous())[
                0
            ].double()
            for n in made_cifar.NAMES
        ]
    moments = [fid_features_to_statistics(s) for s in sets]
    kid = {"kid_subsets": 1, "kid_subset_size": made_cifar.COUNT, "verbose": False, "rng_seed": 1}
    return {
        "FID": fid_statistics_to_metric(*moments, False)["frechet_inception_distance"],
        "KID": kid_features_to_metric(*sets, **kid)["kernel_inception_distance_mean"],
    }


def main() -> None:
    torch.set_num_threads(1)
    stand_in_for_torchvision()
    values = {"FVD": fvd(Path(sys.argv[1])), **cifar()}
    peers = {
        "FVD": "piergiaj/pytorch-i3d 05783d1",
        "FID, KID": f"torch-fidelity {version('torch-fidelity')}",
    }
    made = "python tests/tools/make_published_values.py pytorch_i3d.py"
    text = json.dumps(
        {"made_by": made, "peers": peers, "torch": torch.__version__, "values": values}, indent=1
    )
    FILE.write_text(text + "\n")


if __name__ == "__main__":
    main()
