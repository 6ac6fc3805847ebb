"""Where the whole way is gone: a root filled by fetching, a prepared set, and `thbench` in this process."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from crema_server import Host
from thbench.cli.main import main

POINTER, DAMAGED = "VideoFlash/1001_TIE_NEU_XX.flv", "AudioWAV/1005_DFA_HAP_XX.wav"
CUT, HUNG = "VideoFlash/1005_IWW_DIS_XX.flv", "VideoFlash/1001_IEO_ANG_HI.flv"
FRAMES = 38
ACTORS = "split={test: [1001, 1005, 1091]}"


@dataclass
class Done:
    code: int
    out: str
    err: str


def thbench(*words: object) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.setattr("sys.argv", ["thbench", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


@dataclass
class Place:
    """A root that is filled by fetching, and the options that point at it."""

    root: Path
    manifest: Path
    host: Host

    def where(self, prepared: str = "prepared") -> list[str]:
        values = {
            "root": self.root,
            "prepared": self.root.parent / prepared,
            "manifest": self.manifest,
        }
        words = [f"dataset.{k}={json.dumps(str(v))}" for k, v in values.items()]
        return [w for word in [*words, ACTORS] for w in ("--set", word)]
