"""The sound of a file whose timestamps jump, whose form changes, or whose rate is unusual."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from thbench.api import ClipFailure
from thbench.video import MediaReader, sound

LEVEL = 8000


def written(
    path: Path, pieces: list[tuple[float, int]], rate: int = 16000, layout: str = "mono"
) -> Path:
    """A .mkv of PCM sound: (start in seconds, samples) of constant level, silence being nowhere."""
    with av.open(str(path), "w", format="matroska") as out:
        track = out.add_stream("pcm_s16le", rate=rate, layout=layout)
        track.time_base = Fraction(1, rate)
        for start, samples in pieces:
            channels = 2 if layout == "stereo" else 1
            block = av.AudioFrame.from_ndarray(
                np.full((1, samples * channels), LEVEL, np.int16), format="s16", layout=layout
            )
            block.sample_rate, block.time_base = rate, Fraction(1, rate)
            block.pts = round(start * rate)
            out.mux(track.encode(block))
        out.mux(track.encode(None))
    return path


def heard(path: Path) -> np.ndarray:
    audio = MediaReader().audio(path)
    assert audio is not None
    return audio


@pytest.mark.parametrize("gap", [0.5, 20.0, 59.0])
def test_a_gap_is_silence_of_its_length(gap: float, tmp_path: Path) -> None:
    audio = heard(written(tmp_path / "a.mkv", [(0.0, 8000), (0.5 + gap, 8000)]))
    silence = round(gap * 16000)
    assert len(audio) == 16000 + silence
    assert (audio[:8000] == LEVEL).all() and (audio[-8000:] == LEVEL).all()
    assert not audio[8000:-8000].any()


@pytest.mark.parametrize("gap", [61.0, 4000.0])
def test_a_jump_of_more_than_a_minute_is_damage(gap: float, tmp_path: Path) -> None:
    path = written(tmp_path / "a.mkv", [(0.0, 8000), (0.5 + gap, 8000)])
    with pytest.raises(ClipFailure, match=f"damaged audio timestamps: a jump to {0.5 + gap:.0f} s"):
        MediaReader().audio(path)


def test_jitter_of_timestamps_is_no_gap(tmp_path: Path) -> None:
    """0.05 s late and early: within a tenth of a second samples follow each other."""
    audio = heard(written(tmp_path / "a.mkv", [(0.0, 8000), (0.55, 8000), (0.97, 8000)]))
    assert len(audio) == 24000
    assert (audio == LEVEL).all()


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000, 96000])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_other_rates_last_as_long_and_sound_as_loud(rate: int, layout: str, tmp_path: Path) -> None:
    audio = heard(written(tmp_path / "a.mkv", [(0.0, rate)], rate, layout))
    assert abs(len(audio) - 16000) <= 20  # the resampler's own delay at the ends
    middle = audio[1000:-1000].astype(float)
    assert middle == pytest.approx(LEVEL, rel=0.01)


@pytest.mark.parametrize(
    ("samples", "rate", "form", "stated", "origin", "padding"),
    [
        (16000 + 700, 16000, "mov,mp4", 1, None, 700),
        (16000 + 2048, 16000, "mov,mp4", 1, None, 2048),  # the longest AAC frame
        (16000 + 2049, 16000, "mov,mp4", 1, None, 0),
        (16000 + 682, 48000, "mov,mp4", 1, None, 682),  # of 48 kHz it is a third as long
        (16000 + 683, 48000, "mov,mp4", 1, None, 0),
        (16000 + 2048, None, "mov,mp4", 1, None, 2048),
        (16000, 16000, "mov,mp4", 1, None, 0),
        (15000, 16000, "mov,mp4", 1, None, 0),
        (8000 + 9, 16000, "mov,mp4", 1, Fraction(1, 2), 9),  # the picture begins later
        (16000 + 700, 16000, "matroska", 1, None, 0),
        (16000 + 700, 16000, "mov,mp4", None, None, 0),
    ],
)
def test_only_what_fills_up_the_last_aac_frame_is_padding(
    samples: int,
    rate: int | None,
    form: str,
    stated: int | None,
    origin: Fraction | None,
    padding: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end = None if stated is None else Fraction(stated)
    monkeypatch.setattr(sound, "stated_end", lambda stream: end)
    container: Any = SimpleNamespace(format=SimpleNamespace(name=form))
    codec = SimpleNamespace(sample_rate=rate)
    audio = SimpleNamespace(start_time=None, time_base=Fraction(1, 16000), codec_context=codec)
    assert sound._padding(container, audio, samples, origin) == padding


def test_sound_that_begins_late_ends_where_it_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "stated_end", lambda stream: Fraction(1))
    container: Any = SimpleNamespace(format=SimpleNamespace(name="mov,mp4"))
    codec = SimpleNamespace(sample_rate=16000)
    audio = SimpleNamespace(start_time=160, time_base=Fraction(1, 16000), codec_context=codec)
    assert sound._padding(container, audio, 16000 - 160 + 700, None) == 700
