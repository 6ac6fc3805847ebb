"""FID, KID, improved precision and recall, and the two feature extractors they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from thbench.api import (
    Context,
    Extractor,
    Metric,
    Plugin,
    PublishedValue,
    UserError,
    WeightsFile,
    hookimpl,
    picked_precision,
)

__all__ = ["FidOptions", "InceptionOptions", "PuppetOptions", "SampledOptions"]

Resize = Literal["tf", "legacy_pytorch", "clean"]
Precision = Literal["fp32", "bf16", "auto"]

INCEPTION = WeightsFile(
    name="inception-2015",
    file="weights-inception-2015-12-05-6726825d.pth",
    urls=(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
        "weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
    ),
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    size=95_628_359,
    licence="Apache-2.0",
    commercial=True,
    about="Inception of 2015-12-05, converted from TensorFlow: the network of every published FID",
)


@dataclass(frozen=True)
class InceptionOptions:
    resize: Annotated[
        Resize, "tf: torch-fidelity; legacy_pytorch: pytorch-fid; clean: clean-fid"
    ] = "tf"
    precision: Annotated[
        Precision,
        "of the network; bf16 is a column of its own; auto: bf16 where it is faster on this processor, recorded as what it picked",
    ] = "fp32"
    weights: Annotated[str, "registered weights of the 2015 Inception"] = "inception-2015"

    def __post_init__(self) -> None:
        object.__setattr__(self, "precision", picked_precision(self.precision))


@dataclass(frozen=True)
class PuppetOptions:
    pass


@dataclass(frozen=True)
class FidOptions:
    extractor: Annotated[
        Literal["inception", "puppet-v1"], "puppet-v1 needs no download and is no Inception FID"
    ] = "inception"
    resize: Annotated[
        Resize, "tf: torch-fidelity; legacy_pytorch: pytorch-fid; clean: clean-fid"
    ] = "tf"
    precision: Annotated[Precision, "of the Inception network"] = "fp32"
    max_frames: Annotated[int, "frames per set, chosen by a fixed rule; 0 takes all"] = 0

    def __post_init__(self) -> None:
        if self.extractor == "inception":
            object.__setattr__(self, "precision", picked_precision(self.precision))
        elif self.precision == "auto":  # the puppet network has fp32 only
            object.__setattr__(self, "precision", "fp32")


@dataclass(frozen=True)
class SampledOptions(FidOptions):
    max_frames: Annotated[int, "frames per set, chosen by a fixed rule; 0 takes all"] = 10_000


PUPPET_WEIGHTS = Path(__file__).with_name("puppet_v1.safetensors")

VARIANTS: Mapping[str, Mapping[str, object]] = {
    "puppet-v1": {"extractor": "puppet-v1"},
    "legacy-pytorch": {"resize": "legacy_pytorch"},
    "clean": {"resize": "clean"},
    "bf16": {"precision": "bf16"},
}


def shared_extractor(options: FidOptions, context: Context) -> Extractor:
    """The extractor that all three metrics share when their options agree."""
    if options.max_frames < 0:
        raise UserError(f"max_frames is {options.max_frames}", "give 0 (all) or a number of frames")
    if options.extractor != "inception" and (options.resize, options.precision) != ("tf", "fp32"):
        raise UserError(
            "resize and precision belong to the extractor inception",
            "leave them out with puppet-v1",
        )
    return context.extractor(options.extractor, **extractors_of(options)[options.extractor])


def build_inception(options: InceptionOptions, context: Context) -> Extractor:
    from thbench_fid.inception import InceptionFeatures

    path = context.weights(options.weights)
    return InceptionFeatures(path, options.resize, options.precision, context)


def build_puppet(options: PuppetOptions, context: Context) -> Extractor:
    from thbench_fid.puppet_features import PuppetFeatures

    return PuppetFeatures(context)


def build_fid(options: FidOptions, context: Context) -> Metric:
    from thbench_fid.metrics import Fid

    return Fid(shared_extractor(options, context), options.max_frames)


def build_kid(options: SampledOptions, context: Context) -> Metric:
    from thbench_fid.metrics import Kid

    return Kid(shared_extractor(options, context), options.max_frames)


def build_precision_recall(options: SampledOptions, context: Context) -> Metric:
    from thbench_fid.metrics import PrecisionRecall

    return PrecisionRecall(shared_extractor(options, context), options.max_frames)


def extractors_of(options: FidOptions) -> Mapping[str, Mapping[str, object]]:
    if options.extractor == "inception":
        return {"inception": {"resize": options.resize, "precision": options.precision}}
    return {options.extractor: {}}


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    return [INCEPTION]


@hookimpl
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:
    return [
        Plugin(
            "inception",
            InceptionOptions,
            build_inception,
            summary="2048 features per frame of the 2015 Inception network",
            weights=lambda o: (o.weights,),
        ),
        Plugin(
            "puppet-v1",
            PuppetOptions,
            build_puppet,
            shipped=lambda _: (PUPPET_WEIGHTS,),
            summary="128 features per frame of a small network trained on puppets, built in",
        ),
    ]


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    return [
        Plugin(
            "fid",
            FidOptions,
            build_fid,
            summary="Fréchet distance to the reference's frames",
            extractors=extractors_of,
            variants=VARIANTS,
        ),
        Plugin(
            "kid",
            SampledOptions,
            build_kid,
            summary="kernel distance to the reference's frames",
            extractors=extractors_of,
            variants=VARIANTS,
        ),
        Plugin(
            "precision_recall",
            SampledOptions,
            build_precision_recall,
            summary="improved precision and recall of the frames",
            extractors=extractors_of,
            variants=VARIANTS,
        ),
    ]


@hookimpl
def thbench_published() -> Iterable[PublishedValue]:
    """FID and KID of two halves of CIFAR-10, from the tests of torch-fidelity."""

    def halves(*given: Any) -> Mapping[str, float]:
        from thbench_fid.published import cifar_halves

        return cifar_halves(*given)

    cifar = "cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html"
    return [
        PublishedValue(
            name="FID of CIFAR-10, 5,000 training against 5,000 test pictures",
            source="torch-fidelity",
            weights=("inception-2015",),
            printed={"FID": 10.3233274, "KID": -2.907863e-05},
            tolerance={"FID": 1e-3, "KID": 1e-5},
            measure=halves,
            samples={"data_batch_1.bin": cifar, "test_batch.bin": cifar},
        )
    ]
