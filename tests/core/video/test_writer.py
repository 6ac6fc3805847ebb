"""Writers: sizes that codecs do not take, sound that follows the picture, and what they refuse."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from thbench.video.reader import MediaReader, read_lossless
from thbench.video.writer import (
    _even,
    _Sound,
    _Watched,
    _x264,
    through_h264,
    write_h264,
    write_lossless,
    write_wav,
)


def drawn(n: int, height: int, width: int) -> np.ndarray:
    """Smooth pictures that move."""
    y, x, t = np.meshgrid(np.arange(height), np.arange(width), np.arange(n), indexing="ij")
    grey = 128 + 100 * np.sin((x + 2 * y + 3 * t) / 9)
    return np.repeat(np.moveaxis(grey, 2, 0)[..., None], 3, 3).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "grown"), [((4, 6), (4, 6)), ((5, 6), (6, 6)), ((4, 7), (4, 8)), ((5, 7), (6, 8))]
)
def test_odd_sizes_grow_by_a_copy_of_their_edge(
    size: tuple[int, int], grown: tuple[int, int]
) -> None:
    rgb = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(*size, 3)
    found = _even(rgb)
    assert found.shape == (*grown, 3)
    assert np.array_equal(found[: size[0], : size[1]], rgb)
    assert np.array_equal(found[-1, : size[1]], rgb[-1])
    assert np.array_equal(found[: size[0], -1], rgb[:, -1])


@pytest.mark.parametrize("size", [(33, 48), (48, 33), (32, 32)])
def test_h264_gives_every_frame_back_in_its_size(size: tuple[int, int], tmp_path: Path) -> None:
    frames = drawn(7, *size)
    again = through_h264(frames, 10)
    assert again.shape == frames.shape
    assert np.abs(again.astype(int) - frames).mean() < 3
    write_h264(tmp_path / "a.mp4", frames, None, 10)
    found = MediaReader().read(tmp_path / "a.mp4").frames
    assert np.array_equal(found[:, : size[0], : size[1]], again)


def test_h264_says_which_colours_it_holds(tmp_path: Path) -> None:
    write_h264(tmp_path / "a.mp4", drawn(3, 32, 32), None)
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == (6, 6, 6)
        assert context.color_range == 1 and context.pix_fmt == "yuv420p"


def test_the_default_quality_is_23_and_a_smaller_one_is_worse() -> None:
    frames = drawn(4, 48, 48)
    assert np.array_equal(through_h264(frames), through_h264(frames, 23))
    errors = [np.abs(through_h264(frames, q).astype(int) - frames).mean() for q in (5, 23, 40)]
    assert errors == sorted(errors) and errors[0] < errors[2]
    assert _x264(23)["crf"] == "23"


@pytest.mark.parametrize("samples", [0, 1, 640 * 24, 640 * 25, 640 * 26 + 17, 640 * 60])
def test_all_sound_comes_back_whatever_its_length(samples: int, tmp_path: Path) -> None:
    """Sound is written second by second between the pictures."""
    sound = np.random.default_rng(1).integers(-9000, 9000, samples, dtype=np.int16)
    frames = drawn(52, 8, 8)
    write_lossless(tmp_path / "a.mkv", frames, sound)
    found = read_lossless(tmp_path / "a.mkv")
    assert np.array_equal(found.frames, frames)
    assert found.audio is not None and np.array_equal(found.audio, sound)


def test_packets_of_sound_lie_between_those_of_the_picture(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", drawn(60, 8, 8), np.ones(60 * 640, np.int16))
    with av.open(str(tmp_path / "a.mkv")) as container:
        kinds = [p.stream.type for p in container.demux() if p.size]
    first, last = kinds.index("audio"), len(kinds) - kinds[::-1].index("audio")
    assert first < 50 and "video" in kinds[first:last]


@pytest.mark.parametrize(
    ("frames", "audio", "says"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), None, r"frames must be .* float32"),
        (np.zeros((4, 4, 3), np.uint8), None, r"frames must be .*\(4, 4, 3\)"),
        (np.zeros((2, 4, 4, 4), np.uint8), None, r"frames must be"),
        (np.zeros((0, 4, 4, 3), np.uint8), None, r"frames must be"),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros(9), r"audio must be .* float64"),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros((9, 1), np.int16), r"audio must be"),
    ],
)
def test_what_would_have_to_be_bent_is_refused(
    frames: np.ndarray, audio: np.ndarray | None, says: str, tmp_path: Path
) -> None:
    for write in (write_lossless, write_h264):
        with pytest.raises(ValueError, match=says):
            write(tmp_path / "a.mkv", frames, audio)
    assert not list(tmp_path.iterdir())
    if audio is not None:
        with pytest.raises(ValueError, match=says):
            write_wav(tmp_path / "a.wav", audio)


class Full(io.BytesIO):
    def write(self, data: object) -> int:
        raise OSError(28, "No space left on device")

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError(5, "Input/output error")


def test_the_first_error_of_the_disk_is_kept() -> None:
    watched = _Watched(Full())
    assert watched.write(b"abc") == 3
    assert watched.seek(7) == 7
    assert watched.error is not None and watched.error.errno == 28
    fine = _Watched(io.BytesIO())
    assert fine.write(b"abc") == 3 and fine.seek(1, 1) == 4 and fine.seek(2) == 2
    assert fine.tell() == 2 and fine.error is None


def test_sound_follows_second_by_second(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    encoded = _Sound.encoded

    def noted(self: _Sound, upto: int | None) -> list[Any]:
        asked.append(upto)
        return encoded(self, upto)

    monkeypatch.setattr(_Sound, "encoded", noted)
    write_lossless(tmp_path / "a.mkv", drawn(52, 8, 8), np.ones(52 * 640, np.int16))
    assert asked == [25 * 640, 50 * 640, None]
