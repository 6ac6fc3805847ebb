"""Files of one size, and sound for two ears."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from thbench.video import read_lossless, write_h264
from thbench.video.padding import room_for, write_padded_mp4
from thbench.video.stereo import write_stereo_wav


def test_a_padded_video_plays_as_before_in_exactly_that_size(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3), dtype=np.uint8)
    write_h264(tmp_path / "a.mp4", frames, np.zeros(3200, np.int16))
    plain = (tmp_path / "a.mp4").stat().st_size
    for size in (plain + 8, plain + 9, room_for([plain])):
        write_padded_mp4(tmp_path / "b.mp4", tmp_path / "a.mp4", size, bytes(size))
        assert (tmp_path / "b.mp4").stat().st_size == size
        one, two = (read_lossless(tmp_path / f"{name}.mp4") for name in "ab")
        assert np.array_equal(one.frames, two.frames)
    assert room_for([plain]) % 4096 == 0


@pytest.mark.parametrize(("more", "fill"), [(0, 100), (7, 100), (100, 50)])
def test_what_does_not_fit_is_refused(tmp_path: Path, more: int, fill: int) -> None:
    (tmp_path / "a").write_bytes(bytes(50))
    with pytest.raises(ValueError, match="do not fit"):
        write_padded_mp4(tmp_path / "b", tmp_path / "a", 50 + more, bytes(fill))


def test_left_and_right_stay_apart(tmp_path: Path) -> None:
    sound = np.stack([np.arange(100), -np.arange(100)], axis=1).astype(np.int16)
    write_stereo_wav(tmp_path / "a.wav", sound)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (2, 2, 16000, 100)
        assert np.array_equal(np.frombuffer(file.readframes(100), "<i2").reshape(-1, 2), sound)


def test_other_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[samples, 2\] int16"):
        write_stereo_wav(tmp_path / "a.wav", np.zeros(10, np.int16))
