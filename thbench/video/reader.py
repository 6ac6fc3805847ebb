"""Reading video files: frames and sound on one clock whose zero is the first video frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thbench.api import FPS, ClipFailure, Decode, Frames, MediaInfo, Recording, Waveform
from thbench.video.clock import at_constant_rate, count_at, stamped
from thbench.video.containers import open_media
from thbench.video.gather import gather
from thbench.video.pixels import displayed_size, hdr_of, pixel_shape_of, upright
from thbench.video.sound import canonical_audio
from thbench.video.streams import (
    decoded,
    find_stream,
    frame_rate,
    packet_spans,
    video_stream,
)

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_opened = 0


def decode_count() -> int:
    """How many times this process has opened a file to decode it; tests assert that it stood still."""
    return _opened


class MediaReader:
    """The one reader of media files (api.Media). Every failure is a ClipFailure naming the file.

    `threads` of the decoder; the pixels do not depend on it. `decode` says how colours become RGB
    (api.Decode).
    """

    def __init__(self, threads: int = 1, decode: Decode = "exact") -> None:
        self.threads, self.decode = threads, decode

    def probe(self, path: Path) -> MediaInfo:
        """Codecs, size as displayed, rate and length. Reads all packets, decodes one frame."""
        width, height, hdr = self._first_picture(path)
        with open_media(path) as container:
            video, audio = video_stream(container), find_stream(container, "audio")
            spans = packet_spans(container, video)
            if not spans:
                raise ClipFailure("no video frames")
            return MediaInfo(
                video_codec=video.codec_context.name,
                width=width,
                height=height,
                fps=frame_rate(video),
                n_frames=len(spans),
                frames_at_25=count_at(spans, Fraction(FPS)),
                duration=float(max(e for _, e in spans) - min(s for s, _ in spans)),
                audio_codec=audio.codec_context.name if audio else None,
                sample_rate=audio.codec_context.sample_rate if audio else None,
                hdr=hdr,
            )

    def _first_picture(self, path: Path) -> tuple[int, int, str]:
        """Width and height as displayed, and the kind of high dynamic range, if any."""
        with open_media(path) as container:
            stream = video_stream(container)
            first = next(decoded(container, stream), None)
            if first is None:
                raise ClipFailure("no video frames")
            return *displayed_size(first, pixel_shape_of(stream)), hdr_of(first)

    def frames(self, path: Path, fps: float | None = FPS) -> Iterator[Frames]:
        """[H, W, 3] uint8 RGB one by one; at `fps` frame k shows what is on screen nearest to k / fps.

        None delivers every stored frame once. Raises ClipFailure, possibly after some frames.
        """
        with open_media(path, self.threads) as container:
            _count_decode()
            stream = video_stream(container)
            timed = stamped(container, stream)
            shown: Iterator[VideoFrame]
            if fps is None:
                shown = (frame for _, _, frame in timed)
            else:
                shown = at_constant_rate(timed, Fraction(fps).limit_denominator(1001))
            yield from _as_rgb(shown, pixel_shape_of(stream), self.decode)

    def audio(self, path: Path) -> Waveform | None:
        """[samples] int16 mono 16 kHz; sample 0 sounds with the first video frame.

        Earlier sound is cut off, a later start is padded with silence. A file without pictures
        (wav) keeps its own start. None without an audio track.
        """
        with open_media(path) as container:
            video, audio = find_stream(container, "video"), find_stream(container, "audio")
            if audio is None:
                return None
            _count_decode()
            return canonical_audio(container, video, audio)

    def read(self, path: Path, fps: float | None = FPS) -> Recording:
        """All frames and the sound of a file; a long clip's frames are held as `gather` says."""
        frames = gather(self.frames(path, fps))
        return Recording(frames, self.audio(path), fps or self._stored_rate(path))

    def gather(self, frames: Iterable[Frames]) -> Frames:
        """[T, H, W, 3] of frames given one by one, see `thbench.video.gather`."""
        return gather(frames)

    def _stored_rate(self, path: Path) -> float:
        with open_media(path) as container:
            return float(frame_rate(video_stream(container)) or FPS)


def read_lossless(path: Path) -> Recording:
    """What `write_lossless` was given. Raises ClipFailure for a missing or damaged file."""
    return MediaReader().read(path, fps=None)


def read_wav(path: Path) -> Waveform:
    """[samples] int16 mono 16 kHz of any sound file. Raises ClipFailure."""
    audio = MediaReader().audio(path)
    if audio is None:
        raise ClipFailure(f"{path.name}: no audio track")
    return audio


def _as_rgb(
    frames: Iterable[VideoFrame], pixel_shape: Fraction, decode: Decode
) -> Iterator[Frames]:
    """RGB as shown; a frame that is repeated is converted once."""
    size: tuple[int, ...] = ()
    previous: VideoFrame | None = None
    rgb: Frames = np.empty((0, 0, 3), np.uint8)
    for frame in frames:
        if frame is not previous:
            previous, rgb = frame, upright(frame, pixel_shape, decode)
        if size and rgb.shape != size:
            raise ClipFailure(f"picture size changes from {size[:2]} to {rgb.shape[:2]}")
        size = rgb.shape
        yield rgb


def _count_decode() -> None:
    global _opened  # noqa: PLW0603  a counter for tests
    _opened += 1
