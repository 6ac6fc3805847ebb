"""LPIPS: learned perceptual distance of each frame to the reference's (Zhang et al. 2018).

The trunks (AlexNet, VGG16) are torchvision's published files, fetched or imported by the user; the linear layers are
those of LPIPS 0.1, which torchmetrics brings (the same bytes as in the package lpips 0.1.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from thbench.api import Context, Metric, Plugin, PublishedValue, WeightsFile, hookimpl

__all__ = ["SMALLEST", "TRUNKS", "LpipsOptions", "Net"]

Net = Literal["alex", "vgg"]

ALEXNET = WeightsFile(
    name="alexnet",
    file="alexnet-owt-7be5be79.pth",
    urls=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
    sha256=None,  # the file's name holds the first 8 of its 64 digits, which `selftest --reference` checks
    size=244_408_911,
    licence="BSD-3-Clause (torchvision); trained on ImageNet, whose images are for research",
    commercial=True,
    about="AlexNet of torchvision, the trunk of lpips",
)
VGG16 = WeightsFile(
    name="vgg16",
    file="vgg16-397923af.pth",
    urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
    sha256=None,
    size=553_433_881,
    licence="CC-BY-4.0 (Oxford VGG), converted by torchvision; trained on ImageNet",
    commercial=True,
    about="VGG-16 of torchvision, the trunk of lpips@vgg",
)
TRUNKS: Mapping[str, WeightsFile] = {"alex": ALEXNET, "vgg": VGG16}
SMALLEST: Mapping[str, int] = {"alex": 31, "vgg": 16}
"""Pixels below which a pool of the trunk has no output."""


@dataclass(frozen=True)
class LpipsOptions:
    """LPIPS version 0.1 per frame, averaged over frames."""

    net: Annotated[Net, "trunk: alex (what most papers print) or vgg"] = "alex"
    skip_identity: Annotated[
        bool, "leave out the frame the generator was given, which it need only copy"
    ] = True


def _build(options: LpipsOptions, context: Context) -> Metric:
    from thbench_lpips.metric import Lpips

    return Lpips(options, context)


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    return list(TRUNKS.values())


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    return [
        Plugin(
            "lpips",
            LpipsOptions,
            _build,
            summary="learned perceptual distance of each frame to the reference's",
            weights=lambda o: (TRUNKS[o.net].name,),
            variants={"vgg": {"net": "vgg"}},
        )
    ]


@hookimpl
def thbench_published() -> Iterable[PublishedValue]:
    """Zeros against ones (common_metrics_on_video_quality) and five TID2013 pairs (pyiqa)."""

    def zeros(*given: Any) -> Mapping[str, float]:
        from thbench_lpips.published import zeros_against_ones

        return zeros_against_ones(*given)

    def pairs(*given: Any) -> Mapping[str, float]:
        from thbench_lpips.published import tid_pairs

        return tid_pairs(*given)

    tid = (0.7237, 0.2572, 0.0508, 0.0521, 0.4253)
    return [
        PublishedValue(
            name="LPIPS, black against white",
            source="common_metrics_on_video_quality, README",
            weights=("alexnet",),
            printed={"alex": 0.8140090703964233},
            tolerance={"alex": 1e-5},
            measure=zeros,
        ),
        PublishedValue(
            name="LPIPS, TID2013",
            source="pyiqa, table of calibration results",
            weights=("alexnet",),
            printed={f"pair {i}": value for i, value in enumerate(tid, 1)},
            tolerance={f"pair {i}": 1e-4 for i in range(1, 6)},
            measure=pairs,
            samples={"ResultsCalibra": "the folder of that name in the wheel of pyiqa 0.1.16"},
        ),
    ]
