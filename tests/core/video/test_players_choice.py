"""What players show of odd files: tracks, covers, pixel shape, the clock of AVI, files with few packets.

Values are those of the files' makers; the pixels are also compared with the program ffmpeg, where it
is installed, and with OpenCV.
"""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from thbench.api import ClipFailure
from thbench.video import MediaReader
from thbench.video.gather import IN_MEMORY, gather
from thbench.video.pixels import to_rgb

N, FLASH, RATE = 75, 25, 16000
HALF_A_FRAME = 0.020
reader = MediaReader()


def flash(width: int = 64, height: int = 64, at: int = FLASH, n: int = N) -> np.ndarray:
    """[n, height, width, 3]: grey noise, one white frame."""
    grey = np.random.default_rng(0).integers(40, 90, (n, height, width, 1))
    frames = np.repeat(grey, 3, axis=3).astype(np.uint8)
    frames[at] = 250
    return frames


def click(at: float = FLASH / 25) -> np.ndarray:
    samples = np.zeros(N * 640, np.int16)
    samples[int(at * RATE) :][:32] = 30000
    return samples


def write(
    path: Path,
    pictures: Sequence[tuple[np.ndarray, bool]],
    sounds: Sequence[tuple[np.ndarray, bool]] = (),
    codec: str = "libx264",
    pixel_shape: Fraction | None = None,
    times: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    cover: bool = False,
    colours: int | None = None,
) -> Path:
    """A file whose tracks are (content, whether it is the default one); `times` in ticks of 40 ms."""
    with av.open(str(path), "w") as out:
        packets: list[Any] = []
        for frames, default in pictures:
            stream = out.add_stream(codec, rate=25, options=options or {})
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            stream.disposition = Disposition.default if default else Disposition(0)
            if pixel_shape:
                stream.codec_context.sample_aspect_ratio = pixel_shape
            if colours:
                stream.codec_context.color_trc = colours
            for i, rgb in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                frame.pts, frame.time_base = (times[i] if times else i), Fraction(1, 25)
                packets += stream.encode(frame)
            packets += stream.encode(None)
        for samples, default in sounds:
            codec_name = "pcm_s16le" if path.suffix == ".avi" else "aac"
            track = out.add_stream(codec_name, rate=RATE, layout="mono")
            track.disposition = Disposition.default if default else Disposition(0)
            block = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            block.sample_rate, block.pts = RATE, 0
            packets += track.encode(block) + track.encode(None)
        if cover:
            art = out.add_stream("png", rate=25)
            art.width = art.height = 32
            art.pix_fmt, art.disposition = "rgb24", Disposition.attached_pic
            image = av.VideoFrame.from_ndarray(flash(32, 32)[0], format="rgb24")
            image.pts = 0
            packets += art.encode(image) + art.encode(None)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            out.mux(packet)
    return path


def seen_and_heard(path: Path) -> tuple[int, int, float]:
    """Number of frames, which one is white, and when the click is heard, in seconds."""
    recording = reader.read(path)
    assert recording.audio is not None
    assert reader.probe(path).frames_at_25 == len(recording.frames)
    loud = np.abs(recording.audio.astype(int))
    white = int(recording.frames.reshape(len(recording.frames), -1).mean(1).argmax())
    return len(recording.frames), white, float(np.argmax(loud > loud.max() / 2)) / RATE


# -- the cases that failed ------------------------------------------------------------------------

CASES = {
    "01_cover_art.mp4": (75, 25, 1.0),
    "01_cover_art.mkv": (75, 25, 1.0),
    "02_avi_75_packets_76_ticks.avi": (76, 26, 1.023),  # ffmpeg, too
    "02_vfr_50_packets_74_ticks.mkv": (74, 25, 1.0),
    "03_h264_in_avi_one_frame_off.avi": (75, 25, 1.0),
    "03_mpeg4_bframes_in_avi.avi": (75, 25, 1.0),
    "04_anamorphic_96x128_shown_128x128.mp4": (75, 25, 1.0),
    "05_default_audio_is_second.mp4": (75, 25, 1.0),
    "05_default_video_is_second.mp4": (75, 25, 1.0),
}


@pytest.mark.parametrize("name", CASES)
def test_files_that_failed(name: str, assets: Callable[[str], Path]) -> None:
    """Number of frames, white frame and click are where the makers of the files put them."""
    count, white, heard = seen_and_heard(assets(f"cases/{name}"))
    assert (count, white) == CASES[name][:2]
    assert heard == pytest.approx(CASES[name][2], abs=0.002)
    info = reader.probe(assets(f"cases/{name}"))
    assert (info.width, info.height) == (128, 128)


# -- the same, made here --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_cover_picture_lasts_no_time(suffix: str, tmp_path: Path) -> None:
    made = [(flash(), True)], [(click(), True)]
    path = write(tmp_path / f"a.{suffix}", *made, cover=suffix == "mp4")
    assert seen_and_heard(path)[:2] == (N, FLASH)


def test_the_default_tracks_are_taken(tmp_path: Path) -> None:
    silent = np.zeros(N * 640, np.int16)
    path = write(
        tmp_path / "a.mp4",
        [(flash(32, 32, at=3), False), (flash(), True)],
        [(silent, False), (click(), True)],
    )
    assert seen_and_heard(path)[:2] == (N, FLASH)
    assert seen_and_heard(path)[2] == pytest.approx(1.0, abs=0.002)
    info = reader.probe(path)
    assert (info.width, info.height) == (64, 64)


def test_without_a_default_track_the_first_is_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", [(flash(), False), (flash(32, 32, at=3), False)])
    assert reader.read(path).frames.shape == (N, 64, 64, 3)


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"bf": "0"}),
        ("libx264", {"bf": "2", "b-adapt": "0"}),
        ("libx264", {"bf": "3", "b_strategy": "0", "b-pyramid": "normal"}),
        ("mpeg4", {}),
        ("mpeg4", {"bf": "2"}),
    ],
)
def test_picture_and_sound_of_avi_start_together(
    codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    """AVI has no display times: the first picture is shown at 0, however many are decoded before it."""
    path = write(
        tmp_path / "a.avi", [(flash(), True)], [(click(), True)], codec=codec, options=options
    )
    count, white, heard = seen_and_heard(path)
    assert (count, white) == (N, FLASH)
    assert heard == pytest.approx(FLASH / 25, abs=0.002)


@pytest.mark.parametrize(("width", "shape"), [(96, "4/3"), (128, "3/4"), (80, "6/5"), (96, "1/1")])
def test_pixels_that_are_not_square(width: int, shape: str, tmp_path: Path) -> None:
    """The width is stretched to square pixels, as ffmpeg's scale=iw*sar:ih does."""
    frames = flash(width, 64)
    path = write(tmp_path / "a.mp4", [(frames, True)], pixel_shape=Fraction(shape))
    shown = int(width * Fraction(shape))
    info, read = reader.probe(path), reader.read(path).frames
    assert (info.width, info.height) == (shown, 64)
    assert read.shape == (N, 64, shown, 3)
    with av.open(str(path)) as container:
        stored = [to_rgb(frame) for frame in container.decode(video=0)]
    stretched = [cv2.resize(f, (shown, 64), interpolation=cv2.INTER_CUBIC) for f in stored]
    difference = np.abs(read.astype(int) - np.stack(stretched))
    if shape != "3/4":  # OpenCV's bicubic does not filter when it makes pictures smaller
        assert difference.mean() < 2


def test_a_pixel_that_no_camera_has_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [(flash(), True)], pixel_shape=Fraction(1, 20))
    with pytest.raises(ClipFailure, match="damaged: pixels of shape 1:20"):
        reader.read(path)


def test_frames_are_counted_by_their_times(tmp_path: Path) -> None:
    """50 packets over 3 s are 75 frames at 25 per second."""
    times = [i * 3 // 2 for i in range(50)]
    path = write(tmp_path / "a.mkv", [(flash(n=50, at=20), True)], times=times)
    info = reader.probe(path)
    assert info.n_frames == 50
    assert info.frames_at_25 == len(reader.read(path).frames) == 74


def test_high_dynamic_range_is_said(tmp_path: Path) -> None:
    assert reader.probe(write(tmp_path / "a.mp4", [(flash(), True)], colours=16)).hdr == "PQ"
    assert reader.probe(write(tmp_path / "b.mp4", [(flash(), True)], colours=18)).hdr == "HLG"
    assert reader.probe(write(tmp_path / "c.mp4", [(flash(), True)])).hdr == ""


# -- pixels ---------------------------------------------------------------------------------------


def colourful(n: int = 5) -> np.ndarray:
    """[n, 96, 128, 3] smooth colours of all shades."""
    y, x, t = np.meshgrid(np.arange(96), np.arange(128), np.arange(n), indexing="ij")
    waves = [np.sin(x / 9 + t) * np.cos(y / 7), np.sin(y / 11 + t), np.cos((x + y) / 13 - t)]
    return (127.5 + 127.5 * np.stack(waves, -1)).astype(np.uint8).transpose(2, 0, 1, 3)


def test_default_decoding_is_that_of_opencv(tmp_path: Path) -> None:
    """And `exact` is brighter by the 1 to 2 levels that truncation takes away."""
    path = write(tmp_path / "a.mp4", [(colourful(), True)])
    video = cv2.VideoCapture(str(path))
    theirs = np.stack([video.read()[1][..., ::-1] for _ in range(5)])
    usual = MediaReader(decode="ffmpeg-default").read(path).frames
    np.testing.assert_array_equal(usual, theirs)
    difference = reader.read(path).frames.astype(float) - usual
    assert 0.8 < difference.mean() < 2.2


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the program ffmpeg is not installed")
@pytest.mark.parametrize(
    "name", ["clips/generated/sadtalker_256px_8s.mp4", "clips/speaker_c_1080x1920_25fps_hevc.mp4"]
)
def test_default_decoding_is_that_of_ffmpeg(name: str, assets: Callable[[str], Path]) -> None:
    path = assets(name)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-frames:v", "3"]
    done = subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True
    )
    frames = MediaReader(decode="ffmpeg-default").frames(path, None)
    ours = [next(frames).tobytes() for _ in range(3)]
    assert b"".join(ours) == done.stdout


# -- long clips -----------------------------------------------------------------------------------


def test_long_clips_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal in every byte to what short clips give, read-only, and no file is left behind."""
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path))
    frames = colourful(12)
    held, mapped = gather(iter(frames)), gather(iter(frames), in_memory=3 * frames[0].nbytes)
    assert type(held) is np.ndarray
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(held, mapped)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 0
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_no_frame_at_all_is_a_reason() -> None:
    with pytest.raises(ClipFailure, match="no video frames"):
        gather([])


def test_few_packets_over_a_long_time_are_counted_without_decoding(tmp_path: Path) -> None:
    """76 packets 56 s apart would be 105,001 frames."""
    times = [i * 56 * 25 for i in range(76)]
    path = write(tmp_path / "a.mkv", [(flash(32, 32, n=76), True)], times=times)
    assert path.stat().st_size < 200_000
    assert reader.probe(path).frames_at_25 == 105_001


@pytest.mark.slow
def test_a_clip_of_three_minutes_takes_the_memory_of_a_short_one(tmp_path: Path) -> None:
    """Read, stored, made still, through H.264 and opened again: 4500 frames, 221 MB as an array."""
    from thbench import video

    rng = np.random.default_rng(0)
    shades = rng.integers(0, 256, (25, 128, 128, 3), dtype=np.uint8)
    tracemalloc.start()
    frames = gather(shades[i % 25] for i in range(4500))
    assert tracemalloc.get_traced_memory()[1] < 1.2 * IN_MEMORY
    del frames
    tracemalloc.reset_peak()
    few = np.broadcast_to(shades[0], (4500, *shades[0].shape))
    video.write_lossless(tmp_path / "a.mkv", few, None)
    made = video.through_h264(few)
    digest = video.frames_digest(few)
    stored = video.StoredVideo(tmp_path / "a.mkv", "x", 4500, 128, frames_digest=digest)
    assert len(stored.frames) == len(made) == 4500
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * IN_MEMORY
