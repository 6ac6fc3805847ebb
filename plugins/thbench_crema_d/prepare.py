"""From a recording to a prepared clip: constant rate, steady square around the head, landmarks, sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS, ClipFailure, Frames, Media, Source
from thbench_crema_d import MASTER, BackendName, CropName
from thbench_crema_d.backends import Backend, backend
from thbench_crema_d.catalogue import File
from thbench_crema_d.picture import points_in_crop
from thbench_crema_d.prepared import PreparedSet, Record
from thbench_crema_d.recipe import FEWEST, MAX_MISSING
from thbench_crema_d.recordings import Finding, condition_of
from thbench_crema_d.sound import Aligned, align
from thbench_face.box import TIGHT, WIDEST, SquareBox, crop_resize, smoothed_square_box
from thbench_face.track import filled_boxes, main_face, require_faces

__all__ = ["CremaWorkshop", "Outcome", "Workshop", "prepare_clip"]

WIDTHS: dict[CropName, float] = {"wide": WIDEST, "tight": TIGHT}
Status: TypeAlias = Literal["prepared", "rejected", "unusable"]


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What a worker process needs to prepare clips of any dataset; it can be pickled."""

    root: Path
    prepared: PreparedSet
    name: BackendName
    detector: Path
    landmarks: Path
    device: str
    threads: int
    media: Media = field(compare=False)

    @property
    def backend(self) -> Backend:
        weights = str(self.detector), str(self.landmarks)
        return backend(self.name, *weights, self.device, self.threads)


@dataclass(frozen=True, kw_only=True)
class CremaWorkshop(Workshop):
    crop: CropName


@dataclass(frozen=True)
class Outcome:
    """What became of one clip. `unusable`: its files are not the published ones or not there, nothing was recorded."""

    clip: str
    status: Status
    reason: str = ""


def prepare_clip(shop: CremaWorkshop, files: tuple[File, File]) -> Outcome:
    """Prepare one clip from its FLV and WAV, or record why it is rejected."""
    for file in files:
        condition = condition_of(shop.root / file.path, file, lambda _: False)
        if condition != "good":
            return Outcome(file.clip, "unusable", str(Finding(file, condition)))
    clip = files[0].clip
    record: Record = {"sources": {f.kind: f.sha256 for f in files}, "reject": None}
    try:
        source, details = _made(shop, *(shop.root / f.path for f in files))
    except ClipFailure as failure:
        shop.prepared.store(clip, {**record, "reject": failure.reason}, None, shop.media)
        return Outcome(clip, "rejected", failure.reason)
    shop.prepared.store(clip, {**record, **details}, source, shop.media)
    return Outcome(clip, "prepared")


def _made(shop: CremaWorkshop, flv: Path, wav: Path) -> tuple[Source, Record]:
    """The master and what the record says of it. Raises ClipFailure."""
    info = shop.media.probe(flv)
    frames = np.stack(list(shop.media.frames(flv, FPS)))
    if len(frames) < FEWEST:
        raise ClipFailure(f"too short: {len(frames)} frames, {FEWEST} needed")
    sound = _sound(shop.media, flv, wav, len(frames))
    boxes, points = _found(shop.backend, frames)
    square = smoothed_square_box(boxes, *frames.shape[1:3], WIDTHS[shop.crop])
    master = np.stack([crop_resize(frame, square, MASTER) for frame in frames])
    source = Source(master, sound.audio, {"landmarks": points_in_crop(points, square, MASTER)})
    details = {
        "recording": {
            "codec": info.video_codec,
            "width": info.width,
            "height": info.height,
            "frames": info.n_frames,
            "seconds": round(info.duration, 3),
        },
        "frames": len(master),
        "crop": {"left": square.left, "top": square.top, "side": square.side},
        "detections": _detections(boxes, square, frames.shape[1:3]),
        "sound": _sound_record(sound),
    }
    return source, details


def _sound(media: Media, flv: Path, wav: Path, n_frames: int) -> Aligned:
    audio = media.audio(wav)
    if audio is None:
        raise ClipFailure("the WAV holds no sound")
    return align(audio, media.audio(flv), n_frames)


def _found(network: Backend, frames: Frames) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Box of the speaker's face [T, 5], NaN where not found, and landmarks [T, 68, 2] in every frame."""
    boxes = main_face([network.faces(frame) for frame in frames], *frames.shape[1:3])
    require_faces(boxes, MAX_MISSING)
    pairs = zip(frames, filled_boxes(boxes), strict=True)
    return boxes, np.stack([network.landmarks(frame, box) for frame, box in pairs])


def _detections(
    boxes: NDArray[np.float64], square: SquareBox, extent: Sequence[int]
) -> dict[str, Any]:
    lost = np.isnan(boxes[:, 0])
    beyond = max(-square.left, -square.top, square.left + square.side - extent[1], 0)
    return {
        "interpolated": np.flatnonzero(lost).tolist(),
        "lowest_score": round(float(boxes[~lost, 4].min()), 3),
        "beyond_picture": max(beyond, square.top + square.side - extent[0]),
    }


def _sound_record(sound: Aligned) -> dict[str, Any]:
    correlation = None if sound.correlation is None else round(sound.correlation, 3)
    return {"lag": sound.lag, "correlation": correlation, "padding": sound.padding}
