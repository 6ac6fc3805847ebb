"""Runs `track_shot` and `crop_video` of syncnet_python's run_pipeline.py, outside this project.

That file does its work on import, so its functions are taken out of it by name and given what they
look for; frames come as PNG under the names it globs, crops are caught instead of encoded.
"""

from __future__ import annotations

import ast
import glob
import os
import subprocess
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.interpolate import interp1d
from scipy.io import wavfile

NAMES = {"bb_intersection_over_union", "track_shot", "crop_video"}


class Pipeline:
    def __init__(self, folder: Path, work: Path, **changed: float) -> None:
        source = (folder / "run_pipeline.py").read_text()
        tree = ast.parse(source)
        tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in NAMES]
        self.space: dict[str, Any] = {
            "np": np, "cv2": cv2, "os": os, "glob": glob, "signal": signal, "wavfile": wavfile,
            "interp1d": interp1d, "subprocess": subprocess,
        }  # fmt: skip
        exec(compile(tree, "run_pipeline.py", "exec"), self.space)
        chosen = {"num_failed_det": 25, "min_track": 100, "min_face_size": 100, "crop_scale": 0.40}
        folders = {f"{name}_dir": str(work) for name in ("frames", "tmp", "avi")}
        self.opt = Namespace(**{**chosen, **changed}, **folders, frame_rate=25, reference="clip")
        self.work = work

    def tracks(self, faces: Sequence[NDArray[np.float64]]) -> list[dict[str, Any]]:
        """Its tracks in one shot: `frame` [n] and `bbox` [n, 4]."""
        shot = [[{"frame": t, "bbox": list(b)} for b in boxes] for t, boxes in enumerate(faces)]
        found: list[dict[str, Any]] = self.space["track_shot"](self.opt, shot)
        return found

    def crops(self, frames: NDArray[np.uint8], track: dict[str, Any]) -> NDArray[np.uint8]:
        """[n, 224, 224, 3] RGB of [T, H, W, 3] RGB."""
        (self.work / "clip").mkdir(exist_ok=True)
        for i, frame in enumerate(frames, start=1):
            _, png = cv2.imencode(".png", np.ascontiguousarray(frame[..., ::-1]))
            (self.work / "clip" / f"{i:06d}.jpg").write_bytes(png.tobytes())
        caught: list[NDArray[np.uint8]] = []
        writer = SimpleNamespace(write=caught.append, release=lambda: None)
        crop = str(self.work / "crop")
        Path(crop + "t.avi").touch()
        wavfile.write(self.work / "clip" / "audio.wav", 16_000, np.zeros(9, np.int16))
        with (
            mock.patch.object(cv2, "VideoWriter", lambda *_: writer),
            mock.patch.object(subprocess, "call", lambda *_, **__: 0),
        ):
            self.space["crop_video"](self.opt, track, crop)
        return np.stack(caught)[..., ::-1]
