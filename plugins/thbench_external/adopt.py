"""What may be made of a video that somebody else's program wrote."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np

from thbench.api import (
    FPS,
    SAMPLES_PER_FRAME,
    ClipFailure,
    Frames,
    Generated,
    Media,
    MediaInfo,
    Request,
    Waveform,
)

__all__ = ["Adopter", "Rules"]


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


class Adopter:
    """A file as the answer to a request: as it is, or changed as the rules allow."""

    def __init__(self, rules: Rules, media: Media) -> None:
        self._options = rules
        self._media = media

    def deliver(self, path: Path, request: Request) -> Generated:
        """Raises ClipFailure where the file is no video or differs in what the rules keep strict."""
        info = self._media.probe(path)
        _check_rate(info, self._options)
        _check_size(info, request, self._options)
        self._too_long(info.frames_at_25, request)  # before anything is decoded
        if self._must_change(info, request):
            return self._changed(path, request)
        trimmed = self._is_short(info.frames_at_25, request)
        return Generated(request.clip_id, file=path, trimmed=trimmed)

    def _must_change(self, info: MediaInfo, request: Request) -> bool:
        return (
            not _is_25(info)
            or (info.width, info.height) != (request.size, request.size)
            or self._too_long(info.frames_at_25, request)
            or self._options.sound == "request"
        )

    def _changed(self, path: Path, request: Request) -> Generated:
        """Decoded at 25 fps, cut and resized one by one, with the sound the options ask for."""
        pictures = islice(self._media.frames(path, FPS), request.n_frames)
        frames = self._media.gather(_resized(picture, request.size) for picture in pictures)
        return Generated(
            request.clip_id,
            frames=frames,
            audio=self._sound(path, len(frames)),
            trimmed=self._is_short(len(frames), request),
            origin=path,
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


def _other_length(n_frames: int, request: Request) -> str:
    return f"{n_frames} frames, {request.n_frames} needed: set length: trim"


def _is_25(info: MediaInfo) -> bool:
    return info.fps is None or abs(float(info.fps) - FPS) <= 0.01


def _check_rate(info: MediaInfo, options: Rules) -> None:
    if not _is_25(info) and options.frame_rate == "strict":
        assert info.fps is not None
        raise ClipFailure(f"{float(info.fps):.5g} fps, {FPS} needed: set frame_rate: resample")


def _check_size(info: MediaInfo, request: Request, options: Rules) -> None:
    if (info.width, info.height) == (request.size, request.size):
        return
    given, wanted = f"{info.width} x {info.height} px", f"{request.size} x {request.size}"
    if info.width != info.height:
        raise ClipFailure(f"{given} is not square, {wanted} needed: crop the video first")
    if options.size == "strict":
        raise ClipFailure(f"{given}, {wanted} needed: set size: resample")


def _resized(picture: Frames, size: int) -> Frames:
    if picture.shape[:2] == (size, size):
        return picture
    how = cv2.INTER_AREA if size < picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (size, size), interpolation=how), np.uint8)
