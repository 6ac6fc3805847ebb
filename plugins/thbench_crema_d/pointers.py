"""Git LFS pointers: the 131-byte texts that a clone without git-lfs leaves in the place of media."""

from __future__ import annotations

import re
from pathlib import Path

from thbench.api import reading

__all__ = ["LARGEST", "is_pointer", "parse_pointer", "read_pointer"]

LARGEST = 1024
"""Bytes; the specification of Git LFS allows no larger pointer."""
_TEXT = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n?"
)


def is_pointer(head: bytes) -> bool:
    """Whether a file that starts with `head` is a Git LFS pointer."""
    return head.startswith(b"version https://git-lfs.github.com/spec/")


def parse_pointer(content: bytes) -> tuple[str, int] | None:
    """(SHA-256, bytes) of the file a pointer stands for; None where `content` is no pointer."""
    match = _TEXT.fullmatch(content)
    return (match[1].decode(), int(match[2])) if match else None


def read_pointer(path: Path) -> tuple[str, int] | None:
    """As `parse_pointer`, of a file. Reads nothing of files that are too large to be pointers."""
    if path.stat().st_size > LARGEST:
        return None
    with reading(path):
        return parse_pointer(path.read_bytes())
