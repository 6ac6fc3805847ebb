"""Make tests/builtin/fid/reference.npz and reference.json again from the peers' own code.

    PYTHONPATH=tests/support python tests/tools/make_fid_reference.py torch-fidelity=5e211a9 pytorch-fid=b9c1811 clean-fid=e88c4d6

(the peers' commits, recorded as given) in an environment of its own with torch-fidelity, pytorch-fid, clean-fid and torchvision (none of which
this project installs); thbench and plugins/ must be importable. Frames are synthetic, so that anyone
gets the same files. All networks run in float64.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytorch_fid.fid_score
import pytorch_fid.inception
import scipy
import torch
import torch_fidelity.feature_extractor_inceptionv3 as fidelity
from cleanfid.resize import build_resizer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from random_inception import (
    KEPT,
    SETS,
    checksum,
    feature_set,
    frames_of,
    random_state,
    spread,
    synthetic_frames,
)

HERE = Path(__file__).resolve().parents[1] / "builtin" / "fid"
Array = NDArray[Any]


def complete(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With the counters that the peers' batch norms expect."""
    counters = {
        k.replace("running_var", "num_batches_tracked"): torch.tensor(0)
        for k in state
        if k.endswith("running_var")
    }
    return {**state, **counters}


def fidelity_network(state: Mapping[str, Tensor]) -> nn.Module:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.pth"
        torch.save(complete(state), path)
        network = fidelity.FeatureExtractorInceptionV3("", ["2048"], str(path))
    network.double()
    network.feature_extractor_internal_dtype = torch.float64  # its option "float64" means float32
    return network


def pytorch_fid_network(state: Mapping[str, Tensor]) -> nn.Module:
    with mock.patch.object(
        pytorch_fid.inception, "load_state_dict_from_url", lambda *a, **k: complete(state)
    ):
        return pytorch_fid.inception.InceptionV3().double().eval()


def calibrated() -> dict[str, Array]:
    """Batch-norm statistics from one pass of torch-fidelity's network in training mode."""
    network = fidelity_network(random_state({}))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            module.train()
    frames = np.concatenate(
        [resized_to_299(synthetic_frames(8, s, 100 + s)) for s in (64, 128, 512)]
    )
    with torch.no_grad():
        network(torch.tensor(frames).permute(0, 3, 1, 2))
    return {k: v.float().numpy() for k, v in network.state_dict().items() if "running_" in k}


def resized_to_299(frames: Array) -> Array:
    rows = np.arange(299) * frames.shape[1] // 299
    return frames[:, rows][:, :, rows]


def pooled_output(network: nn.Module, images: Tensor) -> Array:
    """Features before torch-fidelity casts them to float32."""
    seen: list[Tensor] = []
    handle = network.AvgPool.register_forward_hook(lambda m, a, out: seen.append(out.flatten(1)))
    with torch.no_grad():
        network(images)
    handle.remove()
    return seen[0].numpy()


def without_resize(network: nn.Module, images: Tensor) -> Array:
    """clean-fid's way: resized images go through the same network, (x - 128) / 128."""
    with (
        mock.patch.object(fidelity, "interpolate_bilinear_2d_like_tensorflow1x", lambda x, **k: x),
        mock.patch.object(fidelity, "vassert", lambda *a: None),
    ):
        return pooled_output(network, images)


def features(resize: str, frames: Array, networks: Mapping[str, nn.Module]) -> Array:
    """[T, 2048] float64 by the peer that stands for `resize`."""
    images = torch.tensor(frames).permute(0, 3, 1, 2)
    if resize == "tf":
        return pooled_output(networks["torch-fidelity"], images)
    if resize == "legacy_pytorch":
        with torch.no_grad():
            return networks["pytorch-fid"](images.double() / 255)[0][:, :, 0, 0].numpy()
    resizer = build_resizer("clean")
    clean = torch.tensor(np.stack([resizer(f) for f in frames])).permute(0, 3, 1, 2)
    return without_resize(networks["torch-fidelity"], clean.double())


def fid(a: Array, b: Array) -> dict[str, float]:
    s, t = (fid_features_to_statistics(torch.tensor(x)) for x in (a, b))
    return {
        "torch-fidelity": fid_statistics_to_metric(s, t, False)["frechet_inception_distance"],
        "pytorch-fid": float(
            pytorch_fid.fid_score.calculate_frechet_distance(
                s["mu"], s["sigma"], t["mu"], t["sigma"]
            )
        ),
    }


def statistics() -> Iterator[tuple[str, Any]]:
    """Values of the three statistics on feature sets that need no network."""
    a, b = (feature_set(*s) for s in SETS)
    yield "fid", fid(a, b)
    x, y = torch.tensor(a), torch.tensor(b)
    kid = {"kid_subsets": 20, "kid_subset_size": 250, "rng_seed": 2020, "verbose": False}
    yield "kid", kid_features_to_metric(x, y, **kid)["kernel_inception_distance_mean"]
    prc = prc_features_to_metric(x, y, prc_neighborhood=3, prc_batch_size=10_000, verbose=False)
    yield "precision", prc["precision"]
    yield "recall", prc["recall"]


def main() -> None:
    stats = calibrated()
    state = random_state(stats)
    networks = {
        "torch-fidelity": fidelity_network(state),
        "pytorch-fid": pytorch_fid_network(state),
    }
    arrays: dict[str, Array] = dict(stats)
    values: dict[str, Any] = {"state": checksum(state), "fid": {}, "spread": {}}
    for resize in ("tf", "legacy_pytorch", "clean"):
        by_set = [
            np.concatenate([features(resize, f, networks) for f in frames_of(part)])
            for part in ("generated", "reference")
        ]
        arrays[f"features.{resize}"] = np.concatenate(by_set)[:, ::KEPT]
        values["fid"][resize] = fid(*by_set)
        values["spread"][resize] = spread(np.concatenate(by_set))
    values["statistics"] = dict(statistics())
    values["peers"] = dict(argument.split("=", 1) for argument in sys.argv[1:])
    values["versions"] = {"torch": torch.__version__, "scipy": scipy.__version__}
    np.savez_compressed(HERE / "reference.npz", **arrays)
    (HERE / "reference.json").write_text(json.dumps(values, indent=2) + "\n")


if __name__ == "__main__":
    main()
