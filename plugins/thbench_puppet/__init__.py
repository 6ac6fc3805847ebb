"""The embedded dataset `puppet`: procedurally rendered talking heads with exact ground truth.

Importing this package costs nothing; numpy, scipy and OpenCV come in when the dataset is built.
README.md next to this file says what the puppets are, what is exact about them and why the voice is
synthesised here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from thbench.api import Context, Dataset, Plugin, hookimpl

VERSION = "1"

Corruption = Literal[
    "none", "delay", "blur", "freeze", "drop", "brightness", "noise", "shuffle",
    "mouth", "mouth_delay", "head", "blinks", "identity", "shift", "scale", "roll",
]  # fmt: skip


@dataclass(frozen=True)
class Options:
    """A controlled corruption of every clip, for testing metrics; none by default."""

    corruption: Annotated[Corruption, "what is done to every clip"] = "none"
    amount: Annotated[
        float,
        "delay: frames the audio is delayed by, negative advances it; blur: sigma in pixels of a "
        "128 px frame; freeze: fraction of the clip's end; drop: fraction of frames replaced by "
        "their predecessor; brightness: grey levels gained by the last frame; noise: sigma in "
        "grey levels; shuffle: fraction of frames that change places; mouth_delay: frames the mouth "
        "alone is late; mouth, head, blinks: share by which they move less; identity: places further in "
        "the cast; shift: pixels of a 128 px frame to the right and down; scale: share by which the "
        "picture grows; roll: degrees clockwise",
    ] = 0.0


def build(options: Options, context: Context) -> Dataset:
    from thbench_puppet.dataset import Puppet

    return Puppet(options, context)


@hookimpl
def thbench_datasets() -> Iterable[Plugin[Dataset, Any]]:
    return [
        Plugin(
            "puppet",
            Options,
            build,
            version=VERSION,
            people="drawn",
            summary="procedural talking heads with synthesised speech and exact ground truth",
        )
    ]
