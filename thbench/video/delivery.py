"""The same content delivered otherwise: another codec, bit rate, size, rate, matrix or crop.

A `Delivery` names what is changed; `deliver` writes the file. What it does not name is kept losslessly
(FFV1 with RGB pixels, FLAC), so that a score that moves was moved by what is named. Matroska holds
every kind; one thread, no dates, so that two writes of the same frames give the same bytes.
"""

from __future__ import annotations

import io
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from thbench.api import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, ClipFailure, Frames, Waveform
from thbench.files.atomic import atomic_write
from thbench.video import altered
from thbench.video.pixels import exact_conversion

PictureCodec: TypeAlias = Literal["h264", "h265", "vp9", "av1"]
SoundCodec: TypeAlias = Literal["aac", "mp3", "opus"]
ENCODERS: dict[str, str] = {
    "h264": "libx264",
    "h265": "libx265",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "lossless": "ffv1",
    "aac": "aac",
    "mp3": "libmp3lame",
    "opus": "libopus",
    "flac": "flac",
}
"""FFmpeg's encoder of each codec."""
_CONSTANT_QUALITY_MOST = {"h264": 51, "h265": 51, "vp9": 63, "av1": 63}
_BT709, _UNSPECIFIED, _BT601 = 1, 2, 6
"""Matrix, primaries and transfer in a file's header (ITU-T H.273)."""


class Delivery(BaseModel):
    """What is changed of a clip, in the order in which it happens.

    picture, quality   a codec and its constant quality (crf): the higher, the coarser
    sound, bitrate     a codec and its rate in kbit/s
    matrix, tagged     YUV 4:2:0 by BT.601 or BT.709; `tagged: false` leaves the header silent about it
    resize             to this share of the side and back
    crop               a crop smaller (or, negative, larger) by this share of the side
    shift              pixels to the right
    picture_late       share of a frame by which pictures come later, mixed with the one before
    sound_late         frames by which the sound comes later, in the container's timestamps
    frame_rate, blend  pictures per second of the file; repeated and dropped, or mixed
    usual              delivery as papers and authors do it, which marks tables (docs/sensitivity.md)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    about: str = Field(default="", max_length=200)
    usual: bool = False
    picture: PictureCodec | None = None
    quality: int | None = Field(default=None, ge=0, le=63)
    sound: SoundCodec | None = None
    bitrate: int | None = Field(default=None, ge=6, le=512)
    matrix: Literal[601, 709] | None = None
    tagged: bool = True
    resize: float | None = Field(default=None, ge=0.05, le=4)
    crop: float = Field(default=0.0, gt=-0.5, lt=0.5)
    shift: float = Field(default=0.0, ge=0, le=16)
    picture_late: float = Field(default=0.0, ge=0, lt=1)
    sound_late: float = Field(default=0.0, ge=0, le=25)
    frame_rate: int | None = Field(default=None, ge=5, le=120)
    blend: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Delivery:
        if (self.picture is None) != (self.quality is None):
            raise ValueError("picture and quality belong together")
        if (self.sound is None) != (self.bitrate is None):
            raise ValueError("sound and bitrate belong together")
        if self.picture and self.quality and self.quality > _CONSTANT_QUALITY_MOST[self.picture]:
            most = _CONSTANT_QUALITY_MOST[self.picture]
            raise ValueError(f"{self.picture} has quality 0..{most}")
        if not self.tagged and self.matrix is None:
            raise ValueError("tagged: false needs a matrix")
        if self.blend and self.frame_rate is None:
            raise ValueError("blend needs a frame_rate")
        return self

    @property
    def encoders(self) -> tuple[str, str]:
        """FFmpeg's encoders of picture and sound."""
        return ENCODERS[self.picture or "lossless"], ENCODERS[self.sound or "flac"]

    @property
    def changes(self) -> dict[str, Any]:
        """What is changed, without what is only said of it."""
        said = {"about", "usual"}
        return self.model_dump(mode="json", exclude_defaults=True, exclude=said)


LOSSLESS = Delivery(about="FFV1 and FLAC: nothing is changed")


def lacking(delivery: Delivery) -> str:
    """Why this delivery cannot be made here; empty where it can."""
    import av

    for name in delivery.encoders:
        try:
            av.Codec(name, "w")
        except (av.FFmpegError, ValueError):
            return f"this build of FFmpeg (PyAV {av.__version__}) has no encoder {name}"
    return ""


def encoder_versions() -> dict[str, str]:
    """What decides how files are written, besides options: PyAV and FFmpeg's libraries."""
    import av

    parts = {n: ".".join(map(str, v)) for n, v in sorted(av.library_versions.items())}
    return {"pyav": av.__version__, **{n: v for n, v in parts.items() if n in _LIBRARIES}}


_X265 = (
    "log-level=error:info=0:pools=none:frame-threads=1:no-wpp=1:"
    # Its look-ahead (cutree, weights, scene cuts, B pictures) reads memory nobody wrote: on small
    # pictures two runs differ. Found by filling freed memory with noise: 6 of 6 files, now none of 48.
    "rc-lookahead=0:bframes=0:no-cutree=1:weightp=0:scenecut=0"
)
_LIBRARIES = ("libavcodec", "libavformat", "libswresample", "libswscale")


def deliver(path: Path, frames: Frames, audio: Waveform | None, delivery: Delivery) -> None:
    """Write a clip as `delivery` says, whole or not at all.

    frames [T, S, S, 3] uint8 RGB at 25 fps; audio [samples] int16 at 16 kHz or None

    Raises ClipFailure where the encoder refuses it, UserError where the disk is full.
    """
    import av

    yuv = delivery.picture is not None or delivery.matrix is not None
    if yuv and (frames.shape[1] % 2 or frames.shape[2] % 2):
        raise ClipFailure(f"YUV 4:2:0 needs even sides, not {frames.shape[2]} x {frames.shape[1]}")
    file = io.BytesIO()
    try:
        with _quiet(), _own_schedule():
            _mux(file, _altered(frames, delivery), audio, delivery)
    except (av.FFmpegError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise ClipFailure(f"{' and '.join(delivery.encoders)} refused it ({words})") from error
    atomic_write(path, file.getvalue())


def _altered(frames: Frames, delivery: Delivery) -> Frames:
    if delivery.crop:
        frames = altered.recropped(frames, delivery.crop)
    if delivery.resize is not None:
        frames = altered.resized_and_back(frames, delivery.resize)
    if delivery.shift:
        frames = altered.shifted(frames, delivery.shift)
    if delivery.picture_late:
        frames = altered.late(frames, delivery.picture_late)
    if delivery.frame_rate is not None:
        frames = altered.at_rate(frames, delivery.frame_rate, delivery.blend)
    return frames


def _mux(file: io.BytesIO, frames: Frames, audio: Waveform | None, delivery: Delivery) -> None:
    import av

    options = {"fflags": "bitexact"}
    fps = delivery.frame_rate or FPS
    with av.open(file, "w", format="matroska", options=options) as container:
        picture = container.add_stream(delivery.encoders[0], rate=fps)
        _set_up_picture(picture.codec_context, frames, fps, delivery)
        sound = None if audio is None else _sound_stream(container, delivery)
        for k, frame in enumerate(_pictures(frames, fps, delivery)):
            container.mux(picture.encode(frame))
            if sound is not None and audio is not None and k % fps == 0:
                for block in _sound(audio, k // fps, delivery):  # second by second, as it is played
                    container.mux(sound.encode(block))
        container.mux(picture.encode(None))
        if sound is not None and audio is not None:
            seconds = -(-len(frames) // fps)
            for second in range(seconds, -(-len(audio) // SAMPLE_RATE)):
                for block in _sound(audio, second, delivery):
                    container.mux(sound.encode(block))
            container.mux(sound.encode(None))


def _set_up_picture(context: Any, frames: Frames, fps: int, delivery: Delivery) -> None:
    context.height, context.width = frames.shape[1:3]
    context.framerate, context.time_base = Fraction(fps), Fraction(1, fps)
    context.thread_count = 1
    context.pix_fmt = _pixels(delivery)
    if context.pix_fmt == "yuv420p":
        matrix = {601: _BT601, 709: _BT709}[delivery.matrix or 601]
        tag = matrix if delivery.tagged else _UNSPECIFIED
        context.colorspace = context.color_primaries = context.color_trc = tag
        context.color_range = 1  # 16..235
    if delivery.picture == "vp9":
        context.bit_rate = 0  # else crf is only a bound
    context.options = _options(delivery)


def _pixels(delivery: Delivery) -> str:
    return "yuv420p" if delivery.picture or delivery.matrix else "bgr0"


def _options(delivery: Delivery) -> dict[str, str]:
    """One thread everywhere: more of them change bytes."""
    quality = {"crf": str(delivery.quality)}
    if delivery.picture == "h264":
        options = {**quality, "flags": "+bitexact"}
        if platform.machine().lower() in ("x86_64", "amd64"):
            options["x264-params"] = "asm=SSE4.2"  # see thbench/video/writer.py
        return options
    if delivery.picture == "h265":
        return {**quality, "x265-params": _X265}
    if delivery.picture == "vp9":
        return {**quality, "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "0"}
    if delivery.picture == "av1":
        return {**quality, "preset": "8", "svtav1-params": "lp=1"}
    return {"level": "3", "g": "1", "slices": "4", "slicecrc": "1", "flags": "+bitexact"}


def _pictures(frames: Frames, fps: int, delivery: Delivery) -> Iterator[Any]:
    import av
    from av.video.reformatter import Colorspace

    to = Colorspace.ITU709 if delivery.matrix == 709 else Colorspace.ITU601
    for k, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame = frame.reformat(
            format=_pixels(delivery),
            dst_colorspace=to if _pixels(delivery) == "yuv420p" else None,
            interpolation=exact_conversion(),
            threads=1,
        )
        frame.pts, frame.time_base = k, Fraction(1, fps)
        yield frame


def _sound_stream(container: Any, delivery: Delivery) -> Any:
    stream = container.add_stream(delivery.encoders[1], rate=SAMPLE_RATE, layout="mono")
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {"flags": "+bitexact"}
    if delivery.bitrate is not None:
        stream.codec_context.bit_rate = delivery.bitrate * 1000
    return stream


def _sound(audio: Waveform, second: int, delivery: Delivery) -> Iterator[Any]:
    """The samples of one second as a frame, if there are any."""
    import av

    start = second * SAMPLE_RATE
    samples = audio[start : start + SAMPLE_RATE]
    if not len(samples):
        return
    block = np.ascontiguousarray(samples)[None]
    frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
    frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
    frame.pts = start + round(delivery.sound_late * SAMPLES_PER_FRAME)
    yield frame


@contextmanager
def _quiet() -> Iterator[None]:
    """SVT-AV1 prints its settings on standard error unless its own variable says otherwise."""
    before = os.environ.get("SVT_LOG")
    os.environ["SVT_LOG"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SVT_LOG"]
        else:
            os.environ["SVT_LOG"] = before


@contextmanager
def _own_schedule() -> Iterator[None]:
    """SVT-AV1 run by root gives the calling thread real-time priority (FIFO 99) and leaves it there: that thread,
    and every process it starts, then takes the cores from all others."""
    if not hasattr(os, "sched_setscheduler"):  # Linux only
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
