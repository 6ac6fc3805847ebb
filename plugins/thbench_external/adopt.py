"""What may be made of a video that somebody else's program wrote."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from thbench.api import (
    FPS,
    SAMPLES_PER_FRAME,
    ClipFailure,
    Context,
    Crop,
    Generated,
    MediaInfo,
    Placement,
    Request,
    Waveform,
    placed,
)

if TYPE_CHECKING:
    from thbench_clips.crop import ClipFaces

__all__ = ["Adopter", "Rules"]

_MOST_WITHOUT_FACE = 0.2  # share of frames, as in the dataset `clips`


class Rules(Protocol):
    """The options that say what may be changed; `strict` lets a difference be a failure."""

    @property
    def frame_rate(self) -> Literal["strict", "resample"]: ...
    @property
    def length(self) -> Literal["strict", "trim"]: ...
    @property
    def size(self) -> Literal["strict", "resample"]: ...
    @property
    def sound(self) -> Literal["own", "request"]: ...
    @property
    def crop(self) -> Crop: ...


class Adopter:
    """A file as the answer to a request: as it is, or changed as the rules allow."""

    def __init__(self, rules: Rules, context: Context) -> None:
        self._options, self._context = rules, context
        self._media = context.media

    def deliver(self, path: Path, request: Request) -> Generated:
        """Raises ClipFailure where the file is no video or differs in what the rules keep strict."""
        info = self._media.probe(path)
        _check_rate(info, self._options)
        self._too_long(info.frames_at_25, request)  # before anything is decoded
        placement = self._placement(path, request)
        _check_size(placement, request, self._options)
        if self._must_change(info, placement, request):
            made = self._changed(path, placement, request)
            return replace(made, changes=_changes(info, placement, request))
        trimmed = self._is_short(info.frames_at_25, request)
        changes = _changes(info, placement, request)
        return Generated(
            request.clip_id, file=path, trimmed=trimmed, placement=placement, changes=changes
        )

    def _placement(self, path: Path, request: Request) -> Placement:
        """Which square of the pictures is the answer."""
        first = next(self._media.frames(path, FPS))
        if self._options.crop != "own-face":
            return placed(first, request.identity_frame, request.frame, self._options.crop)
        box = self._faces.square(path, None, lambda: self._media.frames(path, FPS))
        return Placement("own face", box.of(first), "crop: own-face")

    @cached_property
    def _faces(self) -> ClipFaces:
        from thbench_clips.crop import ClipFaces

        return ClipFaces(self._context, _MOST_WITHOUT_FACE)

    def _must_change(self, info: MediaInfo, placement: Placement, request: Request) -> bool:
        return (
            not _is_25(info)
            or not placement.square.is_whole
            or info.width != request.size
            or self._too_long(info.frames_at_25, request)
            or self._options.sound == "request"
        )

    def _changed(self, path: Path, placement: Placement, request: Request) -> Generated:
        """Decoded at 25 fps, cut and resized one by one, with the sound the options ask for."""
        pictures = islice(self._media.frames(path, FPS), request.n_frames)
        cut = placement.square.cut
        frames = self._media.gather(cut(picture, request.size) for picture in pictures)
        return Generated(
            request.clip_id,
            frames=frames,
            audio=self._sound(path, len(frames)),
            trimmed=self._is_short(len(frames), request),
            origin=path,
            placement=placement,
        )

    def _sound(self, path: Path, n_frames: int) -> Waveform | None:
        """The file's own sound over its frames, empty without a track; None stands for the request's."""
        if self._options.sound == "request":
            return None
        audio = self._media.audio(path)
        return np.zeros(0, np.int16) if audio is None else audio[: n_frames * SAMPLES_PER_FRAME]

    def _too_long(self, n_frames: int, request: Request) -> bool:
        if n_frames > request.n_frames and self._options.length == "strict":
            raise ClipFailure(_other_length(n_frames, request))
        return n_frames > request.n_frames

    def _is_short(self, n_frames: int, request: Request) -> bool:
        if n_frames < request.n_frames and self._options.length == "strict":
            raise ClipFailure(_other_length(n_frames, request))
        return n_frames < request.n_frames


def _changes(info: MediaInfo, placement: Placement, request: Request) -> list[str]:
    """What is done to a video before it is scored, in words that are equal for equal changes."""
    found = []
    if not _is_25(info) and info.fps is not None:
        found.append(f"{float(info.fps):.5g} -> {FPS} fps")
    square = placement.square
    if square.is_whole and square.width != request.size:
        found.append(f"{square.width} -> {request.size} px")
    elif not square.is_whole and square.side != request.size:  # squares of a face differ by clip
        how = "enlarged" if square.side < request.size else "reduced"
        found.append(f"square {how} to {request.size} px")
    if info.frames_at_25 > request.n_frames:
        found.append("longer than its clip, cut")
    if info.hdr_note:
        found.append(info.hdr_note)
    return found


def _other_length(n_frames: int, request: Request) -> str:
    return f"{n_frames} frames, {request.n_frames} needed: set length: trim"


def _is_25(info: MediaInfo) -> bool:
    return info.fps is None or abs(float(info.fps) - FPS) <= 0.01


def _check_rate(info: MediaInfo, options: Rules) -> None:
    if not _is_25(info) and options.frame_rate == "strict":
        assert info.fps is not None
        raise ClipFailure(f"{float(info.fps):.5g} fps, {FPS} needed: set frame_rate: resample")


def _check_size(placement: Placement, request: Request, options: Rules) -> None:
    """A square cut as its reference is resized as its reference was; anything else needs `resample`."""
    at, frame = placement.square, request.frame
    if options.size == "resample" or (at.is_whole and at.width == request.size):
        return
    if frame and (at.width, at.height) == (frame.width, frame.height) and not at.is_whole:
        return
    given = f"{at.width} x {at.height} px"
    wanted = f"{frame.width} x {frame.height}" if frame and not at.is_whole else ""
    wanted = wanted or f"{request.size} x {request.size}"
    raise ClipFailure(f"{given}, {wanted} needed: set size: resample")
