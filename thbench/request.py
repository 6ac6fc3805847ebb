"""What a generator is asked: identity frame, speech, seed. Never the target."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from thbench.api import ClipFailure, Request
from thbench.runfolder import Record
from thbench.suite import IdentityFrame, System
from thbench.video import StoredVideo
from thbench.work import Job, suite_of


def request_seed(suite_seed: int, clip_id: str) -> int:
    """First 8 bytes of SHA-256 of (suite seed, clip id), big endian."""
    text = f"{suite_seed}/{clip_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def identity_index(rule: IdentityFrame, n_frames: int, seed: int) -> int:
    """The reference's frame the generator is given. Raises ClipFailure where the clip is too short."""
    if rule == "first":
        return 0
    if rule == "random":
        return random.Random(seed).randrange(n_frames)  # noqa: S311
    index = int(rule)
    if not -n_frames <= index < n_frames:
        raise ClipFailure(f"identity frame {index} of a clip of {n_frames} frames")
    return index % n_frames


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
    )


def _annotation(reference: StoredVideo, name: str) -> Any:
    if name not in reference.annotations:
        known = ", ".join(sorted(reference.annotations)) or "none"
        raise ClipFailure(f"the dataset has no annotation '{name}' for the oracle (has: {known})")
    return reference.annotations[name].copy()
