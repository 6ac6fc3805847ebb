"""One picture and one sound to one video: `thbench generate --generator NAME --image ... --audio ...`."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thbench import video
from thbench.api import (
    SAMPLES_PER_FRAME,
    ClipFailure,
    Decode,
    Failure,
    Frames,
    Generated,
    Request,
    UserError,
    Waveform,
)
from thbench.environment import Settings, apply_threads
from thbench.files.foreign import read_bytes, reading
from thbench.files.yamlfile import Document
from thbench.plugins.context import build
from thbench.plugins.discovery import Registry
from thbench.plugins.missing import plugin_lacks
from thbench.suite import Part, named_part
from thbench.suite.overrides import options_from
from thbench.suite.seeds import request_seed

SUFFIXES = (".mp4", ".mkv")
"""H.264 and AAC for people to watch, or FFV1 and FLAC, which lose nothing."""
CRF = 18
DEFAULT_SIZE = 128


def square(image: Frames, size: int, crop: tuple[int, int, int] | None = None) -> Frames:
    """[size, size, 3] of a picture [H, W, 3]: the largest square in its middle, or (x, y, side).

    Smaller by area averaging, larger by bicubic interpolation. Raises UserError for a crop that
    leaves the picture.
    """
    import cv2

    height, width = image.shape[:2]
    side = min(height, width)
    x, y, side = crop or ((width - side) // 2, (height - side) // 2, side)
    if x < 0 or y < 0 or side < 1 or x + side > width or y + side > height:
        raise UserError(
            f"--crop {x},{y},{side} leaves the picture of {width} x {height} px",
            "give x, y and side of a square within it",
        )
    part = image[y : y + side, x : x + side]
    how = cv2.INTER_AREA if size < side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (size, size), interpolation=how), np.uint8)


LARGEST_PICTURE = 200_000_000
"""Bytes of a picture file."""


def read_image(path: Path) -> Frames:
    """[H, W, 3] uint8 RGB, turned upright as its EXIF data says. Raises UserError."""
    import cv2

    data = np.frombuffer(read_bytes(path, "check the path", LARGEST_PICTURE), np.uint8)
    with reading(path, "give a PNG or JPEG"):  # OpenCV raises where a header claims 10^10 pixels
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise UserError(f"{path} is no picture that can be read", "give a PNG or JPEG")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def read_sound(path: Path) -> Waveform:
    """[samples] int16 mono 16 kHz of any sound or video file. Raises UserError."""
    try:
        audio = video.read_wav(path)
    except ClipFailure as failure:
        raise UserError(f"{path}: {failure.reason}", "give a sound file, WAV say") from None
    if not len(audio):
        raise UserError(f"{path} holds no sound", "give a longer one")
    return audio


def single_request(frame: Frames, audio: Waveform, seed: int) -> Request:
    """As many frames as it takes to cover the sound."""
    return Request(
        clip_id="single",
        identity_frame=frame,
        audio=audio,
        n_frames=math.ceil(len(audio) / SAMPLES_PER_FRAME),
        size=int(frame.shape[0]),
        seed=request_seed(seed, "single"),
    )


def generate_single(
    name: str,
    given: Sequence[str],
    request: Request,
    out: Path,
    registry: Registry,
    settings: Settings,
) -> Path:
    """Have the generator `name` with `key=value` options answer one request, and write the video.

    Raises UserError for unknown names and options, for what is missing (with the commands), for a
    suffix that is neither .mp4 nor .mkv, and where the generator fails.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise UserError(f"-o {out}: unknown suffix '{out.suffix}'", f"use {' or '.join(SUFFIXES)}")
    part = _part(name, given, registry)
    if lacks := list(plugin_lacks(f"generator {name}", part.registered, part.options, registry)):
        raise UserError("; ".join(lack.line() for lack in lacks), "run the commands shown")
    generator = build(part.registered, part.options, registry, settings)
    apply_threads(settings.threads)
    for answer in generator.generate([request]):
        if isinstance(answer, Failure):
            raise UserError(f"{name} failed: {answer.reason}", "try another picture or sound")
        write_answer(answer, request, out, settings.decode)
        return out
    raise UserError(f"{name} gave no answer", f"thbench check {name}")


def _part(name: str, given: Sequence[str], registry: Registry) -> Part:
    options = options_from(given)
    document = Document(f"--generator {name}", options, folder=Path.cwd())
    return named_part("generator", name, options, registry, document, ())


def write_answer(answer: Generated, request: Request, out: Path, decode: Decode) -> None:
    """A delivered file is copied where the suffix fits; everything else is encoded as `out` says."""
    if answer.file is not None and answer.file.suffix.lower() == out.suffix.lower():
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(answer.file, out)
        return
    frames, audio = answer.frames, answer.audio
    if answer.file is not None:
        recording = video.MediaReader(decode=decode).read(answer.file)
        frames, audio = recording.frames, recording.audio
    _check(frames, request)
    assert frames is not None
    sound = request.audio if audio is None else audio
    if out.suffix.lower() == ".mkv":
        video.write_lossless(out, frames, sound)
    else:
        video.write_h264(out, frames, sound, crf=CRF)


def _check(frames: Any, request: Request) -> None:
    given = getattr(frames, "shape", None), getattr(frames, "dtype", None)
    size = request.size
    if given[0] is None or given[0][1:] != (size, size, 3) or given[1] != np.uint8:
        raise UserError(
            f"the generator gave frames of {given[0]} {given[1]}, [T, {size}, {size}, 3] uint8 needed",
            "thbench check NAME says more",
        )
