"""From a recording to a prepared clip, as for CREMA-D but picture by picture: recordings may be long and large."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import (
    FPS,
    SAMPLES_PER_FRAME,
    ClipFailure,
    Frames,
    Media,
    MediaInfo,
    Source,
    UserError,
    Waveform,
    sha256_of,
)
from thbench_crema_d import MASTER
from thbench_crema_d.picture import points_in_crop
from thbench_crema_d.prepare import Outcome, Workshop
from thbench_crema_d.prepared import Record
from thbench_crema_d.recipe import FEWEST, MAX_MISSING
from thbench_crema_d.sound import SILENT, align
from thbench_face.box import TIGHT, WIDEST, SquareBox, crop_resize, smoothed_square_box
from thbench_face.track import filled_boxes, main_face, require_faces
from thbench_recordings import CropName
from thbench_recordings.listing import Entry

__all__ = ["RecordingWorkshop", "prepare_clip"]

_WIDTHS = {"wide": WIDEST, "tight": TIGHT}


@dataclass(frozen=True, kw_only=True)
class RecordingWorkshop(Workshop):
    crop: CropName
    max_seconds: float | None


def prepare_clip(shop: RecordingWorkshop, entry: Entry) -> Outcome:
    """Prepare one clip, or record why it is rejected."""
    clip = entry.clip.id
    files = {"media": entry.media, "sound": entry.sound}
    try:
        sources = {k: sha256_of(shop.root / p) for k, p in files.items() if p is not None}
    except UserError as error:
        return Outcome(clip, "unusable", f"{clip}: {error.message}")
    if entry.media is None:
        return Outcome(clip, "unusable", f"{clip}: no recording under {shop.root}")
    record: Record = {"sources": sources, "bytes": _bytes(shop.root, entry), "reject": None}
    try:
        source, details = _made(shop, entry, shop.root / entry.media)
    except ClipFailure as failure:
        shop.prepared.store(clip, {**record, "reject": failure.reason}, None, shop.media)
        return Outcome(clip, "rejected", failure.reason)
    shop.prepared.store(clip, {**record, **details}, source, shop.media)
    return Outcome(clip, "prepared")


def _bytes(root: Path, entry: Entry) -> dict[str, int]:
    files = {"media": entry.media, "sound": entry.sound}
    return {k: (root / p).stat().st_size for k, p in files.items() if p is not None}


def _made(shop: RecordingWorkshop, entry: Entry, path: Path) -> tuple[Source, Record]:
    """The master and what the record says of it. Raises ClipFailure."""
    info = shop.media.probe(path)
    first, last = _span(entry, shop.max_seconds)
    square, boxes = _square(shop, entry, info, lambda: _pictures(shop.media, path, first, last))
    n = len(boxes)
    audio, sound = _sound(shop, entry, path, first, n)
    points: list[NDArray[np.float32]] = []
    filled = filled_boxes(boxes)

    def cropped() -> Iterator[Frames]:
        for box, picture in zip(filled, _pictures(shop.media, path, first, last), strict=True):
            points.append(points_in_crop(shop.backend.landmarks(picture, box), square, MASTER))
            yield crop_resize(picture, square, MASTER)

    master = shop.media.gather(cropped())
    source = Source(master, audio, {"landmarks": np.stack(points)})
    details = {
        "recording": {
            "codec": info.video_codec,
            "width": info.width,
            "height": info.height,
            "frames": info.n_frames,
            "fps": None if info.fps is None else round(float(info.fps), 3),
            "seconds": round(info.duration, 3),
            "first": first / FPS,
        },
        "frames": n,
        "crop": {"left": square.left, "top": square.top, "side": square.side},
        "interpolated": np.flatnonzero(np.isnan(boxes[:, 0])).tolist(),
        "sound": sound,
    }
    return source, details


def _span(entry: Entry, max_seconds: float | None) -> tuple[int, int | None]:
    """First frame and the one behind the last, at 25 per second."""
    start, end = entry.span or (0.0, None)
    if max_seconds is not None:
        end = start + max_seconds if end is None else min(end, start + max_seconds)
    return round(start * FPS), None if end is None else max(
        round(end * FPS), round(start * FPS) + 1
    )


def _pictures(media: Media, path: Path, first: int, last: int | None) -> Iterator[Frames]:
    return islice(media.frames(path, FPS), first, last)


def _square(
    shop: RecordingWorkshop, entry: Entry, info: MediaInfo, pictures: Any
) -> tuple[SquareBox, NDArray[np.float64]]:
    """The square of the clip, and its faces [T, 5], NaN where there is none. Raises ClipFailure."""
    height, width = info.height, info.width
    faces = [shop.backend.faces(picture) for picture in pictures()]
    if len(faces) < FEWEST:
        raise ClipFailure(f"too short: {len(faces)} frames, {FEWEST} needed")
    boxes = main_face(faces, height, width)
    require_faces(boxes, MAX_MISSING)
    if shop.crop != "published":
        return smoothed_square_box(boxes, height, width, _WIDTHS[shop.crop]), boxes
    return _published(entry, height, width), boxes


def _published(entry: Entry, height: int, width: int) -> SquareBox:
    """The dataset's own box, in pixels of this picture; a square picture is cut already."""
    if entry.box is None:
        if height != width:
            raise ClipFailure(f"no box is published and {width} x {height} px is not square")
        return SquareBox(0, 0, width)
    left, side, top, *_ = (x * height / entry.box[4] for x in entry.box)
    return SquareBox(round(left), round(top), round(side))


def _sound(
    shop: RecordingWorkshop, entry: Entry, path: Path, first: int, n: int
) -> tuple[Waveform, dict[str, Any]]:
    """640 samples per frame: the separate track laid on the video's own, or that. Raises ClipFailure."""
    own = shop.media.audio(path)
    if entry.sound is not None:
        apart = shop.media.audio(shop.root / entry.sound)
        if apart is None:
            raise ClipFailure(f"{entry.sound} holds no sound")
        laid = align(apart, own, n)
        agreed = None if laid.correlation is None else round(laid.correlation, 3)
        return laid.audio, {"lag": laid.lag, "correlation": agreed, "padding": laid.padding}
    if own is None:
        raise ClipFailure("no sound: neither a track in the video nor a file of its own")
    audio = own[first * SAMPLES_PER_FRAME :][: n * SAMPLES_PER_FRAME]
    if not len(audio) or int(np.abs(audio.astype(np.int32)).max()) <= SILENT:
        raise ClipFailure("the sound is silent")
    padding = n * SAMPLES_PER_FRAME - len(audio)
    return np.pad(audio, (0, padding)), {"padding": padding}
