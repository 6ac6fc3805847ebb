"""FVD: the Fréchet distance of windows of video, and the extractors it uses.

`fvd` alone means 400 logits of I3D trained on Kinetics-400 and one window of 16 frames per clip. Window, stride, start
and number of windows belong to the identity: an FVD of 16 frames is not one of 32.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from thbench.api import (
    Context,
    Extractor,
    Metric,
    Plugin,
    PublishedValue,
    UserError,
    WeightsFile,
    hookimpl,
)

if TYPE_CHECKING:
    from thbench_fvd.windows import Windows

__all__ = ["FvdOptions", "I3dOptions", "PuppetVideoOptions", "VideoMaeOptions"]

Resize = Literal["stretch", "crop", "tf"]
_RESIZE = (
    "stretch: StyleGAN-V; crop: VideoGPT, common_metrics (the same for square frames); tf: the "
    "original code in TensorFlow 1"
)
_STRIDE = Annotated[int, "frames from one frame of a window to the next", Field(ge=1)]
_START = Annotated[int, "first frame; 1 leaves the identity frame out", Field(ge=0)]
_COUNT = Annotated[int, "windows per clip, one after another; 0: all that fit", Field(ge=0)]

I3D = WeightsFile(
    name="i3d-kinetics400",
    file="i3d_torchscript.pt",
    urls=(
        "https://huggingface.co/ByteDance/LatentSync-1.6/resolve/main/auxiliary/i3d_torchscript.pt",
        "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1",
    ),
    sha256=None,
    size=50_000_000,
    licence="not stated for this file; I3D's code is Apache-2.0, Kinetics' videos are for research",
    commercial=False,
    about="I3D trained on Kinetics-400 (RGB), StyleGAN-V's TorchScript copy: the network of FVD",
)
VIDEOMAE = WeightsFile(
    name="videomae-g-ssv2",
    file="vit_g_hybrid_pt_1200e_ssv2_ft.pth",
    urls=(
        "https://huggingface.co/OpenGVLab/InternVideoMAE_models/resolve/main/mae-g/vit_g_hybrid_pt_1200e_ssv2_ft.pth",
    ),
    sha256=None,
    size=4_000_000_000,
    licence="not stated for this file; Something-Something v2 is for research",
    commercial=False,
    about="VideoMAE V2 ViT-g, fine-tuned on Something-Something v2: content-debiased FVD",
)


@dataclass(frozen=True)
class I3dOptions:
    window: Annotated[int, "frames of a window", Field(ge=10)] = 16
    stride: _STRIDE = 1
    start: _START = 1
    count: _COUNT = 1
    resize: Annotated[Resize, _RESIZE] = "stretch"
    weights: Annotated[str, "registered weights of I3D"] = "i3d-kinetics400"

    def windows(self) -> Windows:
        return _windows(self.window, self)


@dataclass(frozen=True)
class VideoMaeOptions:
    stride: _STRIDE = 1
    start: _START = 1
    count: _COUNT = 1
    weights: Annotated[str, "registered weights of VideoMAE"] = "videomae-g-ssv2"

    def windows(self) -> Windows:
        return _windows(16, self)


@dataclass(frozen=True)
class PuppetVideoOptions:
    stride: _STRIDE = 1
    start: _START = 1
    count: _COUNT = 1

    def windows(self) -> Windows:
        return _windows(16, self)


@dataclass(frozen=True)
class FvdOptions:
    """One window of 16 frames per clip unless told otherwise."""

    extractor: Annotated[
        Literal["i3d", "videomae", "puppet-video"],
        "puppet-video needs no download and is no published FVD",
    ] = "i3d"
    window: Annotated[
        int, "frames of a window; videomae and puppet-video know 16 only", Field(ge=10)
    ] = 16
    stride: _STRIDE = 1
    start: _START = 1
    count: _COUNT = 1
    resize: Annotated[Resize, _RESIZE + "; of i3d"] = "stretch"


PUPPET_WEIGHTS = Path(__file__).with_name("puppet_video_v1.safetensors")

VARIANTS: Mapping[str, Mapping[str, object]] = {
    "16": {"window": 16},
    "32": {"window": 32},
    "tf": {"resize": "tf"},
    "crop": {"resize": "crop"},
    "videomae": {"extractor": "videomae"},
    "puppet-v1": {"extractor": "puppet-video"},
}


def _windows(length: int, options: I3dOptions | VideoMaeOptions | PuppetVideoOptions) -> Windows:
    from thbench_fvd.windows import Windows

    return Windows(length, options.stride, options.start, options.count)


def extractors_of(options: FvdOptions) -> Mapping[str, Mapping[str, object]]:
    shared = {"stride": options.stride, "start": options.start, "count": options.count}
    if options.extractor == "i3d":
        return {"i3d": {"window": options.window, "resize": options.resize, **shared}}
    return {options.extractor: shared}


def _build_fvd(options: FvdOptions, context: Context) -> Metric:
    from thbench_fvd.metric import Fvd

    if options.extractor != "i3d" and (options.window, options.resize) != (16, "stretch"):
        raise UserError(
            f"window and resize belong to the extractor i3d; {options.extractor} sees 16 frames",
            f"leave them out with {options.extractor}",
        )
    return Fvd(context.extractor(options.extractor, **extractors_of(options)[options.extractor]))


def _build_i3d(options: I3dOptions, context: Context) -> Extractor:
    from thbench_fvd.extractors import build_i3d

    return build_i3d(options, context)


def _build_videomae(options: VideoMaeOptions, context: Context) -> Extractor:
    from thbench_fvd.extractors import build_videomae

    return build_videomae(options, context)


def _build_puppet(options: PuppetVideoOptions, context: Context) -> Extractor:
    from thbench_fvd.extractors import build_puppet

    return build_puppet(options, context)


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    return [I3D, VIDEOMAE]


@hookimpl
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:
    return [
        Plugin(
            "i3d",
            I3dOptions,
            _build_i3d,
            summary="400 Kinetics logits per window of video, of I3D",
            weights=lambda o: (o.weights,),
        ),
        Plugin(
            "videomae",
            VideoMaeOptions,
            _build_videomae,
            summary="1408 features per window of 16 frames, of VideoMAE ViT-g",
            weights=lambda o: (o.weights,),
        ),
        Plugin(
            "puppet-video",
            PuppetVideoOptions,
            _build_puppet,
            shipped=lambda _: (PUPPET_WEIGHTS,),
            summary="128 features per window of 16 frames of a small network trained on puppets, built in",
        ),
    ]


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    return [
        Plugin(
            "fvd",
            FvdOptions,
            _build_fvd,
            summary="Fréchet distance to the reference's windows of video",
            extractors=extractors_of,
            variants=VARIANTS,
        )
    ]


@hookimpl
def thbench_published() -> Iterable[PublishedValue]:
    """Black against white videos; its authors say that the number "may fluctuate around 1"."""

    def zeros(*given: Any) -> Mapping[str, float]:
        from thbench_fvd.published import zeros_against_ones

        return zeros_against_ones(*given)

    return [
        PublishedValue(
            name="FVD, black against white, 30 frames of 64 px",
            source="common_metrics_on_video_quality, README",
            weights=("i3d-kinetics400",),
            printed={"FVD": 151.25648496845326},
            tolerance={"FVD": 1.5},
            measure=zeros,
        )
    ]
