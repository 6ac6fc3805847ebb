"""A small CREMA-D made of other people's clips: FLV (flv1 + mp3, 29.97 fps, 480 x 360) and WAV.

True CREMA-D names over three actors. Two clips are damaged as they are "published": one FLV is cut
off, one lasts half a second.
"""

from __future__ import annotations

import wave
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.video import MediaReader
from thbench_crema_d.make_manifest import manifest_of, write_manifest

T = TypeVar("T", bound=np.generic)
RATE = Fraction(30000, 1001)
SIZE = (360, 480)


@dataclass(frozen=True)
class Cut:
    """A span of a real clip, in seconds, under a CREMA-D name; its WAV starts `early` s before it.

    `voice` is the clip whose sound it has: speaker d has none.
    """

    name: str
    clip: str
    start: float
    seconds: float
    early: float = 0.0
    voice: str = ""


A = "clips/speaker_a_512px_25fps_mpeg4.mp4"
B = "clips/speaker_b_512px_30fps_h264.mp4"
D = "clips/speaker_d_512px_h264.mp4"
TRUNCATED, SHORT = "1091_WSI_ANG_XX", "1091_ITH_DIS_XX"
GOOD = (
    Cut("1001_IEO_ANG_HI", A, 0.3, 1.5),
    Cut("1001_TIE_NEU_XX", A, 1.0, 1.5, early=0.25),
    Cut("1005_DFA_HAP_XX", B, 0.4, 1.5),
    Cut("1005_IWW_DIS_XX", B, 1.0, 1.5, early=-0.1),
    Cut("1091_MTI_FEA_XX", D, 0.8, 1.5, voice=B),
)
CUTS = (*GOOD, Cut(TRUNCATED, A, 0.6, 1.5), Cut(SHORT, B, 1.2, 0.5))


def make_tree(folder: Path, assets: Callable[[str], Path]) -> Path:
    """Write VideoFlash/, AudioWAV/ and files.csv, the manifest of both."""
    for kind in ("VideoFlash", "AudioWAV"):
        (folder / kind).mkdir(parents=True)
    pictures = {name: pictures_of(assets(name)) for name in (A, B, D)}
    sounds = {name: MediaReader().audio(assets(name)) for name in (A, B)}
    for cut in CUTS:
        sound = sounds[cut.voice or cut.clip]
        assert sound is not None
        frames = span(pictures[cut.clip], RATE, cut.start, cut.seconds)
        spoken = span(sound, 16_000, cut.start, cut.seconds)
        write_flv(folder / "VideoFlash" / f"{cut.name}.flv", frames, spoken)
        heard = span(sound, 16_000, cut.start - cut.early, cut.seconds + cut.early)
        write_wav(folder / "AudioWAV" / f"{cut.name}.wav", heard)
    truncated = folder / "VideoFlash" / f"{TRUNCATED}.flv"
    truncated.write_bytes(truncated.read_bytes()[:60_000])
    write_manifest(manifest_of(folder), folder / "files.csv")
    return folder


def pictures_of(path: Path, seconds: float = 2.6) -> NDArray[np.uint8]:
    """The beginning at 29.97 frames per second, as 480 x 360 pictures with green at both sides."""
    frames = islice(MediaReader().frames(path, float(RATE)), int(seconds * RATE))
    return np.stack([_framed(frame) for frame in frames])


def _framed(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = np.full((*SIZE, 3), (30, 140, 60), np.uint8)
    picture[:, 60:420] = cv2.resize(frame, (360, 360), interpolation=cv2.INTER_AREA)
    return picture


def span(line: NDArray[T], rate: float | Fraction, start: float, seconds: float) -> NDArray[T]:
    """From `start` on, `seconds` long, of frames or samples at `rate`."""
    first = round(start * rate)
    return line[first : first + round(seconds * rate)]


def write_flv(
    path: Path, frames: NDArray[np.uint8], sound: NDArray[np.int16] | None, rate: Fraction = RATE
) -> None:
    """flv1 and mp3 at 44.1 kHz, as CREMA-D's files are believed to be; without sound where None."""
    with av.open(str(path), "w", format="flv", options={"fflags": "bitexact"}) as container:
        video = container.add_stream("flv1", rate=rate)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        video.bit_rate = 1_500_000
        audio = (
            container.add_stream("libmp3lame", rate=44_100, layout="mono")
            if sound is not None
            else None
        )
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            resampler = av.AudioResampler("s16p", "mono", 44_100)
            block = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
            block.sample_rate, block.time_base, block.pts = 16_000, Fraction(1, 16_000), 0
            for part in [*resampler.resample(block), *resampler.resample(None)]:
                container.mux(audio.encode(part))
            container.mux(audio.encode(None))


def write_wav(path: Path, sound: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(sound.astype("<i2").tobytes())
