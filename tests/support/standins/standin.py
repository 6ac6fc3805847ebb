"""What the programs that stand in for published ones share; lies in the environment that they run in.

They are written from the sources of the real ones, as their recipes name them: the same words, settings, names,
folders, codecs, frame rates, lengths and exit codes. What they draw is the picture they are given with a
mouth that opens and closes.
"""

from __future__ import annotations

import json
import math
import os
import sys
import wave
from pathlib import Path

import av
import cv2
import numpy as np

__version__ = "1.2.3"


def log(**more: object) -> None:
    """Tell the test what was given, if it wants to know."""
    if "STANDIN_RECORD" in os.environ:
        seen = {"argv": sys.argv[1:], "cwd": str(Path.cwd()), **more}
        with Path(os.environ["STANDIN_RECORD"]).open("a") as file:
            file.write(json.dumps(seen) + "\n")


def needs(*files: str) -> None:
    """Weights that the real one loads, relative to where it is started."""
    for name in files:
        if not Path(name).exists():
            raise FileNotFoundError(2, "No such file or directory", name)


def picture(path: str) -> np.ndarray:
    found = cv2.imread(str(path))
    assert found is not None, f"cannot read {path}"
    return found[..., ::-1]


def first_frame(path: str) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as file:
        frames = [f.to_ndarray(format="rgb24") for f in file.decode(video=0)]
    return frames[0], len(frames)


def has_face(image: np.ndarray) -> bool:
    """Their detectors find none in a flat picture."""
    return float(image.std()) > 5


def seconds(path: str) -> float:
    with wave.open(str(path)) as file:
        assert file.getframerate() == 16000, "16 kHz wanted"
        return file.getnframes() / file.getframerate()


def n_frames(path: str, fps: float = 25, off: int = 0) -> int:
    return max(1, math.ceil(seconds(path) * fps - 1e-6) + off)


def talk(image: np.ndarray, n: int) -> list[np.ndarray]:
    """[H, W, 3] each: the mouth darkens and brightens."""
    height, width = image.shape[:2]
    frames = []
    for i in range(n):
        frame = image.copy()
        top, left = round(height * 0.72), round(width * 0.45)
        frame[top : top + max(1, height // 30), left : left + width // 10] //= 1 + i % 2
        frames.append(frame)
    return frames


def cropped(image: np.ndarray, top: float, bottom: float, left: float, right: float) -> np.ndarray:
    """Their own crop, in shares of the sides; with STANDIN_LOOSE a looser one, which repeats the edges."""
    if share := os.environ.get("STANDIN_LOOSE"):
        n = round(len(image) * float(share))
        return cv2.copyMakeBorder(image, n, n, n, n, cv2.BORDER_REPLICATE)
    height, width = image.shape[:2]
    return image[
        round(height * top) : round(height * bottom), round(width * left) : round(width * right)
    ]


def squeezed(image: np.ndarray, width: int, height: int | None = None) -> np.ndarray:
    return cv2.resize(image, (width, height or width), interpolation=cv2.INTER_CUBIC)


def write(
    path: str | Path,
    frames: list[np.ndarray],
    sound: str | None,
    codec: str = "libx264",
    fps: int = 25,
) -> None:
    """A video as ffmpeg or OpenCV would leave it; with sound, AAC."""
    path = Path(path)
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = (
            width - width % 2,
            height - height % 2,
            "yuv420p",
        )
        stream.codec_context.thread_count = 1
        track = out.add_stream("aac", rate=16000, layout="mono") if sound else None
        for i, frame in enumerate(frames):
            at = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            at.pts = i
            out.mux(stream.encode(at))
        out.mux(stream.encode(None))
        if track is not None:
            with wave.open(str(sound)) as file:
                data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            for start in range(0, len(data), 1024):
                part = av.AudioFrame.from_ndarray(
                    data[None, start : start + 1024], format="s16", layout="mono"
                )
                part.rate, part.pts = 16000, start
                out.mux(track.encode(part))
            out.mux(track.encode(None))


def ffmpeg_fails() -> bool:
    """Whether the last step of this call is to fail, as ffmpeg may."""
    return bool(os.environ.get("STANDIN_FFMPEG_FAILS"))
