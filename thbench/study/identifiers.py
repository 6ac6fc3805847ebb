"""Opaque names: nothing about a system can be read from them without the secret, and they sort like noise."""

from __future__ import annotations

import hashlib
import hmac


def opaque(secret: str, *words: object) -> str:
    """16 hexadecimal digits: HMAC-SHA-256 of the words under the secret (64 hexadecimal digits)."""
    text = "\x1f".join(str(word) for word in words)
    return hmac.new(bytes.fromhex(secret), text.encode(), hashlib.sha256).hexdigest()[:16]


def noise(secret: str, name: str, count: int) -> bytes:
    """`count` bytes that no one can compress or foretell: SHAKE-256 of secret and name."""
    return hashlib.shake_256(bytes.fromhex(secret) + name.encode()).digest(count)
