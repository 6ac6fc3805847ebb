"""Seed and identity frame of a clip."""

from __future__ import annotations

import hashlib
import random

from thbench.api import ClipFailure
from thbench.suite import IdentityFrame


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
