"""Random numbers that depend on names only: never on process, order or neighbours."""

from __future__ import annotations

import hashlib

import numpy as np

FROZEN = "puppet/1"
"""The look and sound of version 1 hang on this text."""


def generator(*names: str) -> np.random.Generator:
    """A generator seeded by SHA-256 of the dataset's version and `names`."""
    digest = hashlib.sha256("/".join((FROZEN, *names)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
