"""Writing videos and sound: losslessly for the store, compressed for people and for the H.264 control.

Every writer is single-threaded and leaves out dates, versions and random ids, so two writes of the
same frames give the same bytes; every file is written whole or not at all.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from thbench.api import (
    FPS,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    Frames,
    Waveform,
)
from thbench.files.atomic import atomic_file
from thbench.video.gather import gather
from thbench.video.pixels import exact_conversion, to_rgb

# All frames are key frames of 4 slices, each with a checksum: damage is found and stays local.
_FFV1 = {"level": "3", "g": "1", "slices": "4", "slicecrc": "1", "flags": "bitexact"}


def write_lossless(path: Path, frames: Frames, audio: Waveform | None) -> None:
    """FFV1 (bgr0) and FLAC in Matroska: `read_lossless` gives back the same arrays, bit for bit.

    frames [T, H, W, 3] uint8 RGB at 25 fps, T >= 1; audio [samples] int16 at 16 kHz or None.
    Raises UserError where the disk is full or the folder cannot be written.
    """
    _check(frames, audio)
    with atomic_file(path) as file:
        _mux(file, _LOSSLESS, frames, audio)


def write_h264(path: Path, frames: Frames, audio: Waveform | None, crf: int = 23) -> None:
    """H.264 (yuv420p) and AAC in mp4, for people to watch; picture and sound start together.

    Odd sizes grow by one row or column, which yuv420p cannot do without. Raises as `write_lossless`.
    """
    _check(frames, audio)
    picture = _Picture("libx264", "yuv420p", _x264(crf))
    with atomic_file(path) as file:
        _mux(file, _Form("mp4", picture, "aac", {"movflags": "+faststart"}), frames, audio)


def through_h264(frames: Frames, crf: int = 23) -> Frames:
    """The same frames after H.264 (yuv420p) at `crf`: what a delivered file would look like.

    Deterministic (one thread). Odd sizes are padded for the codec and cut back.
    """
    import av

    _check(frames, None)
    picture = _Picture("libx264", "yuv420p", _x264(crf))
    encoder = av.CodecContext.create("libx264", "w")
    picture.set_up(encoder, frames)
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    height, width = frames.shape[1:3]

    def decoded() -> Iterator[Frames]:
        """In the order of display: x264 writes into its headers how many pictures are reordered."""
        shown = 0
        for packet in (*picture.encoded(encoder, frames), None):
            for frame in decoder.decode(packet):
                assert frame.pts == shown
                shown += 1
                yield to_rgb(frame)[:height, :width]

    return gather(decoded())


def write_wav(path: Path, audio: Waveform) -> None:
    """16 kHz mono PCM. Raises UserError where the disk is full or the folder cannot be written."""
    import wave

    _check_audio(audio)
    with atomic_file(path) as file, wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(audio.astype("<i2").tobytes())


def _check(frames: Frames, audio: Waveform | None) -> None:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
        raise ValueError(f"frames must be [T, H, W, 3] uint8, not {frames.shape} {frames.dtype}")
    if audio is not None:
        _check_audio(audio)


def _check_audio(audio: Waveform) -> None:
    if audio.dtype != np.int16 or audio.ndim != 1:
        raise ValueError(f"audio must be [samples] int16, not {audio.shape} {audio.dtype}")


def _even(rgb: Frames) -> Frames:
    """[H, W, 3] with one more row or column where there is an odd number of them."""
    odd = [(0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)]
    return np.pad(rgb, odd, mode="edge") if any(after for _, after in odd) else rgb


def _x264(crf: int) -> dict[str, str]:
    options = {"crf": str(crf), "flags": "bitexact"}
    if platform.machine().lower() in ("x86_64", "amd64"):
        # x264's AVX-512 code for macroblock trees reads memory nobody wrote: two runs differ.
        # Found with MALLOC_PERTURB_; every other instruction set gives one and the same stream.
        options["x264-params"] = "asm=SSE4.2"
    return options


class _Picture:
    """How frames become packets of one codec."""

    def __init__(self, codec: str, pixels: str, options: dict[str, str]) -> None:
        self.codec, self.pixels, self.options = codec, pixels, options

    def set_up(self, context: Any, frames: Frames) -> None:
        context.height, context.width = self._whole(frames[0]).shape[:2]
        context.pix_fmt = self.pixels
        context.framerate = Fraction(FPS)
        context.time_base = Fraction(1, FPS)
        context.thread_count = 1
        context.options = self.options
        if self.pixels == "yuv420p":
            context.colorspace = context.color_primaries = context.color_trc = (
                6  # SMPTE 170M (BT.601)
            )
            context.color_range = 1  # 16..235

    def encoded(self, context: Any, frames: Frames) -> Iterator[Any]:
        for i, rgb in enumerate(frames):
            yield from context.encode(self._frame(rgb, i))
        yield from context.encode(None)

    def _whole(self, rgb: Frames) -> Frames:
        return _even(rgb) if self.pixels == "yuv420p" else rgb

    def _frame(self, rgb: Frames, index: int) -> Any:
        import av

        picture = np.ascontiguousarray(self._whole(rgb))
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame = frame.reformat(format=self.pixels, interpolation=exact_conversion(), threads=1)
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        return frame


@dataclass(frozen=True)
class _Form:
    """A kind of file: container, codec of the picture, codec of the sound."""

    container: str
    picture: _Picture
    sound: str
    options: Mapping[str, str]

    def open(self, file: Any) -> Any:
        import av

        options = {**self.options, "fflags": "bitexact"}
        return av.open(file, "w", format=self.container, options=options)


_LOSSLESS = _Form("matroska", _Picture("ffv1", "bgr0", _FFV1), "flac", {})


class _Watched:
    """A file for PyAV, which cannot hand on what a file's methods raise: it is kept here instead."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        with self._kept():
            self._file.write(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        with self._kept():
            return self._file.seek(offset, whence)  # flushes what was buffered
        return offset

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error


def _mux(file: BinaryIO, form: _Form, frames: Frames, audio: Waveform | None) -> None:
    """Raises OSError where the disk refuses."""
    watched = _Watched(file)
    try:
        _fill(watched, form, frames, audio)
    finally:  # what PyAV then raises is only that the file is not what it wrote
        if watched.error is not None:
            raise watched.error


def _fill(file: Any, form: _Form, frames: Frames, audio: Waveform | None) -> None:
    with form.open(file) as container:
        video = container.add_stream(form.picture.codec, rate=FPS)
        form.picture.set_up(video.codec_context, frames)
        sound = None if audio is None else _Sound(container, form.sound, audio)
        for i, packet in enumerate(form.picture.encoded(video, frames), 1):
            container.mux(packet)
            # Sound follows second by second, so that the muxer need not hold the whole picture.
            if sound is not None and i % FPS == 0:
                container.mux(sound.encoded(i * SAMPLES_PER_FRAME))
        if sound is not None:
            container.mux(sound.encoded(None))


class _Sound:
    """Sound on its way into a container."""

    def __init__(self, container: Any, codec: str, audio: Waveform) -> None:
        self.audio, self.done = audio, 0
        self.stream = container.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        context = self.stream.codec_context
        context.thread_count = 1
        context.options = {"flags": "bitexact"}

    def encoded(self, upto: int | None) -> list[Any]:
        """Packets of the samples before `upto`; None: of all that is left."""
        packets: list[Any] = []
        samples = self.audio[self.done : upto]
        if len(samples):
            packets += self.stream.encode(self._frame(samples))
            self.done += len(samples)
        return packets if upto is not None else packets + self.stream.encode(None)

    def _frame(self, samples: Waveform) -> Any:
        import av

        block = np.ascontiguousarray(samples)[None]
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = self.done
        return frame
