"""`thbench data show` and `verify` on datasets that are neither fetched nor prepared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from thbench.api import Source
from thbench.charts.contact import COLUMNS, contact_sheet
from thbench.video import write_lossless


def clips(root: Path) -> Path:
    """Two clips of one second, one of them without sound."""
    root.mkdir()
    frames = np.zeros((25, 64, 64, 3), np.uint8)
    frames[:, 20:40, 20:40] = 200
    for name, sound in (("good", np.ones(16_000, np.int16)), ("mute", None)):
        write_lossless(root / f"{name}.mkv", frames, sound)
    return root


def test_a_folder_is_shown_and_verified(thbench: Callable[..., Any], tmp_path: Path) -> None:
    root, out = clips(tmp_path / "clips"), tmp_path / "sheet.png"
    done = thbench("data", "show", "clips", "good", "--root", root, "-o", out)
    assert done.code == 0, done.err
    assert cv2.imread(str(out)).shape == (256, COLUMNS * 256, 3)  # no landmarks are known
    done = thbench("data", "verify", "clips", "--root", root, "--split", "all")
    assert done.code == 1
    assert "2 clips: 1 can be used" in done.out and "mute: mute.mkv: no audio track" in done.err
    refused = thbench("data", "show", "clips", "mute", "--root", root, "-o", out)
    assert refused.code == 2 and "no audio track" in refused.err
    assert thbench("data", "prepare", "clips", "--root", root).code == 2


@pytest.mark.parametrize("known", [False, True])
def test_landmarks_stand_in_a_second_row(known: bool) -> None:
    points = np.full((8, 68, 2), 16, np.float32)
    source = Source(
        np.zeros((8, 32, 32, 3), np.uint8),
        np.zeros(1, np.int16),
        {"landmarks": points} if known else {},
    )
    sheet = contact_sheet(source)
    assert sheet.shape == ((64 if known else 32), COLUMNS * 32, 3)
    assert bool(sheet.any()) == known
