"""Sound on the picture's clock: flash and click, shifted and foreign WAVs; sizes and landmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crema_tree import RATE, write_flv
from thbench.api import ClipFailure
from thbench.video import MediaReader
from thbench_crema_d.picture import area_resize, points_in_crop, points_resized
from thbench_crema_d.sound import FARTHEST, align, lag_of
from thbench_face.box import SquareBox, crop_resize

FLASHES = (0.6, 1.4, 1.9)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Speech-like: noise with slowly changing loudness."""
    rng = np.random.default_rng(seed)
    n = round(seconds * 16_000)
    steps = np.arange(0, n + 1600, 1600)
    loudness = np.interp(np.arange(n), steps, rng.random(len(steps)))
    return (rng.normal(0, 3000, n) * loudness).astype(np.int16)


@pytest.mark.parametrize("early", [-0.2, 0.0, 0.3])
def test_click_stays_with_its_flash(tmp_path: Path, early: float) -> None:
    """The picture turns bright when it clicks, at 29.97 fps; the WAV starts `early` s before the picture."""
    length = 2.4
    times = np.arange(int(length * RATE)) / float(RATE)
    frames = np.full((len(times), 120, 160, 3), 20, np.uint8)
    sound = (noise(length + 1, 3) // 8).astype(np.int16)  # from 0.5 s before the picture
    for flash in FLASHES:
        frames[(times >= flash - 0.5 / RATE) & (times < flash + 0.1)] = 235
        sound[round((0.5 + flash) * 16_000) :][:80] = 25_000
    write_flv(tmp_path / "x.flv", frames, sound[8000:][: round(length * 16_000)])
    wav = sound[round((0.5 - early) * 16_000) :]
    media = MediaReader()
    shown = np.stack(list(media.frames(tmp_path / "x.flv")))
    found = align(wav, media.audio(tmp_path / "x.flv"), len(shown))
    assert len(found.audio) == 640 * len(shown)
    assert found.lag == pytest.approx(early * 16_000, abs=16)
    clicks = onsets(np.abs(found.audio.astype(int)) > 20_000)
    flashes = onsets(shown.mean(axis=(1, 2, 3)) > 128)
    assert len(clicks) == len(flashes) == len(FLASHES)
    for click, flash, truth in zip(clicks, flashes, FLASHES, strict=True):
        assert abs(click / 16_000 - truth) < 0.002
        assert abs(click / 16_000 - flash / 25) <= 0.04


def onsets(loud: np.ndarray) -> list[int]:
    at = np.flatnonzero(loud)
    return [int(i) for k, i in enumerate(at) if k == 0 or i - at[k - 1] > max(1, len(loud) // 12)]


@pytest.mark.parametrize("lag", [0, 1, -1, 400, -3999, FARTHEST, -FARTHEST])
def test_lag_is_found_to_the_sample(lag: int) -> None:
    whole = noise(3)
    wav, track = whole[8000 - lag : 40_000], whole[8000:32_000]
    assert lag_of(wav, track) == (lag, pytest.approx(1, abs=1e-12))


def test_a_foreign_wav_is_refused() -> None:
    with pytest.raises(ClipFailure, match="not the sound of the FLV"):
        align(noise(2, 1), noise(2, 2), 50)


def test_silence_is_refused_in_the_wav_and_says_nothing_in_the_flv() -> None:
    with pytest.raises(ClipFailure, match="silent"):
        align(np.zeros(32_000, np.int16), noise(2), 50)
    for track in (None, np.zeros(32_000, np.int16), np.zeros(0, np.int16)):
        found = align(noise(2), track, 50)
        assert (found.lag, found.correlation, found.padding) == (0, None, 0)
        np.testing.assert_array_equal(found.audio, noise(2))


def test_what_is_missing_at_the_end_is_silence_up_to_a_second() -> None:
    found = align(noise(2), None, 60)
    assert found.padding == 60 * 640 - 32_000
    assert not found.audio[32_000:].any()
    with pytest.raises(ClipFailure, match=r"ends 1\.2 s before the picture"):
        align(noise(2), None, 80)


def test_a_late_wav_is_preceded_by_silence() -> None:
    whole = noise(2)
    found = align(whole[1600:], whole, 50)
    assert found.lag == -1600
    assert not found.audio[:1600].any()
    np.testing.assert_array_equal(found.audio[1600:], whole[1600:])


# -- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [64, 160])
def test_area_resize_is_the_mean_of_the_area(size: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 320, 320, 3), dtype=np.uint8)
    k = 320 // size
    means = frames.reshape(2, size, k, size, k, 3).mean(axis=(2, 4))
    assert np.abs(area_resize(frames, size) - means).max() <= 0.5
    assert area_resize(frames, 320) is frames


def test_area_resize_keeps_the_mean_where_pixels_are_shared() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1, 320, 320, 3), dtype=np.uint8)
    assert abs(area_resize(frames, 128).mean() - frames.mean()) < 0.1


def test_landmarks_move_with_the_picture() -> None:
    """A bright block's middle is where its landmark goes, through crop and resize."""
    frame = np.zeros((360, 480, 3), np.uint8)
    frame[100:120, 200:220] = 255
    middle = np.array([[209.5, 109.5]])
    box = SquareBox(60, 10, 240)
    master = crop_resize(frame, box, 320)
    in_master = points_in_crop(middle, box, 320)
    small = area_resize(master[None], 128)[0]
    for picture, point in ((master, in_master), (small, points_resized(in_master, 320, 128))):
        weight = picture[..., 0].astype(float)
        y, x = np.indices(weight.shape)
        centre = [(x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()]
        np.testing.assert_allclose(point[0], centre, atol=0.05)
