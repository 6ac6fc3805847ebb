"""A contact sheet: the crop over time, plain and with landmarks (figure 1 of the paper)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Frames, Source, UserError

__all__ = ["draw", "sheet", "write_sheet"]

COLUMNS = 6
_GREEN = (0, 255, 0)
_FINE = 3
"""Bits of a pixel's fraction in OpenCV's drawing."""


def write_sheet(source: Source, out: Path) -> None:
    """Write the sheet as PNG. Raises UserError where it cannot be written."""
    _, png = cv2.imencode(".png", cv2.cvtColor(sheet(source), cv2.COLOR_RGB2BGR))
    try:
        out.write_bytes(png.tobytes())
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}", "choose another path") from None


def sheet(source: Source) -> Frames:
    """[2 S, COLUMNS x S, 3]: frames evenly over the clip, below them the same with landmarks."""
    chosen = np.linspace(0, len(source.frames) - 1, COLUMNS).round().astype(int)
    plain = [source.frames[t] for t in chosen]
    marked = [draw(source.frames[t], source.annotations["landmarks"][t]) for t in chosen]
    return np.vstack([np.hstack(plain), np.hstack(marked)])


def draw(frame: Frames, points: NDArray[np.floating]) -> Frames:
    """A copy of [S, S, 3] with every landmark as a dot."""
    marked = frame.copy()
    for x, y in np.rint(points * (1 << _FINE)).astype(int).tolist():
        cv2.circle(marked, (x, y), 2 << _FINE, _GREEN, -1, cv2.LINE_AA, _FINE)
    return marked
