"""What a generator is asked: identity frame, speech, seed. Never the target."""

from __future__ import annotations

from typing import Any

from thbench.api import ClipFailure, Request, Square
from thbench.run.folder import Record
from thbench.run.job import Job, suite_of
from thbench.suite import System
from thbench.suite.seeds import identity_index, request_seed
from thbench.video import StoredVideo


def make_request(job: Job, system: System, record: Record) -> Request:
    """The request for one clip: identity frame and speech of its reference, never the target.

    Raises ClipFailure where the reference is too short or lacks what the oracle is to see.
    """
    suite = suite_of(job)
    clip_id = record["clip"]
    reference = job.run.references(system.resolution).open(record)
    seed = request_seed(suite.seed, clip_id)
    index = identity_index(suite.identity_frame, reference.n_frames, seed)
    if reference.audio is None or not len(reference.audio):
        raise ClipFailure("the reference has no sound")
    return Request(
        clip_id=clip_id,
        identity_frame=reference.frames[index].copy(),
        audio=reference.audio.copy(),
        n_frames=reference.n_frames,
        size=system.resolution,
        seed=seed,
        oracle={name: _annotation(reference, name) for name in system.oracle},
        frame=frame_of(record),
    )


def frame_of(record: Record) -> Square | None:
    """Where a reference's square lies in its recording, as its dataset said."""
    frame = record.get("frame")
    return Square(**frame) if frame else None


def _annotation(reference: StoredVideo, name: str) -> Any:
    if name not in reference.annotations:
        known = ", ".join(sorted(reference.annotations)) or "none"
        raise ClipFailure(f"the dataset has no annotation '{name}' for the oracle (has: {known})")
    return reference.annotations[name].copy()
