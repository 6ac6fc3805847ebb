"""A small CREMA-D of drawn people, and a stand-in for the face networks that knows where their faces are.

Pictures and speech are the puppets' own, published as FLV and WAV like CREMA-D's. What a real detector finds in real
faces is tested where the weights and real clips are; this runs everything around it, for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from crema_tree import RATE, SIZE, write_flv, write_wav
from thbench_crema_d.make_manifest import manifest_of, write_manifest
from thbench_puppet.dataset import make

CLIPS = ("1001_IEO_ANG_HI", "1005_DFA_HAP_XX", "1091_MTI_FEA_XX")
SECONDS, LEFT = 1.6, 60
"""Length of a clip, and the column of the recording at which its square of 360 px begins."""
THUMB = (48, 36)


@dataclass(frozen=True)
class Drawn:
    """One clip as drawn: frames [T, 360, 360, 3] at 25 fps, points [T, 68, 2] in the recording, sound."""

    frames: NDArray[np.uint8]
    points: NDArray[np.float64]
    sound: NDArray[np.int16]


def drawn(name: str) -> Drawn:
    n = round(SECONDS * 25)
    source = make(name, SIZE[0])
    points = source.annotations["landmarks"][:n].astype(np.float64) + np.array([LEFT, 0])
    return Drawn(source.frames[:n], points, source.audio[: n * 640])


def recorded(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[360, 480, 3]: the drawn square between green bars."""
    picture = np.full((*SIZE, 3), (30, 140, 60), np.uint8)
    picture[:, LEFT : LEFT + SIZE[0]] = frame
    return picture


def make_drawn_tree(folder: Path, clips: dict[str, Drawn]) -> Path:
    """VideoFlash/, AudioWAV/ and files.csv of the clips, at 29.97 frames per second."""
    for kind in ("VideoFlash", "AudioWAV"):
        (folder / kind).mkdir(parents=True)
    for name, clip in clips.items():
        shown = [int(i * 25 / RATE) for i in range(int(SECONDS * RATE))]
        pictures = np.stack([recorded(clip.frames[i]) for i in shown])
        write_flv(folder / "VideoFlash" / f"{name}.flv", pictures, clip.sound)
        write_wav(folder / "AudioWAV" / f"{name}.wav", clip.sound)
    write_manifest(manifest_of(folder), folder / "files.csv")
    return folder


class Knowing:
    """A backend that recognises each drawn frame, whatever the codec did to it, and knows its 68 points."""

    def __init__(self, clips: dict[str, Drawn]) -> None:
        self._points = np.concatenate([clip.points for clip in clips.values()])
        frames = [frame for clip in clips.values() for frame in clip.frames]
        self._thumbs = np.stack([self._thumb(recorded(frame)) for frame in frames])
        self.calls = 0

    @staticmethod
    def _thumb(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        return cv2.resize(picture, THUMB, interpolation=cv2.INTER_AREA).astype(np.float64)

    def _points_of(self, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        apart = ((self._thumbs - self._thumb(picture)) ** 2).mean(axis=(1, 2, 3))
        return np.asarray(self._points[int(np.argmin(apart))])

    def faces(self, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.calls += 1
        points = self._points_of(frame)
        return np.array([[*points.min(0), *np.ptp(points, axis=0), 0.9]])

    def landmarks(self, frame: NDArray[np.uint8], box: NDArray[np.float64]) -> NDArray[np.float32]:
        return self._points_of(frame).astype(np.float32)
