"""Likeness to the reference, frame by frame: PSNR, SSIM and any frame metric of torchmetrics.

Full-reference metrics punish a talking head that moves its head otherwise than the recorded person
did, however natural it looks: read them next to metrics of motion and of synchrony.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from thbench.api import Context, Metric, Plugin, hookimpl

__all__ = ["PsnrOptions", "SsimOptions", "TorchmetricsOptions"]

_Precision: TypeAlias = Annotated[
    Literal["float32", "float64"],
    "numbers it computes in; on a CPU float64 is 20 to 50 times slower",
]
_SkipIdentity: TypeAlias = Annotated[
    bool, "leave out the frame the generator was given, which it need only copy"
]


@dataclass(frozen=True)
class PsnrOptions:
    """PSNR per frame, averaged over frames."""

    cap: Annotated[
        float,
        "dB of identical frames, whose PSNR is infinite, and the most any frame counts",
        Field(gt=0),
    ] = 100.0
    skip_identity: _SkipIdentity = True


@dataclass(frozen=True)
class SsimOptions:
    """SSIM per frame as Wang et al. (2004) define it, averaged over frames."""

    precision: _Precision = "float32"
    skip_identity: _SkipIdentity = True


@dataclass(frozen=True)
class TorchmetricsOptions:
    """One class of torchmetrics that compares pictures, applied frame by frame."""

    class_name: Annotated[str, "class in torchmetrics or torchmetrics.image: PeakSignalNoiseRatio"]
    arguments: Annotated[
        Mapping[str, float | int | str | bool],
        "keywords of its constructor; data_range follows `scale` where it is not given",
    ] = field(default_factory=dict)
    scale: Annotated[
        Literal["0..255", "0..1", "-1..1"], "range of pixel values the class is given"
    ] = "0..255"
    precision: _Precision = "float64"
    skip_identity: _SkipIdentity = True


def _build_psnr(options: PsnrOptions, context: Context) -> Metric:
    from thbench_similarity.metric import psnr

    return psnr(options)


def _build_ssim(options: SsimOptions, context: Context) -> Metric:
    from thbench_similarity.metric import ssim

    return ssim(options)


def _build_torchmetrics(options: TorchmetricsOptions, context: Context) -> Metric:
    from thbench_similarity.adapter import torchmetrics_metric

    return torchmetrics_metric(options, context.device)


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    return [
        Plugin(
            "psnr",
            PsnrOptions,
            _build_psnr,
            summary="peak signal-to-noise ratio of each frame against the reference's, in dB",
        ),
        Plugin(
            "ssim",
            SsimOptions,
            _build_ssim,
            summary="structural similarity of each frame to the reference's",
        ),
        Plugin(
            "torchmetrics",
            TorchmetricsOptions,
            _build_torchmetrics,
            summary="any torchmetrics class that compares two pictures: torchmetrics:ClassName",
            argument="class_name",
        ),
    ]
