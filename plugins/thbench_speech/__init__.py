"""What is heard: MFCC and the speech envelope, as extractors shared by every metric that needs them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from thbench.api import Context, Extractor, Plugin, hookimpl

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
