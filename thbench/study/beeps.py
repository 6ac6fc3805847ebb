"""Sounds of the headphone check: quiet beeps on either ear, to be counted."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thbench.api import SAMPLE_RATE
from thbench.video.stereo import write_stereo_wav

FEWEST, MOST = 3, 8
"""Beeps of a sound: six counts, so that a guess is right once in six."""
EXAMPLE = 2
_SLOT, _LENGTH, _TONE = 0.42, 0.16, 660.0  # seconds, seconds, Hz
_LEVEL = 0.04  # of full scale, -28 dB: about as loud as quiet speech in these clips


def counts(number: int, rng: random.Random) -> list[int]:
    """So many counts, unlike one another as far as there are enough."""
    every = list(range(FEWEST, MOST + 1))
    rng.shuffle(every)
    return [every[i % len(every)] for i in range(number)]


def write_beeps(path: Path, count: int, rng: random.Random) -> None:
    """`count` beeps, left and right in turns, in MOST slots: every sound is equally long."""
    write_stereo_wav(path, beeps(count, rng))


def beeps(count: int, rng: random.Random) -> NDArray[np.int16]:
    """[samples, 2] int16; who hears one ear alone counts half of them."""
    slots = sorted(rng.sample(range(MOST), count))
    length = int(_SLOT * SAMPLE_RATE)
    sound = np.zeros((MOST * length, 2), dtype=np.int16)
    side = rng.randrange(2)
    for number, slot in enumerate(slots):
        tone = _tone()
        sound[slot * length : slot * length + len(tone), (number + side) % 2] = tone
    return sound


def _tone() -> NDArray[np.int16]:
    """A sine with soft ends, which do not click."""
    n = int(_LENGTH * SAMPLE_RATE)
    wave = np.sin(2 * np.pi * _TONE * np.arange(n) / SAMPLE_RATE) * np.hanning(n)
    return (wave * _LEVEL * 32767).astype(np.int16)
