"""The sound of a file as canonical audio: mono, 16 kHz, laid out by its timestamps."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from thbench.api import SAMPLE_RATE, ClipFailure, Waveform
from thbench.video.clock import DisplayTimes
from thbench.video.streams import LONGEST_GAP, decode_packet, nearest, packets, start_of, stated_end

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer

_AUDIO_JUMP = Fraction(1, 10)
"""Seconds by which audio may drift from its timestamps before it is laid out anew (FFmpeg's own limit)."""
_LONGEST_FRAME = 2048
"""Samples in the longest frame of AAC."""


def canonical_audio(container: InputContainer, video: Any | None, audio: Any) -> Waveform:
    origin: Fraction | None = None
    track, times = _Track(), DisplayTimes(container)
    _be_strict(audio)
    for packet in packets(container):
        if packet.stream.index == audio.index:
            for frame in decode_packet(packet):
                track.add(frame)
        elif origin is None and video is not None and packet.stream.index == video.index:
            # Pictures are decoded only until the first one says when it is shown.
            times.note(packet)
            first = next(decode_packet(packet), None)
            origin = None if first is None else times.of(first) or Fraction(0)
    if video is not None and origin is None:
        raise ClipFailure("no video frames")
    line = track.laid_out(origin)
    return line[: len(line) - _padding(container, audio, len(line), origin)]


def _padding(container: InputContainer, audio: Any, samples: int, origin: Fraction | None) -> int:
    """Samples that only fill up the last AAC frame: an mp4 says where its sound ends, FFmpeg plays on."""
    end = stated_end(audio)
    if end is None or not container.format.name.startswith("mov"):
        return 0
    start = (audio.start_time or 0) * audio.time_base if origin is None else origin
    excess = samples - nearest((end - start) * SAMPLE_RATE)
    longest = _LONGEST_FRAME * SAMPLE_RATE // (audio.codec_context.sample_rate or SAMPLE_RATE)
    return excess if 0 < excess <= longest else 0


@dataclass
class _Track:
    """Decoded audio as runs of canonical samples, each with the time it starts at."""

    runs: list[tuple[Fraction, list[Waveform]]] = field(default_factory=list)
    _resampler: Any = None
    _form: tuple[Any, ...] = ()
    _next: Fraction = Fraction(0)

    def add(self, frame: AudioFrame) -> None:
        start = start_of(frame)
        start = self._next if start is None else start
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if not self.runs or form != self._form or abs(start - self._next) > _AUDIO_JUMP:
            self._new_run(start, form)
        self._next += Fraction(frame.samples, frame.sample_rate)
        frame.pts = None  # within a run samples follow each other; timestamps only jitter
        self._take(self._resampler.resample(frame))

    def laid_out(self, origin: Fraction | None) -> Waveform:
        """All runs on one line that starts at `origin`, with silence between them."""
        self._flush()
        if not self.runs:
            return np.zeros(0, np.int16)
        origin = self.runs[0][0] if origin is None else origin
        places = [(nearest((s - origin) * SAMPLE_RATE), np.concatenate(w)) for s, w in self.runs]
        line = np.zeros(max(0, *(at + len(w) for at, w in places)), np.int16)
        for at, samples in places:
            head = max(0, -at)  # what sounds before the first frame
            line[at + head : max(0, at + len(samples))] = samples[head:]
        return line

    def _new_run(self, start: Fraction, form: tuple[Any, ...]) -> None:
        from av.audio.resampler import AudioResampler

        self._flush()
        if self.runs and abs(start - self._next) > LONGEST_GAP:
            raise ClipFailure(f"damaged audio timestamps: a jump to {float(start):.0f} s")
        self.runs.append((start, [np.zeros(0, np.int16)]))
        self._resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        self._form, self._next = form, start

    def _flush(self) -> None:
        if self._resampler is not None:
            self._take(self._resampler.resample(None))

    def _take(self, frames: list[Any]) -> None:
        self.runs[-1][1].extend(f.to_ndarray().reshape(-1) for f in frames if f is not None)


def _be_strict(stream: Any) -> None:
    """FLAC carries checksums, which FFmpeg compares only when asked.

    Lossy codecs are left alone: there the same option refuses files that every player shows. FFV1's
    checksums only make FFmpeg paint over the damage, so StoredVideo compares digests.
    """
    if stream.codec_context.name == "flac":
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
