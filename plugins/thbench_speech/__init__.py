"""What is heard: MFCC and the speech envelope, as extractors shared by every metric that needs them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from thbench.api import Context, Extractor, Plugin, WeightsFile, hookimpl

if TYPE_CHECKING:
    from thbench_speech.extractors import Envelope, Mfcc

__all__ = ["EnvelopeOptions", "MfccOptions"]


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


def _mfcc(options: MfccOptions, context: Context) -> Mfcc:
    from thbench_speech.extractors import Mfcc

    return Mfcc()


def _envelope(options: EnvelopeOptions, context: Context) -> Envelope:
    from thbench_speech.extractors import Envelope

    return Envelope(options)


@hookimpl
def thbench_extractors() -> Iterable[Plugin[Extractor, Any]]:
    """`mfcc` and `speech_envelope`."""
    return [
        Plugin("mfcc", MfccOptions, _mfcc, summary="13 MFCC per 10 ms of the video's sound"),
        Plugin(
            "speech_envelope", EnvelopeOptions, _envelope, summary="loudness of each video frame"
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
