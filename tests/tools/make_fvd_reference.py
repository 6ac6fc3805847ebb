"""Make tests/builtin/fvd/reference.npz again from the peer's own network.

    python tests/tools/make_fvd_reference.py pytorch_i3d.py videomaev2_finetune.py

The arguments are the files of piergiaj/pytorch-i3d (commit 05783d1) and of songweige/content-debiased-fvd
(cdfvd/third_party/VideoMAEv2, commit a1e037a), which this project does not hold. thbench and plugins/
must be importable. All networks run in float64 on synthetic windows.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from torch import Tensor, nn
from torch.nn import functional as F

from random_i3d import REFERENCE, SIZES, random_state, window
from random_videomae import TINY, random_videomae_state

RESIZES = ("stretch", "tf")


def module_of(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stretched(frames: Any) -> Tensor:
    """[1, 3, T, 224, 224] as content-debiased FVD prepares frames, float64."""
    x = torch.tensor(frames).permute(0, 3, 1, 2).double()
    x = F.interpolate(x, size=(224, 224), mode="bilinear", align_corners=False)
    return (2.0 * x / 255.0 - 1).transpose(0, 1)[None]


def tensorflow1(frames: Any) -> Tensor:
    """The same by TensorFlow 1's bilinear, straight from its definition, pixel by pixel in numpy."""
    size = frames.shape[1]
    at = np.arange(224) * float(np.float32(size / 224))
    low = np.floor(at).astype(int)
    high, part = np.minimum(low + 1, size - 1), at - low
    x = frames.astype(np.float64)
    x = x[:, low] * (1 - part)[None, :, None, None] + x[:, high] * part[None, :, None, None]
    x = x[:, :, low] * (1 - part)[None, None, :, None] + x[:, :, high] * part[None, None, :, None]
    return torch.tensor(2 * x / 255 - 1).permute(3, 0, 1, 2)[None]


def i3d_values(source: ModuleType) -> dict[str, np.ndarray]:
    network = source.InceptionI3d(400, in_channels=3)
    network.load_state_dict(random_state({}), strict=False)
    network.double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = 1.0
            module.train()
        if isinstance(module, nn.Dropout):
            module.eval()
    with torch.no_grad():
        network(torch.cat([stretched(window(s, s)) for s in SIZES]))
    kept = {k: v.float().numpy() for k, v in network.state_dict().items() if "running_" in k}
    network.load_state_dict(random_state(kept), strict=False)
    network.eval()
    arrays: dict[str, np.ndarray] = dict(kept)
    seen: dict[str, Tensor] = {}
    for name, module in network.named_children():
        module.register_forward_hook(lambda m, a, out, name=name: seen.update({name: out}))
    for size in SIZES:
        for resize, prepared in zip(RESIZES, (stretched, tensorflow1), strict=True):
            with torch.no_grad():
                logits = network(prepared(window(size, size)))
            arrays[f"logits.{resize}.{size}"] = logits.mean(2)[0].numpy()
            if resize == "stretch":
                arrays |= {
                    f"layer.{n}.{size}": summary(o) for n, o in seen.items() if n != "logits"
                }
    return arrays


def summary(x: Tensor) -> np.ndarray:
    """Mean over space of every channel and time: enough to tell one layer's output from another's."""
    return x[0].mean(dim=(2, 3)).numpy().ravel()[:256]


def videomae_values(source: ModuleType) -> dict[str, np.ndarray]:
    network = source.VisionTransformer(
        img_size=TINY.side,
        patch_size=TINY.patch,
        embed_dim=TINY.width,
        depth=TINY.depth,
        num_heads=TINY.heads,
        mlp_ratio=TINY.hidden / TINY.width,
        qkv_bias=True,
        norm_layer=lambda d: nn.LayerNorm(d, eps=1e-6),
        all_frames=TINY.frames,
        tubelet_size=TINY.tubelet,
        num_classes=3,
        use_mean_pooling=True,
    )
    network.load_state_dict(random_videomae_state(), strict=False)
    network = network.double().eval()
    x = torch.tensor(window(TINY.side, 5)).permute(3, 0, 1, 2).double() / 255
    x = torch.cat([x, x.flip(1)], 1)[:, : TINY.frames]
    with torch.no_grad():
        return {"videomae": network.forward_features(x[None])[0].numpy()}


def main() -> None:
    i3d, videomae = (module_of(p) for p in sys.argv[1:3])
    arrays = {**i3d_values(i3d), **videomae_values(videomae)}
    np.savez_compressed(REFERENCE, **arrays)
    print(f"{REFERENCE}: {REFERENCE.stat().st_size} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
