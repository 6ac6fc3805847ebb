"""Deliveries are what they say: probed, decoded, and compared with arithmetic of their own."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from pydantic import ValidationError

from guards import some
from media import sound
from thbench.api import SAMPLE_RATE, SAMPLES_PER_FRAME, ClipFailure, Frames
from thbench.sensitivity.plan import load_plan
from thbench.video import MediaReader, altered
from thbench.video.delivery import ENCODERS, LOSSLESS, Delivery, deliver, lacking

N, SIDE = 26, 64
READER = MediaReader()
DECODED = {"h264": "h264", "h265": "hevc", "vp9": "vp9", "av1": "libdav1d", "aac": "aac"}
DECODED |= {"mp3": "mp3float", "opus": "opus"}


@pytest.fixture(scope="module")
def frames() -> Frames:
    """[N, SIDE, SIDE, 3]: smooth waves that move, and some texture."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    rough = np.random.default_rng(3).normal(0, 12, (SIDE, SIDE, 1))
    found = []
    for t in range(N):
        waves = [
            120 + 70 * np.sin((x * a + y * b) / 9 + t / 5) for a, b in ((1, 0), (0, 1), (1, 1))
        ]
        found.append(np.stack(waves, axis=2) + np.roll(rough, t, axis=1))
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)


AUDIO = sound(N * SAMPLES_PER_FRAME, 1)


def read_again(path: Path, frames: Frames, delivery: Delivery):  # type: ignore[no-untyped-def]
    deliver(path, frames, AUDIO, delivery)
    return READER.read(path)


def psnr(a: Frames, b: Frames) -> float:
    """Mean over frames of 10 log10(255^2 / MSE), written out once more."""
    errors = ((a.astype(np.float64) - b) ** 2).mean(axis=(1, 2, 3))
    return float((10 * np.log10(255**2 / errors)).mean())


def test_the_lossless_delivery_changes_nothing(frames: Frames, tmp_path: Path) -> None:
    again = read_again(tmp_path / "a.mkv", frames, LOSSLESS)
    assert np.array_equal(again.frames, frames)
    assert np.array_equal(again.audio, AUDIO)


PLAN = load_plan()[0].deliveries


@pytest.mark.parametrize("name", PLAN)
def test_every_shipped_delivery_is_what_it_says(name: str, frames: Frames, tmp_path: Path) -> None:
    delivery = PLAN[name]
    assert lacking(delivery) == ""
    deliver(tmp_path / "a.mkv", frames, AUDIO, delivery)
    first = (tmp_path / "a.mkv").read_bytes()
    deliver(tmp_path / "a.mkv", frames, AUDIO, delivery)
    assert (tmp_path / "a.mkv").read_bytes() == first  # two writes, one file
    info = READER.probe(tmp_path / "a.mkv")
    assert info.video_codec == DECODED.get(delivery.picture or "", "ffv1")
    assert info.audio_codec == DECODED.get(delivery.sound or "", "flac")
    assert info.fps == Fraction(delivery.frame_rate or 25)
    assert (info.width, info.height) == (SIDE, SIDE)
    again = READER.read(tmp_path / "a.mkv")
    assert abs(len(again.frames) - N) <= (delivery.frame_rate is not None)
    untouched = not (delivery.sound or delivery.sound_late)
    assert np.array_equal(again.audio, AUDIO) == untouched
    same = delivery.changes.keys() <= {"sound", "bitrate", "sound_late"} or name == "fps30"
    assert np.array_equal(again.frames[:N], frames) == same


def test_coarser_quality_is_farther_and_smaller(frames: Frames, tmp_path: Path) -> None:
    for codec, (fine, coarse) in some(
        {"h264": (18, 40), "h265": (28, 45), "vp9": (20, 60), "av1": (20, 60)}.items()
    ):
        files = [tmp_path / f"{codec}{q}.mkv" for q in (fine, coarse)]
        found = [
            psnr(read_again(f, frames, Delivery(picture=codec, quality=q)).frames, frames)
            for f, q in zip(files, (fine, coarse), strict=True)
        ]  # fmt: skip
        assert found[0] > found[1] + 3, codec
        assert files[0].stat().st_size > files[1].stat().st_size


def test_a_bit_rate_is_held(frames: Frames, tmp_path: Path) -> None:
    """The packets of the sound, counted in the file."""
    long = np.resize(AUDIO, 6 * SAMPLE_RATE)
    for codec, rate in some({"aac": 32, "mp3": 32, "opus": 24}.items()):
        deliver(tmp_path / "a.mkv", frames, long, Delivery(sound=codec, bitrate=rate))
        with av.open(str(tmp_path / "a.mkv")) as container:
            size = sum(p.size for p in container.demux(container.streams.audio[0]))
        assert size * 8 / 1000 / 6 == pytest.approx(rate, rel=0.25), codec


# -- colours --------------------------------------------------------------------------------------

KR, KB = {601: 0.299, 709: 0.2126}, {601: 0.114, 709: 0.0722}


def to_yuv(matrix: int) -> np.ndarray:
    """Full-range Y'PbPr of R'G'B' (ITU-R BT.601 and BT.709), as a matrix."""
    r, b = KR[matrix], KB[matrix]
    y = np.array([r, 1 - r - b, b])
    return np.stack(
        [y, (np.array([0, 0, 1]) - y) / (2 * (1 - b)), (np.array([1, 0, 0]) - y) / (2 * (1 - r))]
    )


def flat(colour: tuple[int, int, int]) -> Frames:
    return np.broadcast_to(np.array(colour, np.uint8), (2, 32, 32, 3)).copy()


@pytest.mark.parametrize("colour", [(200, 60, 40), (30, 180, 90), (90, 60, 220)])
def test_a_matrix_that_is_named_is_undone_and_one_that_is_not_turns_colours(
    colour, tmp_path
) -> None:  # type: ignore[no-untyped-def]
    frames = flat(colour)
    for matrix in (601, 709):
        again = read_again(tmp_path / "a.mkv", frames, Delivery(matrix=matrix)).frames
        assert np.abs(again.astype(int) - frames).max() <= 2
    silent = Delivery(matrix=709, tagged=False)
    wrong = read_again(tmp_path / "b.mkv", frames, silent).frames
    expected = np.linalg.inv(to_yuv(601)) @ to_yuv(709) @ np.array(colour)
    assert np.abs(wrong[0, 16, 16] - np.clip(expected, 0, 255)).max() <= 3
    assert np.abs(wrong.astype(int) - frames).max() > 8


def test_the_header_says_the_matrix_or_nothing(tmp_path: Path) -> None:
    said = {}
    for name in ("yuv420", "bt709", "bt709-untagged", "h264-crf23"):
        deliver(tmp_path / "a.mkv", flat((9, 99, 199)), None, PLAN[name])
        with av.open(str(tmp_path / "a.mkv")) as container:
            said[name] = container.streams.video[0].codec_context.colorspace
    assert said == {"yuv420": 6, "bt709": 1, "bt709-untagged": 2, "h264-crf23": 6}


# -- what is done to pictures ---------------------------------------------------------------------


def ramp() -> Frames:
    """Red grows by 4 a column, green by 4 a row."""
    found = np.zeros((3, 60, 60, 3), np.uint8)
    found[..., 0], found[..., 1] = np.arange(60) * 4, (np.arange(60) * 4)[:, None]
    return found


def test_half_a_pixel_lies_between_two() -> None:
    moved = altered.shifted(ramp(), 0.5)
    assert (moved[0, 0, 1:, 0] == np.arange(1, 60) * 4 - 2).all()
    assert np.array_equal(moved[..., 1], ramp()[..., 1])
    assert np.array_equal(altered.shifted(ramp(), 3.0)[:, :, 3:], ramp()[:, :, :-3])


def test_half_a_frame_lies_between_two() -> None:
    frames = np.stack([np.full((4, 4, 3), v, np.uint8) for v in (10, 20, 60)])
    assert altered.late(frames, 0.5)[:, 0, 0, 0].tolist() == [10, 15, 40]


def test_a_smaller_crop_enlarges_about_the_middle_and_a_larger_one_reduces() -> None:
    for share in (0.1, -0.1):
        red = altered.recropped(ramp(), share)[0, 30, :, 0].astype(float) / 4
        slope = np.polyfit(np.arange(10, 50), red[10:50], 1)
        assert slope[0] == pytest.approx(1 - share, rel=0.02)
        assert red[29:31].mean() == pytest.approx(29.5, abs=0.3)


def test_resized_and_back_keeps_what_is_smooth_and_loses_what_is_fine(frames: Frames) -> None:
    smooth = altered.resized_and_back(ramp(), 0.5)
    assert np.abs(smooth[:, 6:-6, 6:-6].astype(int) - ramp()[:, 6:-6, 6:-6]).max() <= 1
    check = np.indices((SIDE, SIDE)).sum(axis=0) % 2 * 255
    fine = np.repeat(check[None, ..., None], 3, axis=3).astype(np.uint8)
    assert altered.resized_and_back(fine, 0.5).std() < 1


def test_a_rate_of_30_repeats_every_fifth_picture_or_mixes() -> None:
    frames = (np.arange(25, dtype=np.uint8) * 10)[:, None, None, None] * np.ones(
        (1, 2, 2, 3), np.uint8
    )
    near = altered.at_rate(frames, 30, blend=False)[:, 0, 0, 0] // 10
    assert len(near) == 30
    assert np.bincount(near).tolist().count(2) == 5
    mixed = altered.at_rate(frames, 30, blend=True)[:, 0, 0, 0]
    assert mixed[:7].tolist() == [0, 8, 17, 25, 33, 42, 50]


def test_sound_comes_later_by_the_clock(frames: Frames, tmp_path: Path) -> None:
    audio = read_again(tmp_path / "a.mkv", frames, Delivery(sound_late=0.5)).audio
    assert not audio[:320].any()
    assert np.array_equal(audio[320:], AUDIO)


# -- what cannot be done --------------------------------------------------------------------------


def test_an_absent_encoder_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENCODERS, "av1", "librav1e-of-nobody")
    assert "has no encoder librav1e-of-nobody" in lacking(Delivery(picture="av1", quality=30))
    assert lacking(Delivery(picture="h264", quality=30)) == ""


def test_what_an_encoder_refuses_is_a_failure_of_the_clip(tmp_path: Path) -> None:
    with pytest.raises(
        ClipFailure, match="libopus refused it"
    ):  # which takes 6..256 kbit/s a channel
        deliver(tmp_path / "a.mkv", flat((1, 2, 3)), AUDIO, Delivery(sound="opus", bitrate=500))
    with pytest.raises(ClipFailure, match="needs even sides, not 33 x 33"):
        odd = np.zeros((2, 33, 33, 3), np.uint8)
        deliver(tmp_path / "a.mkv", odd, None, Delivery(picture="h264", quality=30))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"picture": "h264"}, "picture and quality belong together"),
        ({"sound": "aac"}, "sound and bitrate belong together"),
        ({"picture": "h264", "quality": 60}, "h264 has quality 0..51"),
        ({"tagged": False}, "tagged: false needs a matrix"),
        ({"blend": True}, "blend needs a frame_rate"),
        ({"crop": 0.7}, "less than 0.5"),
        ({"qualty": 3}, "Extra inputs are not permitted"),
    ],
)
def test_half_a_delivery_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Delivery(**given)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="schedules are Linux's")
def test_an_encoder_leaves_the_process_its_schedule(frames: Frames, tmp_path: Path) -> None:
    """SVT-AV1 as root sets the calling thread to FIFO 99, which every process it starts inherits."""
    before = os.sched_getscheduler(0)
    deliver(tmp_path / "a.mkv", frames[:3], None, Delivery(picture="av1", quality=30))
    assert os.sched_getscheduler(0) == before
