"""Calling quirky_program.py through the generator `command`: its words, requests, and reasons of failures."""

from __future__ import annotations

from typing import Any

import numpy as np

from paths import ROOT
from thbench.api import Failure, Request

PROGRAM = ROOT / "tests" / "support" / "quirky_program.py"
LOADER = (
    f"import sys, runpy; sys.path.insert(0, {str(PROGRAM.parent)!r}); "
    f"sys.argv[0] = {str(PROGRAM)!r}; runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
)
"""For `python -I -S -c`: without site-packages it starts in a few milliseconds."""


def request(number: int = 0, n: int = 5, size: int = 32) -> Request:
    frame = np.full((size, size, 3), 10 + number, np.uint8)
    audio = np.arange(n * 640, dtype=np.int16)
    return Request(f"clip-{number}", frame, audio, n, size, number)


def reason(answer: Any) -> str:
    assert isinstance(answer, Failure), answer
    return answer.reason
