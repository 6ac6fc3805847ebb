"""One picture under several sounds: H.264 files that share one encode.

Apart from the writer, whose code names every video that a run has stored (thbench.plugins.sources.MEDIA):
what is for looking only may change here without ending those runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thbench.api import FPS, SAMPLES_PER_FRAME, Frames, Waveform
from thbench.files.atomic import atomic_file
from thbench.video.writer import _check, _Form, _Picture, _Sound, _Watched, _x264


@dataclass(frozen=True)
class _Packet:
    """A packet that is muxed again and again: muxing changes the one it is given."""

    data: bytes
    pts: int | None
    dts: int | None
    time_base: Any
    duration: int
    is_key: bool

    def on(self, stream: Any) -> Any:
        """For a stream that was set up as the one it came from."""
        import av

        packet = av.Packet(self.data)
        packet.pts, packet.dts, packet.time_base = self.pts, self.dts, self.time_base
        packet.duration, packet.is_keyframe = self.duration, self.is_key
        packet.stream = stream
        return packet


def _packet(p: Any) -> _Packet:
    return _Packet(bytes(p), p.pts, p.dts, p.time_base, p.duration, p.is_keyframe)


class SharedSound:
    """Sound [samples] int16 at 16 kHz of several files, or None; encoded once for all that are equally long."""

    def __init__(self, audio: Waveform | None) -> None:
        self.audio = audio
        self._encoded: dict[int, list[list[_Packet]]] = {}

    def encoded(self, seconds: int) -> list[list[_Packet]]:
        """What was encoded so far beside a picture of so many whole seconds: by second, then the rest."""
        return self._encoded.setdefault(seconds, [])


def write_h264_under(
    sounds: Mapping[Path, SharedSound], frames: Frames, crf: int = 23, preset: str = "medium"
) -> None:
    """As `write_h264`, one file for each of `sounds`, each with the bytes that it would have alone.

    frames [T, H, W, 3] uint8 RGB at 25 fps, T >= 1, encoded once; preset of x264. Raises UserError where the
    disk is full or a folder cannot be written.
    """
    for sound in sounds.values():
        _check(frames, sound.audio)
    picture = _Picture("libx264", "yuv420p", _x264(crf) | {"preset": preset})
    form = _Form("mp4", picture, "aac", {"movflags": "+faststart"})
    with ExitStack() as stack:
        files = [_Watched(stack.enter_context(atomic_file(path))) for path in sounds]
        try:
            _fill(dict(zip(files, sounds.values(), strict=True)), form, frames)
        finally:  # what PyAV then raises is only that a file is not what it wrote
            for file in files:
                if file.error is not None:
                    raise file.error


def _fill(files: Mapping[_Watched, SharedSound], form: _Form, frames: Frames) -> None:
    """The encoder of the first file makes the packets of all."""
    with ExitStack() as stack:
        tracks = [
            _Tracks(stack.enter_context(form.open(file)), form, frames, sound)
            for file, sound in files.items()
        ]
        for count, encoded in enumerate(form.picture.encoded(tracks[0].picture, frames), 1):
            packet = _packet(encoded)
            for track in tracks:
                track.add(packet, count)
        for track in tracks:
            track.end()


class _Tracks:
    """A file's picture, whose packets are given one by one, and its sound."""

    def __init__(self, container: Any, form: _Form, frames: Frames, sound: SharedSound) -> None:
        self.container = container
        self.picture = container.add_stream(form.picture.codec, rate=FPS)
        form.picture.set_up(self.picture.codec_context, frames)
        audio = sound.audio
        self.sound = None if audio is None else _Sound(container, form.sound, audio)
        self.encoded, self.second = sound.encoded(len(frames) // FPS), 0

    def add(self, packet: _Packet, count: int) -> None:
        """Packet number `count`, from 1; sound follows second by second, as `write_h264` lets it."""
        self.container.mux(packet.on(self.picture))
        if count % FPS == 0:
            self._add_sound(count * SAMPLES_PER_FRAME)

    def end(self) -> None:
        self._add_sound(None)

    def _add_sound(self, upto: int | None) -> None:
        """Samples before `upto`, None: all that are left. The first file that gets there encodes them."""
        if self.sound is None:
            return
        if self.second == len(self.encoded):
            self.encoded.append([_packet(p) for p in self.sound.encoded(upto)])
        self.container.mux([p.on(self.sound.stream) for p in self.encoded[self.second]])
        self.second += 1
