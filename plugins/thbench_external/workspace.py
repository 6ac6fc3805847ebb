"""The private folder of one call: what the program is given, and what it has written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from thbench.api import (
    FPS,
    SAMPLE_RATE,
    ClipFailure,
    Frames,
    Request,
    Waveform,
    temporary_folder,
)

__all__ = ["Given", "NotWritten", "Workspace", "opaque_names", "workspace"]

_CHUNK = 1 << 20


class NotWritten(ClipFailure):
    """The program ended well and left nothing: what it said is the reason."""


@dataclass(frozen=True)
class Given:
    """The files of one request. `video` holds the identity frame for as long as the answer lasts."""

    request: Request
    name: str
    identity: Path
    audio: Path
    video: Path
    oracle: Path


@dataclass(frozen=True)
class Workspace:
    """Folders with mode 0700 and without dots in their names: some programs look for a suffix at the
    first dot of a path."""

    folder: Path
    adopted: Path

    @property
    def inputs(self) -> Path:
        return self.folder / "in"

    @property
    def outputs(self) -> Path:
        return self.folder / "out"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def log(self) -> Path:
        return self.adopted / "log.txt"

    def write(self, request: Request, name: str, still: bool, alpha: bool = False) -> Given:
        """Identity frame, sound, oracle if there is one, and the still video if it is asked for."""
        at = self.inputs / name
        given = Given(
            request,
            name,
            at.with_suffix(".png"),
            at.with_suffix(".wav"),
            at.with_suffix(".mp4"),
            at.with_suffix(".npz"),
        )
        _write_png(given.identity, request.identity_frame, alpha)
        _write_wav(given.audio, request.audio)
        if still:
            _write_still(given.video, request.identity_frame, request.n_frames)
        if request.oracle:
            np.savez(given.oracle, allow_pickle=False, **request.oracle)
        return given

    def write_requests(self, given: Sequence[Given], outputs: Sequence[str]) -> Path:
        """One JSON object a line: what `api.Request` holds, and where the video is expected."""
        path = self.inputs / "requests.jsonl"
        lines = [_line(g, self.outputs / out) for g, out in zip(given, outputs, strict=True)]
        path.write_text("".join(lines), encoding="utf-8")
        return path

    def write_folders(self, given: Sequence[Given]) -> dict[str, object]:
        """Folders that hold the pictures, and the sounds, of a call and nothing besides."""
        found: dict[str, object] = {}
        for name, kind in (("pictures", "identity"), ("sounds", "audio")):
            folder = self.inputs / name
            folder.mkdir(exist_ok=True)
            for one in given:
                file: Path = getattr(one, kind)
                shutil.copy(file, folder / file.name)
            found[name] = folder
        return found

    def line(self, given: Given, out: Path) -> str:
        """One request as a line of JSON."""
        return _line(given, out)

    def write_list(self, text: str) -> Path:
        """What the option `each` made of the clips of a call."""
        path = self.inputs / "list.txt"
        path.write_text(text + "\n" if text else "", encoding="utf-8")
        return path

    def adopt(self, pattern: str, name: str, largest: int) -> Path:
        """A copy of the one video under `outputs` that matches, out of the program's reach.

        Raises NotWritten where there is none, ClipFailure where it cannot be taken.
        """
        found = sorted(self.outputs.glob(pattern)) if "*" in pattern else [self.outputs / pattern]
        if not found:
            raise NotWritten(f"the program wrote no {pattern}")
        if len(found) > 1:
            raise ClipFailure(f"{len(found)} files match {pattern}, one expected")
        return self.adopt_file(found[0], self.outputs, name, largest)

    def adopt_file(self, path: Path, inside: Path, name: str, largest: int) -> Path:
        """A copy of a file in a folder that the program may write. Raises as `adopt`."""
        copy = self.adopted / f"{name}{path.suffix.lower()}"
        _copy_plain(path, inside, copy, largest)
        return copy

    def clear(self) -> None:
        """Remove what one clip of a session was given and has left, and keep the folders."""
        for folder in (self.inputs, self.outputs, self.temporary):
            for path in folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


@contextmanager
def workspace() -> Iterator[Workspace]:
    """Fresh folders that disappear with everything in them."""
    with temporary_folder() as folder, temporary_folder() as adopted:
        space = Workspace(folder, adopted)
        for part in (space.inputs, space.outputs, space.temporary, space.home):
            part.mkdir(mode=0o700)
        yield space


def opaque_names(requests: Sequence[Request]) -> list[str]:
    """Names that tell nothing the program is not given anyway, and do not depend on the neighbours.

    They are digests of identity frame, sound and seed; equal requests of one batch are numbered.
    """
    names: list[str] = []
    for request in requests:
        total = hashlib.sha256(f"{request.seed} {request.n_frames} {request.size}".encode())
        total.update(request.identity_frame.tobytes())
        total.update(request.audio.tobytes())
        name = total.hexdigest()[:16]
        copies = sum(other.startswith(name) for other in names)
        names.append(f"{name}-{copies}" if copies else name)
    return names


def _line(given: Given, out: Path) -> str:
    request = given.request
    values = {
        "clip": given.name,
        "identity": str(given.identity),
        "audio": str(given.audio),
        "frames": request.n_frames,
        "fps": request.fps,
        "size": request.size,
        "seed": request.seed,
        "out": str(out),
    }
    if given.video.exists():
        values["video"] = str(given.video)
    if request.oracle:
        values["oracle"] = str(given.oracle)
    return json.dumps(values) + "\n"


def _write_png(path: Path, frame: Frames, alpha: bool) -> None:
    order = cv2.COLOR_RGB2BGRA if alpha else cv2.COLOR_RGB2BGR
    done, data = cv2.imencode(".png", cv2.cvtColor(frame, order))
    if not done:
        raise ClipFailure(f"an identity frame of {frame.shape} cannot be written as PNG")
    path.write_bytes(data.tobytes())


def _write_wav(path: Path, audio: Waveform) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(audio.astype("<i2").tobytes())


def _write_still(path: Path, frame: Frames, n_frames: int) -> None:
    """H.264 at crf 10 (yuv420p, even size): what every program that wants a video can read."""
    import av

    height, width = (n - n % 2 for n in frame.shape[:2])
    picture = av.VideoFrame.from_ndarray(
        np.ascontiguousarray(frame[:height, :width]), format="rgb24"
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        for index in range(n_frames):
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _copy_plain(source: Path, inside: Path, copy: Path, largest: int) -> None:
    """Copy a regular file that really lies inside a folder; links of any kind are refused."""
    name = source.relative_to(inside)
    if not os.path.lexists(source):
        raise NotWritten(f"the program wrote no {name.suffix or 'video'} file")
    # `inside` itself may have been exchanged for a link; as it was made, it had none in its path.
    if source.parent.resolve() != (inside / name.parent):
        raise ClipFailure(f"the program delivered {name.name} through a link out of its folder")
    if source.is_symlink():
        raise ClipFailure("the program delivered a link, not a file")
    try:
        # Opened first and examined then: between a look and an opening the file could be exchanged.
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ClipFailure(f"the delivered file cannot be opened: {error.strerror}") from None
    try:
        _check_plain(os.fstat(descriptor), largest)
        with open(descriptor, "rb", closefd=False) as file, copy.open("wb") as out:
            shutil.copyfileobj(file, out, _CHUNK)
    finally:
        os.close(descriptor)


def _check_plain(status: os.stat_result, largest: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ClipFailure("the program delivered no regular file")
    if status.st_nlink > 1:
        raise ClipFailure("the program delivered a hard link")
    if status.st_size > largest:
        raise ClipFailure(f"the delivered file has {status.st_size} bytes, {largest} allowed")
