"""Is this really `syncnet_v2.model`? Its authors publish no checksum, but the numbers of one clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thbench.api import ClipFailure, Context, UserError
from thbench_syncnet.distance import Sync, synchrony
from thbench_syncnet.features import window_features
from thbench_syncnet.folded import Folded
from thbench_syncnet.networks import FETCH, load_syncnet


@dataclass(frozen=True)
class Known:
    """A weight file and what it says of example.avi: offset, LSE-D, confidence."""

    about: str
    offset: int
    distance: float
    confidence: float


V2 = Known("syncnet_v2.model, the published file", 3, 5.353, 10.021)
OLDER = Known("the older SyncNet weights, not syncnet_v2.model", 4, 6.742, 10.447)
TOLERANCE = 0.15
"""The reference passes its frames through JPEG, which moves distance and confidence a little; the two
files are 1.4 and 0.43 apart."""


def recognise(offset: int, distance: float, confidence: float) -> Known | None:
    """The weight file that gives these numbers on example.avi, None for any other numbers."""
    for known in (V2, OLDER):
        near = max(abs(distance - known.distance), abs(confidence - known.confidence)) <= TOLERANCE
        if near and offset == known.offset:
            return known
    return None


def measure(weights: Path, sample: Path, context: Context) -> Sync:
    """What `weights` say of a 224 x 224 video with sound. Raises ClipFailure and UserError."""
    recording = context.media.read(sample)
    if recording.audio is None:
        raise ClipFailure("no audio track")
    network = Folded(load_syncnet(weights))
    features = window_features(recording.frames, recording.audio, network, context.batch)
    return synchrony(*features)


def verify_with_example(weights: Path, sample: Path, context: Context) -> str:
    """One line that says which file this is.

    weights  the file to be checked
    sample   example.avi as published next to the weights

    Raises UserError for the older file, for unknown numbers and for a sample that cannot be scored.
    """
    try:
        found = measure(weights, sample, context)
    except ClipFailure as failure:
        raise UserError(f"{sample} cannot be scored: {failure.reason}", EXAMPLE) from failure
    said = (
        f"offset {found.offset}, distance {found.distance:.3f}, confidence {found.confidence:.3f}"
    )
    known = recognise(found.offset, found.distance, found.confidence)
    if known is V2:
        return f"{V2.about}: {said}"
    what = known.about if known else "not the published file, or the sample is not example.avi"
    expected = f"{V2.offset} / {V2.distance} / {V2.confidence}"
    raise UserError(f"{weights}: {what} ({said}; expected {expected})", FETCH)


EXAMPLE = "use http://www.robots.ox.ac.uk/~vgg/software/lipsync/data/example.avi"
