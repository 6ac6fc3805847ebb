"""What is heard: MFCC, the speech envelope and when somebody speaks, as extractors shared by every metric."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from thbench.api import Context, Extractor, Missing, Plugin, WeightsFile, hookimpl

if TYPE_CHECKING:
    from thbench_speech.extractors import Activity, Envelope, Mfcc

__all__ = ["ActivityOptions", "EnvelopeOptions", "MfccOptions"]


@dataclass(frozen=True)
class MfccOptions:
    """The 13 coefficients of python_speech_features at its defaults: nothing to choose."""


@dataclass(frozen=True)
class EnvelopeOptions:
    """How loudness is written."""

    scale: Annotated[
        Literal["rms", "decibel"], "root mean square of int16 values, or dB above 1 of them"
    ] = "rms"
    band: Annotated[
        Literal["full", "speech"], "all that is heard, or 300-3000 Hz only, which the mouth shapes"
    ] = "full"


@dataclass(frozen=True)
class ActivityOptions:
    """What tells speech from pauses."""

    method: Annotated[
        Literal["energy", "silero"],
        "loudness of 300-3000 Hz, for quiet rooms; or Silero's network (MIT), extra `vad`",
    ] = "energy"


def _mfcc(options: MfccOptions, context: Context) -> Mfcc:
    from thbench_speech.extractors import Mfcc

    return Mfcc()


def _envelope(options: EnvelopeOptions, context: Context) -> Envelope:
    from thbench_speech.extractors import Envelope

    return Envelope(options)


def _activity(options: ActivityOptions, context: Context) -> Activity:
    from thbench_speech.extractors import Activity

    return Activity(options)


def _activity_missing(options: ActivityOptions) -> Sequence[Missing]:
    here = options.method == "energy" or importlib.util.find_spec("silero_vad") is not None
    return () if here else [Missing("package silero-vad", "pip install 'thbench[vad]'", 12_000_000)]


@hookimpl
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:
    """`mfcc`, `speech_envelope` and `speech_activity`."""
    return [
        Plugin("mfcc", MfccOptions, _mfcc, summary="13 MFCC per 10 ms of the video's sound"),
        Plugin(
            "speech_envelope", EnvelopeOptions, _envelope, summary="loudness of each video frame"
        ),
        Plugin(
            "speech_activity",
            ActivityOptions,
            _activity,
            summary="in which video frames somebody speaks: [T]",
            missing=_activity_missing,
        ),
    ]


@hookimpl
def thbench_weights() -> Iterable[WeightsFile]:
    """`sda-crema`: the audio encoder of SDA, for generators that want it pretrained."""
    media = "https://media.githubusercontent.com/media/DinoMan/speech-driven-animation"
    return [
        WeightsFile(
            name="sda-crema",
            file="sda-crema.dat",
            urls=(f"{media}/master/sda/data/crema.dat",),
            sha256="bd81f9c671f510c683c610c211522de1c5c675e77ffca659a7abc8d5535156a7",
            size=221_171_678,
            licence="no licence is stated, for code or weights",
            commercial=False,
            about="Speech-driven animation of Vougioukas et al. (2019), trained on CREMA-D; which actors "
            "is not published, so whoever uses it counts as trained on unknown actors. Only "
            "the audio encoder is read.",
        )
    ]
