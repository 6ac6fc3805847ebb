"""What is wrong with recordings as they lie on the disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from thbench.api import ClipFailure, DataReport, Media, MediaInfo, sha256_of, shown
from thbench_crema_d.prepared import PreparedSet
from thbench_recordings.archives import recorded
from thbench_recordings.layout import Layout
from thbench_recordings.listing import Entry

__all__ = ["verify"]

_SAME_RATE = 0.05
"""Frames per second by which containers state one rate differently."""


def verify(
    layout: Layout, root: Path, prepared: PreparedSet, chosen: Sequence[Entry], media: Media
) -> DataReport:
    """Hash and open every recording.

    Files of checked archives have the SHA-256 of their unpacking; of others only that they are what was
    prepared can be known, and the report says of how many.
    """
    published = recorded(root)
    problems, counts = [], Counter[str]()
    for entry in shown("verify", chosen, len(chosen)):
        found = list(_problems(entry, layout, root, prepared, media, published))
        counts["good" if not found else "with problems"] += 1
        problems += [f"{entry.clip.id}: {problem}" for problem in found]
    unknown = sum(e.media is not None and e.media not in published for e in chosen)
    lines = [
        f"licence of {layout.name}: {layout.licence}",
        f"{len(chosen)} recordings under {root}: "
        + ", ".join(f"{n} {what}" for what, n in counts.items()),
    ]
    if unknown:
        lines.append(
            f"{unknown} media are not verifiable: no checksum is published for them; prepared sets "
            "record the SHA-256 of the files they were made from"
        )
    return DataReport(lines, problems)


def _problems(
    entry: Entry,
    layout: Layout,
    root: Path,
    prepared: PreparedSet,
    media: Media,
    published: Mapping[str, str],
) -> Iterator[str]:
    if entry.media is None:
        known = layout.gaps.get(entry.clip.actor)
        yield f"missing{f' (known gap: {known})' if known else ''} — thbench data fetch {layout.name}"
        return
    yield from _other(entry, root, prepared, published)
    try:
        info = media.probe(root / entry.media)
    except ClipFailure as failure:
        yield f"{entry.media}: {failure.reason}"
        return
    yield from _unlike(info, entry, layout)


def _other(
    entry: Entry, root: Path, prepared: PreparedSet, published: Mapping[str, str]
) -> Iterator[str]:
    """A file that is not the one that was unpacked or prepared."""
    record = prepared.record(entry.clip.id)
    for kind, path in (("media", entry.media), ("sound", entry.sound)):
        if path is None:
            continue
        digest = sha256_of(root / path)
        if published.get(path, digest) != digest:
            yield f"{path} is not the published file — delete it and its note, and fetch again"
        elif record and record["sources"].get(kind, digest) != digest:
            yield f"{path} changed since it was prepared — thbench data prepare {entry.clip.id}"


def _unlike(info: MediaInfo, entry: Entry, layout: Layout) -> Iterator[str]:
    if info.audio_codec is None and entry.sound is None:
        yield f"{entry.media} has no sound, and there is no file of its own"
    rate = None if info.fps is None else float(info.fps)
    if layout.fps and rate and all(abs(rate - f) > _SAME_RATE for f in layout.fps):
        stated = " or ".join(f"{f:g}" for f in layout.fps)
        yield f"{entry.media} has {rate:g} frames per second, published at {stated}: a converted copy"
