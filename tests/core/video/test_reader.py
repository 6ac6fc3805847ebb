"""The one reader: what it says of a file, which frames it shows at which rate, and what it refuses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from thbench.api import ClipFailure
from thbench.video import write_lossless, write_wav
from thbench.video.reader import MediaReader, _as_rgb, decode_count, read_lossless, read_wav


def numbered(n: int, height: int = 16, width: int = 24) -> np.ndarray:
    """Frame k is 10 k grey."""
    levels = 10 * np.arange(n, dtype=np.uint8)
    return np.ascontiguousarray(np.broadcast_to(levels[:, None, None, None], (n, height, width, 3)))


def at_rate(path: Path, n: int, rate: int) -> Path:
    """A lossless file of so many frames per second, without sound."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=rate)
        stream.height, stream.width, stream.pix_fmt = 16, 24, "bgr0"
        for picture in numbered(n):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def levels(frames: Any) -> list[int]:
    return [int(f[0, 0, 0]) // 10 for f in frames]


def test_what_is_said_of_a_file(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", numbered(6), np.ones(6 * 640, np.int16))
    info = MediaReader().probe(tmp_path / "a.mkv")
    assert (info.video_codec, info.audio_codec, info.sample_rate) == ("ffv1", "flac", 16000)
    assert (info.width, info.height, info.hdr) == (24, 16, "")
    assert (info.fps, info.n_frames, info.frames_at_25) == (25, 6, 6)
    assert info.duration == pytest.approx(0.24)


@pytest.mark.parametrize(("rate", "n", "at_25"), [(50, 10, 5), (10, 4, 10), (25, 1, 1)])
def test_other_rates_are_counted_at_25(rate: int, n: int, at_25: int, tmp_path: Path) -> None:
    info = MediaReader().probe(at_rate(tmp_path / "a.mkv", n, rate))
    assert (info.fps, info.n_frames, info.frames_at_25) == (rate, n, at_25)
    assert info.duration == pytest.approx(n / rate, abs=2e-3)
    assert (info.audio_codec, info.sample_rate) == (None, None)
    assert len(list(MediaReader().frames(tmp_path / "a.mkv"))) == at_25


def test_frames_come_as_stored_or_at_a_rate(tmp_path: Path) -> None:
    file = at_rate(tmp_path / "a.mkv", 10, 50)
    assert levels(MediaReader().frames(file, None)) == list(range(10))
    assert levels(MediaReader().frames(file, 25)) == [0, 2, 4, 6, 8]
    assert levels(MediaReader().frames(file, 100)) == [i // 2 for i in range(20)]


def test_a_recording_names_its_rate(tmp_path: Path) -> None:
    file = at_rate(tmp_path / "a.mkv", 10, 50)
    stored, shown = MediaReader().read(file, None), MediaReader().read(file)
    assert (stored.fps, len(stored.frames)) == (50.0, 10)
    assert (shown.fps, len(shown.frames)) == (25, 5)
    assert stored.audio is None


def test_a_lossless_file_comes_back_with_its_sound(tmp_path: Path) -> None:
    sound = np.arange(3 * 640, dtype=np.int16)
    write_lossless(tmp_path / "a.mkv", numbered(3), sound)
    found = read_lossless(tmp_path / "a.mkv")
    assert np.array_equal(found.frames, numbered(3)) and np.array_equal(found.audio, sound)


def test_only_decoding_is_counted(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", numbered(3), np.ones(3 * 640, np.int16))
    write_lossless(tmp_path / "b.mkv", numbered(3), None)
    before = decode_count()
    MediaReader().probe(tmp_path / "a.mkv")
    assert MediaReader().audio(tmp_path / "b.mkv") is None
    assert decode_count() == before
    list(MediaReader().frames(tmp_path / "a.mkv"))
    assert decode_count() == before + 1
    MediaReader().audio(tmp_path / "a.mkv")
    assert decode_count() == before + 2


def test_sound_without_pictures_and_pictures_without_sound(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.arange(700, dtype=np.int16))
    assert np.array_equal(read_wav(tmp_path / "a.wav"), np.arange(700))
    with pytest.raises(ClipFailure, match="video"):
        list(MediaReader().frames(tmp_path / "a.wav"))
    with pytest.raises(ClipFailure, match="video"):
        MediaReader().probe(tmp_path / "a.wav")
    write_lossless(tmp_path / "b.mkv", numbered(2), None)
    with pytest.raises(ClipFailure, match=r"b\.mkv: no audio track"):
        read_wav(tmp_path / "b.mkv")


def test_the_decoders_threads_change_no_pixel(tmp_path: Path) -> None:
    file = at_rate(tmp_path / "a.mkv", 9, 25)
    one, four = (MediaReader(threads=n).read(file).frames for n in (1, 4))
    assert np.array_equal(one, four)
    assert MediaReader().threads == 1 and MediaReader().decode == "exact"


def decoded(height: int, width: int) -> Any:
    return av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), format="rgb24")


def test_a_picture_that_changes_its_size_is_refused() -> None:
    rgb = _as_rgb([decoded(4, 6), decoded(4, 6), decoded(6, 4)], Fraction(1), "exact")
    assert next(rgb).shape == next(rgb).shape == (4, 6, 3)
    with pytest.raises(ClipFailure, match=r"picture size changes from \(4, 6\) to \(6, 4\)"):
        next(rgb)


def test_a_repeated_frame_is_converted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def upright(frame: Any, *_: object) -> np.ndarray:
        asked.append(frame)
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr("thbench.video.reader.upright", upright)
    first, second = decoded(2, 2), decoded(2, 2)
    shown = list(_as_rgb([first, first, second, first], Fraction(1), "exact"))
    assert asked == [first, second, first]
    assert shown[0] is shown[1] and len(shown) == 4
