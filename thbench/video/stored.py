"""Videos as metrics see them (api.Video): named without decoding, decoded once, when first asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from thbench.api import FPS, SAMPLES_PER_FRAME, ClipFailure, Decode, Frames, Video, Waveform
from thbench.errors import Damaged
from thbench.files.atomic import printable
from thbench.files.foreign import read_arrays
from thbench.video.digests import audio_digest, frames_digest, video_digest
from thbench.video.gather import gather
from thbench.video.reader import MediaReader

A = TypeVar("A", bound=NDArray[Any])
_DECODED = ("frames", "audio", "annotations")


class _Base:
    """What all videos share: views that decode nothing, and travelling without decoded arrays."""

    def cut(self: Any, n: int) -> Cut:
        """The first `n` frames with their sound and annotations; decodes nothing by itself."""
        return Cut(self, n)

    def bare(self: Any) -> Bare:
        """The same video without its ground truth, sharing its decode."""
        return Bare(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _DECODED}


class StoredVideo(_Base):
    """A video on disk whose digest, length and size are already known.

    picture      file with the frames, converted to 25 fps
    sound        file with the sound where it is not the picture's own track
    annotations_file   .npz of per-frame ground truth
    frames_digest, audio_digest   where given, what is decoded is compared with them
    decode       how colours become RGB; it makes no difference to what thbench stored losslessly

    Attributes raise ClipFailure where a file is missing, damaged or not what was recorded.
    """

    def __init__(
        self,
        picture: Path,
        digest: str,
        n_frames: int,
        size: int,
        *,
        sound: Path | None = None,
        annotations_file: Path | None = None,
        frames_digest: str | None = None,
        audio_digest: str | None = None,
        decode: Decode = "exact",
    ) -> None:
        self.picture, self.sound, self.annotations_file = picture, sound, annotations_file
        self.digest, self.n_frames, self.size = digest, n_frames, size
        self.frames_digest, self.audio_digest = frames_digest, audio_digest
        self.decode = decode
        self._shown_by: StoredVideo | None = None

    def shown_by(self, other: StoredVideo) -> StoredVideo:
        """This video, with the frames of `other` where it shows the same picture to another sound."""
        same = self.frames_digest is not None and self.frames_digest == other.frames_digest
        if same and (self.n_frames, self.size) == (other.n_frames, other.size):
            self._shown_by = other
        return self

    @cached_property
    def frames(self) -> Frames:
        if self._shown_by is not None:
            return self._shown_by.frames
        with _as_stored(self.picture):
            frames = gather(self._decoded())
            if len(frames) < self.n_frames:
                raise ClipFailure(
                    f"{self.picture.name}: {len(frames)} frames, {self.n_frames} were recorded"
                )
            if self.frames_digest not in (None, frames_digest(frames)):
                raise ClipFailure(f"{self.picture.name}: not the frames that were recorded")
            return _read_only(frames)

    def _decoded(self) -> Iterator[Frames]:
        """Frames one by one; more or larger ones than were recorded are refused as they come."""
        shape = (self.size, self.size, 3)
        for count, frame in enumerate(MediaReader(decode=self.decode).frames(self.picture, FPS)):
            if count == self.n_frames or frame.shape != shape:
                raise ClipFailure(
                    f"{self.picture.name}: not the {self.n_frames} frames of {self.size}x{self.size} "
                    "that were recorded"
                )
            yield frame

    @cached_property
    def audio(self) -> Waveform | None:
        file = self.sound or self.picture
        with _as_stored(file):
            audio = MediaReader().audio(file)
            if self.audio_digest not in (None, audio_digest(audio)):
                raise ClipFailure(f"{file.name}: not the sound that was recorded")
            return None if audio is None else _read_only(audio)

    @cached_property
    def annotations(self) -> Mapping[str, NDArray[Any]]:
        if self.annotations_file is None:
            return MappingProxyType({})
        with _as_stored(self.annotations_file):
            arrays = read_arrays(self.annotations_file, clip=True)
        return MappingProxyType({name: _read_only(array) for name, array in arrays.items()})


@contextmanager
def _as_stored(file: Path) -> Iterator[None]:
    """A file that was whole when it was stored, is here and cannot be read as such was damaged since."""
    try:
        yield
    except ClipFailure as failure:
        if file.exists():
            raise Damaged(failure.reason, printable(file)) from failure
        raise ClipFailure(failure.reason, again=True) from failure


class MemoryVideo(_Base):
    """A video that is already decoded. frames [T, S, S, 3] uint8, audio [samples] int16 or None."""

    def __init__(
        self,
        frames: Frames,
        audio: Waveform | None = None,
        annotations: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.frames = _read_only(frames.view())
        self.audio = None if audio is None else _read_only(audio.view())
        held = {
            name: _read_only(np.asarray(array).view())
            for name, array in (annotations or {}).items()
        }
        self.annotations: Mapping[str, NDArray[Any]] = MappingProxyType(held)
        self.n_frames, self.size = int(frames.shape[0]), int(frames.shape[1])

    @cached_property
    def digest(self) -> str:
        return video_digest(frames_digest(self.frames), audio_digest(self.audio))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "annotations": dict(self.annotations)}


class _View(_Base):
    """Another video as it is."""

    def __init__(self, whole: Video) -> None:
        self.whole, self.n_frames, self.size = whole, whole.n_frames, whole.size

    @property
    def digest(self) -> str:
        return self.whole.digest

    @property
    def frames(self) -> Frames:
        return self.whole.frames

    @property
    def audio(self) -> Waveform | None:
        return self.whole.audio

    @property
    def annotations(self) -> Mapping[str, NDArray[Any]]:
        return self.whole.annotations


class Bare(_View):
    """Another video's picture and sound under its digest, with no annotations."""

    @property
    def annotations(self) -> Mapping[str, NDArray[Any]]:
        return MappingProxyType({})


class Watched(_View):
    """Another video, and whether more of it was asked for than its picture.

    heard   its sound was asked for, or its digest, which is of the sound as well: what was made of the video
            may be another where the same picture is shown to another sound
    """

    heard = False

    @property
    def digest(self) -> str:
        self.heard = True
        return self.whole.digest

    @property
    def audio(self) -> Waveform | None:
        self.heard = True
        return self.whole.audio


class Cut(_Base):
    """The first `n` frames of another video, sharing its decode."""

    def __init__(self, whole: Video, n: int) -> None:
        if not 1 <= n <= whole.n_frames:
            raise ValueError(f"cannot cut {whole.n_frames} frames to {n}")
        self.whole, self.n_frames, self.size = whole, n, whole.size

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.whole.digest}[:{self.n_frames}]".encode()).hexdigest()

    @property
    def frames(self) -> Frames:
        return self.whole.frames[: self.n_frames]

    @property
    def audio(self) -> Waveform | None:
        audio = self.whole.audio
        return None if audio is None else audio[: self.n_frames * SAMPLES_PER_FRAME]

    @property
    def annotations(self) -> Mapping[str, NDArray[Any]]:
        """Arrays with one entry per frame are cut, others stay as they are."""
        return MappingProxyType({k: self._cut(v) for k, v in self.whole.annotations.items()})

    def _cut(self, array: NDArray[Any]) -> NDArray[Any]:
        per_frame = array.ndim > 0 and len(array) == self.whole.n_frames
        return array[: self.n_frames] if per_frame else array


def _read_only(array: A) -> A:
    array.flags.writeable = False
    return array
