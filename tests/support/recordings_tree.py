"""Trees of recordings under the real names and layouts of RAVDESS, MEAD, HDTF and GRID, with their real faults.

The pictures are real heads: GRID's own clips where the set is GRID, else the beginnings of other test clips.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.video import MediaReader

NTSC, THIRTY = Fraction(30000, 1001), Fraction(30)
SECONDS = 1.2
A = "clips/speaker_a_512px_25fps_mpeg4.mp4"
B = "clips/speaker_b_512px_30fps_h264.mp4"
GRID = ("bbaf2n", "brbk7n", "lbax4n", "lbbc2a", "lrwp9a", "pwij3p")
Find = Callable[[str], Path]


@lru_cache(maxsize=8)
def head(path: Path, rate: Fraction, side: int = 200) -> NDArray[np.uint8]:
    """[T, 240, 320, 3] of the first seconds of a clip, a head among grey at both sides."""
    frames = islice(MediaReader().frames(path, float(rate)), round(SECONDS * rate))
    return np.stack([_framed(frame, side) for frame in frames])


def _framed(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    picture = np.full((240, 320, 3), 90, np.uint8)
    left, top = (320 - side) // 2, (240 - side) // 2
    small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
    picture[top : top + side, left : left + side] = small
    return picture


def speech(path: Path, seconds: float = SECONDS) -> NDArray[np.int16]:
    sound = MediaReader().audio(path)
    assert sound is not None
    return sound[: round(seconds * 16_000)]


def write_mp4(
    path: Path,
    frames: NDArray[np.uint8],
    sound: NDArray[np.int16] | None,
    rate: Fraction | int = NTSC,
) -> None:
    """H.264 and AAC at 48 kHz, as RAVDESS and MEAD have them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"fflags": "bitexact"}) as container:
        video = container.add_stream("libx264", rate=rate, options={"crf": "18", "threads": "1"})
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        audio = None if sound is None else container.add_stream("aac", rate=48_000, layout="mono")
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            _mux(container, audio, sound)


def write_m4a(path: Path, sound: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4", options={"fflags": "bitexact"}) as container:
        _mux(container, container.add_stream("aac", rate=48_000, layout="mono"), sound)


def _mux(container: av.container.OutputContainer, stream: object, sound: NDArray[np.int16]) -> None:
    resampler = av.AudioResampler("fltp", "mono", 48_000)
    block = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
    block.sample_rate, block.time_base, block.pts = 16_000, Fraction(1, 16_000), 0
    for part in [*resampler.resample(block), *resampler.resample(None)]:
        container.mux(stream.encode(part))  # type: ignore[attr-defined]
    container.mux(stream.encode(None))  # type: ignore[attr-defined]


# -- RAVDESS ----------------------------------------------------------------------------------------

RAVDESS = {
    "01": ("01-01-01-01-01-01-01", "01-01-05-02-02-01-01"),
    "21": ("01-01-01-01-01-01-21", "01-01-03-01-01-02-21", "01-01-08-02-02-02-21"),
}
SILENT_R, CONVERTED_R = "01-01-03-01-01-02-21", "01-01-08-02-02-02-21"


def make_ravdess(folder: Path, assets: Find) -> Path:
    """Archives of two actors and the record that lists them. One clip is silent, one was converted to 25 fps."""
    folder.mkdir(parents=True)
    for actor, clips in RAVDESS.items():
        files = {}
        for clip in clips:
            path = assets(A if actor == "01" else B)
            rate = Fraction(25) if clip == CONVERTED_R else NTSC
            sound = speech(path) * (clip != SILENT_R)
            made = folder / f"{clip}.mp4"
            write_mp4(made, head(path, rate), sound.astype(np.int16), rate)
            files[f"Actor_{actor}/{clip}.mp4"] = made.read_bytes()
            files[f"Actor_{actor}/02{clip[2:]}.mp4"] = b"the same without sound, which is no clip"
            made.unlink()
        files["../../outside.mp4"] = b"a name that leads out of the folder"
        files[f"../Actor_{actor}/01-01-02-01-01-01-{actor}.mp4"] = (
            b"no video, and a name from above"
        )
        _write_zip(folder / f"Video_Speech_Actor_{actor}.zip", files)
    write_record(folder)
    return folder


def _write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as out:
        for name, content in files.items():
            out.writestr(zipfile.ZipInfo(name, (2018, 4, 5, 0, 0, 0)), content)


def write_record(folder: Path) -> None:
    """As Zenodo's API lists the files of a record."""
    files = [
        {
            "key": path.name,
            "size": path.stat().st_size,
            "checksum": f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}",
            "links": {"self": f"https://zenodo.invalid/{path.name}/content"},
        }
        for path in sorted(folder.glob("*.zip"))
    ]
    (folder / "record.json").write_text(json.dumps({"id": 1188976, "files": files}))


# -- MEAD -------------------------------------------------------------------------------------------

MEAD = (
    ("M003", "front", "angry", "1", "001"),
    ("M003", "front", "neutral", "1", "002"),
    ("M003", "left_30", "angry", "1", "001"),
    ("W009", "front", "angry", "1", "001"),
    ("W017", "front", "neutral", "1", "001"),
)
SOUNDLESS = ("W009", "front", "angry", "1", "001")
"""Neither a track nor a file of its own."""


def make_mead(folder: Path, assets: Find) -> Path:
    """Five videos at 30 fps whose sound lies in files of its own; one lacks it, W017 lacks emotions."""
    for clip in MEAD:
        actor, view, emotion, level, number = clip
        path = assets(A if actor == "M003" else B)
        tail = f"{emotion}/level_{level}/{number}"
        own = (
            speech(path) if number == "002" else None
        )  # one has a track as well: it is laid on that
        write_mp4(folder / actor / "video" / view / f"{tail}.mp4", head(path, THIRTY), own, THIRTY)
        if clip != SOUNDLESS:
            sound = speech(path)
            early = np.zeros(1600, np.int16) if own is not None else sound[:0]
            write_m4a(folder / actor / "audio" / f"{tail}.m4a", np.concatenate([early, sound]))
    return folder


# -- HDTF -------------------------------------------------------------------------------------------


def make_hdtf(folder: Path, assets: Find) -> Path:
    """Clips cut before under their names, one as the authors' README calls them, one whole video, an RD clip."""
    square = [frame[20:220, 60:260] for frame in head(assets(A), Fraction(25))]
    for name in (
        "WRA_TomCotton_000",
        "WDA_JamesClyburn1_000",
        "WDA_WhipJimClyburn_000",
        "RD_Radio1_000",
    ):
        write_mp4(folder / f"{name}.mp4", np.stack(square), speech(assets(A)), 25)
    write_mp4(folder / "TomPrice_0.mp4", np.stack(square), speech(assets(A)), 25)
    frames = head(assets(B), Fraction(25))
    still = np.concatenate([np.zeros((125, *frames.shape[1:]), np.uint8), frames, frames])
    sound = np.concatenate([np.zeros(80_000, np.int16), speech(assets(B)), speech(assets(B))])
    write_mp4(folder / "AdamSchiff.mp4", still, sound, 25)  # its clip begins after 5 s
    return folder


# -- GRID -------------------------------------------------------------------------------------------


def make_grid(folder: Path, assets: Find) -> Path:
    """Real GRID clips under two talkers; they are of several, which their names do not say."""
    for i, sentence in enumerate(GRID):
        path = folder / ("s1" if i % 2 else "s3") / "video" / f"{sentence}.mpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(assets(f"clips/grid/{sentence}.mpg").resolve())
    return folder
