"""`lip_audio_lag` on six real CREMA-D recordings, which are in sync: what a few clips can say, and what they cannot."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from real_networks import RealNetworks
from thbench.api import FPS, Clip, ClipFailure, Observed, Pair
from thbench.video import MediaReader, MemoryVideo
from thbench_face import YUNET
from thbench_face.box import crop_resize, smoothed_square_box
from thbench_face.detector import FaceDetector
from thbench_face.track import main_face
from thbench_syncnet.lag import LipAudioLag
from thbench_syncnet.options import LagOptions

pytestmark = pytest.mark.slow
MEASURED: dict[str, dict[str, int | None]] = {
    "1001_DFA_ANG_XX": {"mesh": -1, "pfld": -1},
    "1001_DFA_DIS_XX": {"mesh": None, "pfld": None},
    "1001_DFA_FEA_XX": {"mesh": 0, "pfld": 0},
    "1001_DFA_HAP_XX": {"mesh": 6, "pfld": -1},
    "1001_DFA_NEU_XX": {"mesh": 8, "pfld": 8},
    "1001_DFA_SAD_XX": {"mesh": 0, "pfld": 0},
}
"""Frames by which the sound leads, docs/faces.md; None: the correlation is highest at the edge of the search."""
SUMMARY = {"mesh": (2.6, 0.0, 0.6), "pfld": (1.2, 0.0, 0.8)}
"""Mean, median, and share within one frame, of the clips that have a lag."""


@lru_cache(maxsize=1)
def recordings(folder: Path, yunet: Path) -> dict[str, MemoryVideo]:
    """Steady squares of 128 px around the head, and the recording's own sound."""
    reader, detect = MediaReader(), FaceDetector(yunet)
    found = {}
    for name in MEASURED:
        frames = list(reader.frames(folder / f"{name}.flv", FPS))
        extent = frames[0].shape[:2]
        square = smoothed_square_box(main_face([detect(f) for f in frames], *extent), *extent)
        head = np.stack([crop_resize(f, square, 128) for f in frames])
        found[name] = MemoryVideo(head, reader.audio(folder / f"{name}.flv"))
    return found


@pytest.mark.parametrize("network", SUMMARY)
def test_lags_of_real_recordings(assets: Callable[[str], Path], network: Any) -> None:
    """One actor, six sentences of two seconds: single lags are wild, the median is right."""
    videos = recordings(assets("clips/crema_d"), assets(f"weights/{YUNET.file}"))
    context: Any = RealNetworks(assets)
    metric = LipAudioLag(LagOptions(landmarks=network), context)
    found: list[Observed] = []
    lags: dict[str, int | None] = {}
    for name, video in videos.items():
        try:
            seen = metric.observe(Pair(Clip(name, "1001"), video, video))
        except ClipFailure as failure:
            assert "at the edge of the search (+15 of ±15 frames)" in failure.reason
            lags[name] = None
        else:
            lags[name] = round(seen.rows["lag"])
            found.append(Observed(Clip(name, "1001"), seen.rows, seen.arrays))
    assert lags == {name: of[network] for name, of in MEASURED.items()}
    sets: Any = type("Sets", (), {"generated": found, "reference": found})()
    values = metric.reduce(sets)
    mean, median, share = SUMMARY[network]
    assert values["lip_audio_lag"] == pytest.approx(mean)
    assert values["lip_audio_lag_median"] == median
    assert values["lip_audio_lag_within_1"] == pytest.approx(share)
