"""Lip synchronisation: SyncNet's AV offset, confidence and LSE-D, and a check that needs no SyncNet.

Sign of every offset: positive means the audio leads and the video lags; delaying the audio by n
frames gives -n. docs/syncnet.md says how each number is made and which are comparable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from thbench.api import Context, Extractor, Metric, Plugin, PublishedValue, WeightsFile, hookimpl
from thbench_syncnet.options import (
    ENVELOPE,
    FACE_BOXES,
    FeatureOptions,
    LagOptions,
    Options,
    aperture_of,
    feature_options,
)

__all__ = ["FeatureOptions", "LagOptions", "Options"]

VGG = "http://www.robots.ox.ac.uk/~vgg/software/lipsync/data"
MIRROR = "https://huggingface.co/ByteDance/LatentSync-1.5/resolve/main/auxiliary"

PUPPET_WEIGHTS = Path(__file__).with_name("puppet-v1.safetensors")

VARIANTS = {
    "lse": {"input": "tracked"},
    "tracked-yunet": {"input": "tracked", "detector": "yunet"},
    "puppet-v1": {"weights": "puppet-v1", "edge": "valid"},
}


def _syncnet(options: Options, context: Context) -> Metric:
    from thbench_syncnet.metric import SyncNetMetric

    return SyncNetMetric(options, context)


def _lag(options: LagOptions, context: Context) -> Metric:
    from thbench_syncnet.lag import LipAudioLag

    return LipAudioLag(options, context)


def _features(options: FeatureOptions, context: Context) -> Extractor:
    from thbench_syncnet.extractor import build_features

    return build_features(options, context)


def _weights(options: FeatureOptions) -> Sequence[str]:
    s3fd = options.input == "tracked" and options.detector == "s3fd"
    return [*["syncnet"] * (options.weights == "syncnet"), *["s3fd"] * s3fd]


def _beneath(options: FeatureOptions) -> Mapping[str, Mapping[str, object]]:
    """Extractors the features are made with. `mfcc` is called as a function, so that tracked clips can
    cut their sound first; naming it keeps its source in every cache key."""
    yunet = options.input == "tracked" and options.detector == "yunet"
    return {"mfcc": {}, **({"face_boxes": FACE_BOXES} if yunet else {})}


def _used(options: Options) -> Mapping[str, Mapping[str, object]]:
    return {"syncnet_features": feature_options(options)}


@hookimpl
def thbench_metrics() -> Iterable[Plugin[Metric, Any]]:
    """`syncnet` and `lip_audio_lag`."""
    return [
        Plugin(
            "syncnet",
            Options,
            _syncnet,
            summary="AV offset, confidence (LSE-C) and LSE-D; positive offset: the audio leads",
            extractors=_used,
            variants=VARIANTS,
        ),
        Plugin(
            "lip_audio_lag",
            LagOptions,
            _lag,
            version="2",
            summary="lag between mouth opening and loudness, in the sign of AV offset",
            extractors=lambda o: {"mouth_aperture": aperture_of(o), "speech_envelope": ENVELOPE},
            variants={n: {"landmarks": n} for n in ("pfld", "fan", "dlib", "puppet-v1")},
        ),
    ]


@hookimpl
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:
    """`syncnet_features`."""
    return [
        Plugin(
            "syncnet_features",
            FeatureOptions,
            _features,
            summary="[2, W, D] SyncNet features of every lip and audio window",
            weights=_weights,
            shipped=lambda o: (PUPPET_WEIGHTS,) if o.weights == "puppet-v1" else (),
            extractors=_beneath,
        )
    ]


def _recognise(weights: Path, sample: Path, context: Context) -> str:
    from thbench_syncnet.verify import verify_with_example

    return verify_with_example(weights, sample, context)


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    """`syncnet`; the detector `s3fd` is registered next to the other faces."""
    return [
        WeightsFile(
            name="syncnet",
            file="syncnet_v2.model",
            urls=(f"{VGG}/syncnet_v2.model", f"{MIRROR}/syncnet_v2.model"),
            sha256=None,
            size=54_573_114,
            licence="code MIT; weights without a stated licence: research use",
            commercial=False,
            about="SyncNet of Chung & Zisserman (2016), 13.6 M parameters. No checksum is published: "
            "the first import records it, and example.avi tells the right file from an older one.",
            recognise=_recognise,
        ),
    ]


@hookimpl
def thbench_published() -> Iterable[PublishedValue]:
    """What the authors print for example.avi."""

    def example(
        weights: Mapping[str, Path], samples: Path, context: Context
    ) -> Mapping[str, float]:
        from thbench_syncnet.verify import measure

        found = measure(weights["syncnet"], samples / "example.avi", context)
        return {
            "offset": float(found.offset),
            "LSE-D": found.distance,
            "confidence": found.confidence,
        }

    return [
        PublishedValue(
            name="SyncNet, example.avi",
            source="joonson/syncnet_python, README; its frames pass through JPEG",
            weights=("syncnet",),
            printed={"offset": 3.0, "LSE-D": 5.353, "confidence": 10.021},
            tolerance={"LSE-D": 0.15, "confidence": 0.15},
            measure=example,
            samples={"example.avi": f"{VGG}/example.avi"},
        )
    ]
