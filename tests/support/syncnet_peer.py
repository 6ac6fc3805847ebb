"""Runs joonson/syncnet_python's own evaluation, on the CPU, in a folder outside this project.

It is imported as it is; only what ties it to one machine is replaced from outside: `.cuda()`, and the
ffmpeg calls, which are answered with given frames (PNG under the names it looks for, so nothing is
lost) and given samples. In `double` every `.float()` becomes `.double()`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.io import wavfile


@dataclass(frozen=True)
class Found:
    """offset, confidence, [W, 31] distances."""

    offset: int
    confidence: float
    distances: NDArray[Any]

    @property
    def means(self) -> NDArray[Any]:
        return np.asarray(self.distances.mean(axis=0))


class Peer:
    """`SyncNetInstance` of the checkout at `folder`, with `state` as its weights."""

    def __init__(
        self, folder: Path, state: Mapping[str, torch.Tensor], *, double: bool = True
    ) -> None:
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        self.module = importlib.import_module("SyncNetInstance")
        self.double = double
        with _on_cpu():
            self.instance = self.module.SyncNetInstance()
        self.instance.__S__.load_state_dict(state)
        if double:
            self.instance.double()

    def evaluate(
        self, frames: NDArray[np.uint8], audio: NDArray[np.int16], work: Path, vshift: int = 15
    ) -> Found:
        """Its `evaluate` on [T, 224, 224, 3] RGB frames and 16 kHz samples."""
        with _on_cpu(), _given(frames, audio), _precision(self.double):
            return self.run(work / "given.avi", work, vshift)

    def evaluate_file(self, video: Path, work: Path, ffmpeg: Path) -> Found:
        """Its `evaluate` with its own ffmpeg calls, JPEG round trip included."""
        search = f"{ffmpeg.parent}{os.pathsep}{os.environ['PATH']}"
        with _on_cpu(), mock.patch.dict(os.environ, PATH=search), _precision(self.double):
            return self.run(video, work, 15)

    def run(self, video: Path, work: Path, vshift: int) -> Found:
        opt = Namespace(tmp_dir=str(work), reference="clip", batch_size=20, vshift=vshift)
        with contextlib.redirect_stdout(open(os.devnull, "w")):  # noqa: PTH123
            offset, confidence, each = self.instance.evaluate(opt, videofile=str(video))
        return Found(int(offset), float(confidence), each)


@contextlib.contextmanager
def _on_cpu() -> Iterator[None]:
    same = lambda self, *_, **__: self  # noqa: E731
    with (
        mock.patch.object(torch.Tensor, "cuda", same),
        mock.patch.object(torch.nn.Module, "cuda", same),
    ):
        yield


@contextlib.contextmanager
def _precision(double: bool) -> Iterator[None]:
    if not double:
        yield
        return
    with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
        yield


@contextlib.contextmanager
def _given(frames: NDArray[np.uint8], audio: NDArray[np.int16]) -> Iterator[None]:
    """Answers `ffmpeg ... folder/%06d.jpg` and `ffmpeg ... folder/audio.wav`."""

    def call(command: str, **_: object) -> int:
        target = Path(command.rsplit(maxsplit=1)[-1])
        if target.suffix == ".wav":
            wavfile.write(target, 16_000, audio)
            return 0
        for i, frame in enumerate(frames, start=1):
            _, png = cv2.imencode(".png", np.ascontiguousarray(frame[..., ::-1]))
            (target.parent / f"{i:06d}.jpg").write_bytes(png.tobytes())
        return 0

    with mock.patch("subprocess.call", call):
        yield
