"""The rows of an alignment sheet: what every video shows where its reference lies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thbench.alignment.placed import Placed
from thbench.api import ClipFailure, Frames, Square
from thbench.generate.registration import overlay
from thbench.generate.requests import frame_of
from thbench.run.folder import Record, VideoFolder
from thbench.suite.seeds import identity_index, request_seed
from thbench.video import MediaReader


@dataclass(frozen=True)
class Row:
    """One clip of one system, or the reason for there being no pictures.

    recording, delivered   first pictures as their files have them, the square drawn in
    identity, first        what a system is given, and the first picture that is scored
    over                   one over the other
    said                   how it was placed, what was found; `beyond` is what lies beyond tolerance
    """

    system: str
    clip: str
    said: Sequence[str]
    beyond: Sequence[str]
    pictures: Mapping[str, Frames]


def sheet(placed: Placed, most: int | None = None) -> Iterator[Row]:
    """The clips of every system, `most` of each, those that lie beyond the tolerances or failed first."""
    rows = []
    for system in placed.suite.systems:
        folder = placed.job.run.system(system.name)
        references = placed.references(system.resolution)
        records = folder.records()
        pairs = [
            (
                references.get(clip.id, {"clip": clip.id, "failure": "no reference"}),
                records.get(clip.id, {"failure": "not answered"}),
            )
            for clip in placed.split.clips
        ]
        chosen = sorted(pairs, key=lambda pair: not _is_beyond(*pair))[:most]
        rows += [_row(placed, system.name, folder, *pair) for pair in chosen]
    yield from sorted(rows, key=lambda row: not row.beyond)


def _is_beyond(reference: Record, record: Record) -> bool:
    """Whether there is something to be looked at first."""
    found = record.get("registration", {})
    return bool("failure" in reference or "failure" in record or found.get("beyond"))


def _row(
    placed: Placed, system: str, folder: VideoFolder, reference: Record, record: Record
) -> Row:
    clip = str(reference["clip"])
    if reason := reference.get("failure") or record.get("failure"):
        return Row(system, clip, [], [str(reason)], {})
    suite = placed.suite
    seed = request_seed(suite.seed, clip)
    index = identity_index(suite.identity_frame, reference["n_frames"], seed)
    identity = folder.open(reference).frames[index]
    first = folder.open(record).frames[0]
    pictures = {
        "recording": _drawn(_origin(reference), frame_of(reference)),
        "delivered": _drawn(_origin(record), _square_of(record)),
        "identity frame": identity,
        "first picture": first,
        "one over the other": overlay(identity, first),
    }
    found = record.get("registration", {})
    return Row(
        system,
        clip,
        list(_said(record)),
        found.get("beyond", ()),
        {name: p for name, p in pictures.items() if p is not None},
    )


def _said(record: Record) -> Iterator[str]:
    placement = record["placement"]
    yield f"{placement['how']}: {placement['why']}"
    yield from said_of(record.get("registration", {}))


def said_of(found: Mapping[str, Any]) -> Iterator[str]:
    """What the registration of a video found, in words."""
    if first := found.get("first"):
        yield (
            f"first picture: right {first['right']:+.1%}, down {first['down']:+.1%}, {first['scale']:.2f} times as "
            f"large, {first['matches']} points agree"
        )
    else:
        yield "first picture: too few points agree with the identity frame"
    for name, face in found.get("faces", {}).items():
        if "unknown" in face:
            yield f"faces ({name}): {face['unknown']}"
        else:
            yield (
                f"faces ({name}): right {face['right']:+.1%}, down {face['down']:+.1%}, "
                f"{face['scale']:.2f} times as large"
            )


def _square_of(record: Record) -> Square:
    left, top, side = record["placement"]["square"]
    width, height = record["placement"]["picture"]
    return Square(left, top, side, width, height)


def _origin(record: Record) -> Frames | None:
    """The first picture of the file a record was made from; None where that is gone."""
    if not record.get("origin"):
        return None
    try:
        return next(MediaReader().frames(Path(os.fsdecode(bytes.fromhex(record["origin"][0])))))
    except ClipFailure:
        return None


def _drawn(picture: Frames | None, square: Square | None) -> Frames | None:
    """The picture at most 480 px large with the square's edge in green."""
    import cv2

    if picture is None:
        return None
    scale = min(1.0, 480 / max(picture.shape[:2]))
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    drawn = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if square is not None:
        corners = np.array([square.left, square.top, square.left + square.side - 1,
                            square.top + square.side - 1])  # fmt: skip
        left, top, right, bottom = (round(float(v)) for v in corners * scale)
        cv2.rectangle(drawn, (left, top), (right, bottom), (0, 255, 0), 2)
    return np.asarray(drawn, np.uint8)
