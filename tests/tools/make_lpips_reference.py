"""Make tests/builtin/lpips/reference.json again from the package lpips.

    python tests/tools/make_lpips_reference.py

in an environment with lpips 0.1.4 and thbench. The package imports torchvision for its trunks; where that
does not import, a stand-in builds them from torchvision's published configuration (AlexNet; VGG's
configuration D, with its last pool and in-place ReLUs), whose keys must fit the random weights. It
must not run in a process that uses torchmetrics. Everything runs in float64.
"""

from __future__ import annotations

import importlib.machinery
import json
import sys
import types
from importlib.metadata import version
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from random_trunk import PAIRS, pair_of, random_state

VGG_D = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"
ALEXNET = "64,11,4,2 M 192,5,1,2 M 384,3,1,1 256,3,1,1 256,3,1,1 M"
"""Channels, kernel, stride, padding; M: max pool."""


def described(net: str) -> torch.nn.Module:
    """An object with torchvision's `features` and the random weights, float64."""
    layers: list[torch.nn.Module] = []
    cin = 3
    for word in (ALEXNET if net == "alex" else VGG_D).split():
        if word == "M":
            layers.append(torch.nn.MaxPool2d(*((3, 2) if net == "alex" else (2, 2))))
            continue
        cout, kernel, stride, pad = (
            int(w) for w in (word + ("" if "," in word else ",3,1,1")).split(",")
        )
        layers += [torch.nn.Conv2d(cin, cout, kernel, stride, pad), torch.nn.ReLU(inplace=True)]
        cin = cout
    module = torch.nn.Module()
    module.features = torch.nn.Sequential(*layers)
    module.load_state_dict(random_state(net))
    return module.double().eval()


def torchvision_with(**trunks: torch.nn.Module) -> types.ModuleType:
    """A module `torchvision` whose models have the given `features`."""
    module = types.ModuleType("torchvision")
    module.__spec__ = importlib.machinery.ModuleSpec("torchvision", None)
    module.models = types.SimpleNamespace(
        **{n: lambda pretrained=False, t=t: t for n, t in trunks.items()}
    )
    return module


def main() -> None:
    trunks = {net: described(net) for net in ("alex", "vgg")}
    sys.modules["torchvision"] = torchvision_with(alexnet=trunks["alex"], vgg16=trunks["vgg"])
    import lpips

    values: dict[str, list[list[float]]] = {}
    for net in trunks:
        model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).double()
        found = []
        for size, seed in PAIRS:
            x, y = (
                torch.tensor(p).permute(0, 3, 1, 2).double() / 127.5 - 1
                for p in pair_of(size, seed)
            )
            with torch.no_grad():
                found.append(model(x, y).flatten().tolist())
        values[net] = found
    document = {
        "made_by": "tests/tools/make_lpips_reference.py",
        "peer": f"lpips {version('lpips')}",
        "torch": torch.__version__,
        "pairs": [list(p) for p in PAIRS],
        "values": values,
    }
    (Path(__file__).resolve().parents[1] / "builtin" / "lpips" / "reference.json").write_text(
        json.dumps(document, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
