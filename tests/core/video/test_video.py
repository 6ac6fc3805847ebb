"""Reading and writing real media files: one clock, exact round trips, the rate conversion FFmpeg makes."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import (
    FILES,
    FLASH,
    click,
    click_time,
    flash_frames,
    flash_index,
    flash_time,
    noise,
    sound,
    write_media,
)
from thbench import video
from thbench.api import UserError
from thbench.video import MediaReader
from thbench.video.clock import at_constant_rate

HALF_A_FRAME = 0.020

reader = MediaReader()


# -- files with one flash and one click -----------------------------------------------------------


def assert_together(path: Path, fps: Fraction = Fraction(25)) -> None:
    """Flash and click of a read file lie within half a frame, and where they were put."""
    recording = reader.read(path)
    assert recording.audio is not None
    # The white frame is shown from FLASH on; it is compared with the start of its display.
    seen, heard = flash_index(recording.frames) / 25, click_time(recording.audio)
    assert abs(seen - heard) <= HALF_A_FRAME
    assert abs(seen - flash_time(fps)) <= HALF_A_FRAME
    assert abs(heard - flash_time(fps)) <= HALF_A_FRAME


@pytest.mark.parametrize("name", FILES)
def test_flash_and_click_stay_together_in_files_of_others(name: str, tmp_path: Path) -> None:
    container, codecs, fps, rate, channels = FILES[name]
    rate_of_frames = Fraction(fps)
    path = tmp_path / "clip"
    samples = click(flash_time(rate_of_frames), rate, channels)
    frames = flash_frames(rate_of_frames)
    write_media(path, frames, rate_of_frames, samples, rate, container, codecs)
    assert_together(path, rate_of_frames)


@pytest.mark.parametrize(("container", "sound_codec"), [("mp4", "aac"), ("matroska", "flac")])
@pytest.mark.parametrize("late", [0.5, 0.123])
def test_sound_that_starts_later_is_padded(
    container: str, sound_codec: str, late: float, tmp_path: Path
) -> None:
    path, fps = tmp_path / "clip", Fraction(25)
    samples = click(FLASH - late, 16000)
    codecs = ("libx264", sound_codec)
    write_media(path, flash_frames(fps), fps, samples, 16000, container, codecs, audio_from=late)
    audio = reader.audio(path)
    assert audio is not None and not audio[: int((late - 0.01) * 16000)].any()
    assert_together(path)


@pytest.mark.parametrize(("container", "sound_codec"), [("mp4", "aac"), ("matroska", "flac")])
def test_sound_before_the_first_frame_is_cut_off(
    container: str, sound_codec: str, tmp_path: Path
) -> None:
    path, fps = tmp_path / "clip", Fraction(25)
    codecs = ("libx264", sound_codec)
    samples = click(FLASH + 0.4, 16000)
    write_media(path, flash_frames(fps), fps, samples, 16000, container, codecs, video_from=0.4)
    assert_together(path)


def test_both_streams_may_start_late(tmp_path: Path) -> None:
    path, fps = tmp_path / "clip.mkv", Fraction(25)
    write_media(
        path, flash_frames(fps), fps, click(FLASH, 16000), 16000, "matroska", ("libx264", "flac"),
        audio_from=3.0, video_from=3.0,
    )  # fmt: skip
    assert_together(path)


def test_a_start_that_was_cut_off_by_an_edit_list(tmp_path: Path) -> None:
    """As `ffmpeg -ss -c copy` and phones trim: the first 10 frames are in the file and not shown."""
    path, fps = tmp_path / "clip.mp4", Fraction(25)
    codecs = ("libx264", "aac")
    write_media(path, flash_frames(fps), fps, click(FLASH - 0.4, 16000), 16000, "mp4", codecs)
    data = bytearray(path.read_bytes())
    entry = data.find(b"elst") + 12  # the picture's track comes first (ISO/IEC 14496-12, 8.6.6)
    shown, skipped = (int.from_bytes(data[entry + i : entry + i + 4], "big") for i in (0, 4))
    timescale = 12800
    data[entry : entry + 4] = (shown - 400).to_bytes(4, "big")  # milliseconds
    data[entry + 4 : entry + 8] = (skipped + 2 * timescale // 5).to_bytes(4, "big")
    path.write_bytes(data)
    recording = reader.read(path)
    assert recording.audio is not None and len(recording.frames) == 115
    assert flash_index(recording.frames) == 40
    assert abs(click_time(recording.audio) - 1.6) <= HALF_A_FRAME


def test_the_order_of_streams_does_not_matter(tmp_path: Path) -> None:
    """Sound first: the frames that the decoder holds back to the end come out all the same."""
    path, samples = tmp_path / "clip.mkv", sound(16000)
    with av.open(str(path), "w") as out:
        track = out.add_stream("flac", rate=16000, layout="mono")
        picture = out.add_stream("libx264", rate=25, options={"bf": "3"})
        picture.height = picture.width = 32
        picture.pix_fmt = "yuv420p"
        for i, rgb in enumerate(noise(25)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(picture.encode(frame))
        out.mux(picture.encode(None))
        block = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        block.sample_rate, block.time_base, block.pts = 16000, Fraction(1, 16000), 0
        out.mux(track.encode(block) + track.encode(None))
    recording = reader.read(path)
    assert len(recording.frames) == 25 == reader.probe(path).n_frames
    assert np.array_equal(recording.audio, samples)  # type: ignore[arg-type]


def test_a_hole_in_the_sound_is_silence(tmp_path: Path) -> None:
    path, fps, rate = tmp_path / "clip.mkv", Fraction(25), 16000
    with av.open(str(path), "w") as out:
        picture = out.add_stream("ffv1", rate=25)
        picture.height = picture.width = 32
        picture.pix_fmt = "bgr0"
        track = out.add_stream("pcm_s16le", rate=rate, layout="mono")
        for i, rgb in enumerate(flash_frames(fps, 32)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = i, 1 / fps
            out.mux(picture.encode(frame))
        samples = click(FLASH, rate)
        for start in range(0, samples.shape[1], 1600):
            if 16000 <= start < 24000:  # half a second is lost on the way
                continue
            piece = np.ascontiguousarray(samples[:, start : start + 1600])
            block = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
            out.mux(track.encode(block))
    assert_together(path)


def test_sound_that_ends_before_the_picture_begins(tmp_path: Path) -> None:
    """A first piece of sound lies wholly before the first frame, a second one over it."""
    path, rate = tmp_path / "clip.mkv", 16000
    with av.open(str(path), "w") as out:
        picture = out.add_stream("ffv1", rate=25)
        picture.height = picture.width = 32
        picture.pix_fmt = "bgr0"
        track = out.add_stream("pcm_s16le", rate=rate, layout="mono")
        for start in (0.0, 3.0):
            block = av.AudioFrame.from_ndarray(sound(rate)[None], format="s16", layout="mono")
            block.sample_rate, block.time_base = rate, Fraction(1, rate)
            block.pts = int(start * rate)
            out.mux(track.encode(block))
        for i, rgb in enumerate(noise(25)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = 70 + i, Fraction(1, 25)
            out.mux(picture.encode(frame))
    heard = reader.audio(path)
    assert heard is not None and len(heard) == int(1.2 * rate)  # from 2.8 s to 4.0 s
    assert not heard[: rate // 5].any() and np.array_equal(heard[rate // 5 :], sound(rate))


# -- our own writers ------------------------------------------------------------------------------


def test_flash_and_click_stay_together_in_our_own_files(tmp_path: Path) -> None:
    frames, audio = flash_frames(Fraction(25)), click(FLASH, 16000)[0]
    video.write_lossless(tmp_path / "a.mkv", frames, audio)
    video.write_h264(tmp_path / "a.mp4", frames, audio)
    for path in (tmp_path / "a.mkv", tmp_path / "a.mp4"):
        assert_together(path)


def test_sound_of_the_preview_begins_and_ends_with_the_picture(tmp_path: Path) -> None:
    """A wrong time base of AAC makes sound drift: the click near the end would show it."""
    frames, audio = np.zeros((500, 32, 32, 3), np.uint8), np.zeros(500 * 640, np.int16)
    audio[19 * 16000 : 19 * 16000 + 32] = 30000
    video.write_h264(tmp_path / "a.mp4", frames, audio)
    heard = reader.audio(tmp_path / "a.mp4")
    assert heard is not None and len(heard) == len(audio)
    assert abs(click_time(heard) - 19) < 0.002


@pytest.mark.parametrize("samples", [None, 0, 1, 639, 12 * 640, 12 * 640 + 7, 100_000])
@pytest.mark.parametrize("size", [(32, 32), (33, 17), (2, 3)])
def test_lossless_files_give_back_every_bit(
    samples: int | None, size: tuple[int, int], tmp_path: Path
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (12, *size, 3), dtype=np.uint8)
    audio = None if samples is None else sound(samples)
    path = tmp_path / "a.mkv"
    video.write_lossless(path, frames, audio)
    for recording in (video.read_lossless(path), reader.read(path), reader.read(path, fps=None)):
        assert np.array_equal(recording.frames, frames) and recording.fps == 25
        assert (recording.audio is None) == (audio is None)
        assert audio is None or np.array_equal(recording.audio, audio)  # type: ignore[arg-type]


@pytest.mark.parametrize("write", [video.write_lossless, video.write_h264])
def test_two_writes_give_the_same_bytes(write: Callable[..., None], tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, noise(30), sound(30 * 640))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_all_shades_survive(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    frames = np.concatenate([ramp, ramp[:, ::-1], 255 - ramp], axis=3)
    video.write_lossless(tmp_path / "a.mkv", frames, None)
    assert np.array_equal(reader.read(tmp_path / "a.mkv").frames, frames)


def test_wav_gives_back_every_sample(tmp_path: Path) -> None:
    video.write_wav(tmp_path / "a.wav", sound(12345))
    assert np.array_equal(video.read_wav(tmp_path / "a.wav"), sound(12345))
    assert np.array_equal(reader.audio(tmp_path / "a.wav"), sound(12345))  # type: ignore[arg-type]


def smooth(n: int = 12, size: int = 64) -> np.ndarray:
    y, x = np.indices((size, size))
    planes = [[x * 3 + 4 * t, y * 3, (x + y + 8 * t)] for t in range(n)]
    return (np.array(planes) % 256).transpose(0, 2, 3, 1).astype(np.uint8)


def test_h264_in_memory_is_what_a_file_would_hold(tmp_path: Path) -> None:
    frames = smooth()
    video.write_h264(tmp_path / "a.mp4", frames, None, crf=30)
    assert np.array_equal(
        video.through_h264(frames, crf=30), reader.read(tmp_path / "a.mp4").frames
    )


def test_h264_keeps_odd_sizes_and_gets_worse_with_crf() -> None:
    frames = smooth(size=65)
    errors = [np.abs(video.through_h264(frames, c) - frames.astype(float)).mean() for c in (10, 40)]
    assert video.through_h264(frames).shape == frames.shape
    assert errors[0] < errors[1]


def test_h264_does_not_shift_brightness() -> None:
    """swscale's default rounding darkens by one level each way."""
    frames = np.full((5, 64, 64, 3), 100, np.uint8)
    frames[:, 16:48] = (180, 140, 60)
    assert abs((video.through_h264(frames, 1) - frames.astype(float)).mean()) < 0.5


@pytest.mark.slow
def test_h264_does_not_depend_on_what_lies_in_memory() -> None:
    """x264's AVX-512 code read unwritten memory: glibc fills it with a chosen byte here."""
    program = (
        "import hashlib, numpy as np; from thbench.video import through_h264;"
        "r = np.random.default_rng(0).integers(0, 255, (30, 8, 8, 3), dtype=np.uint8);"
        "f = through_h264(np.repeat(np.repeat(r, 8, 1), 8, 2), 18);"
        "print(hashlib.sha256(f.tobytes()).hexdigest())"
    )
    import os

    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "MALLOC_PERTURB_": fill, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
        ).stdout
        for fill in ("0", "1", "129")
    }
    assert len(digests) == 1


def test_writers_refuse_what_they_would_have_to_bend(tmp_path: Path) -> None:
    for frames in (
        np.zeros((0, 8, 8, 3), np.uint8),
        np.zeros((2, 8, 8), np.uint8),
        np.zeros((2, 8, 8, 3)),
    ):
        with pytest.raises(ValueError, match="frames must be"):
            video.write_lossless(tmp_path / "a.mkv", frames, None)
    with pytest.raises(ValueError, match="audio must be"):
        video.write_lossless(tmp_path / "a.mkv", noise(), np.zeros(10))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_no_litter(tmp_path: Path) -> None:
    """The limit on file sizes stands for the disk: the writer meets it in the middle of its work."""
    import resource

    video.write_lossless(tmp_path / "a.mkv", noise(2), None)
    before = (tmp_path / "a.mkv").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        for write in (video.write_lossless, video.write_h264):
            with pytest.raises(UserError, match=r"a\.mkv.*free some space"):
                write(tmp_path / "a.mkv", noise(200), sound(200 * 640))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [p.name for p in tmp_path.iterdir()] == ["a.mkv"]
    assert (tmp_path / "a.mkv").read_bytes() == before


# -- frame rates ----------------------------------------------------------------------------------


def by_ffmpeg(starts: list[int], durations: list[int], base: Fraction, fps: Fraction) -> list[int]:
    """Which frame FFmpeg's own filter shows at each tick: frames are told apart by their colour."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format=av.VideoFormat("gray"), time_base=base)
    rate = graph.add("fps", f"fps={fps}:round=near")
    sink = graph.add("buffersink")
    source.link_to(rate)
    rate.link_to(sink)
    graph.configure()
    shown: list[int] = []

    def drain() -> None:
        while True:
            try:
                shown.append(int(graph.pull().to_ndarray()[0, 0]))
            except (av.BlockingIOError, av.EOFError):
                return

    for i, (start, duration) in enumerate(zip(starts, durations, strict=True)):
        frame = av.VideoFrame.from_ndarray(np.full((16, 16), i, np.uint8), format="gray")
        frame.pts, frame.time_base, frame.duration = start, base, duration
        graph.push(frame)
        drain()
    graph.push(None)
    drain()
    return shown


@pytest.mark.slow
@given(
    gaps=st.lists(st.integers(0, 200), min_size=0, max_size=40),
    last=st.integers(1, 200),
    ticks=st.sampled_from([1000, 600, 90000, 25, 30]),
    fps=st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(50)]),
)
@settings(max_examples=150, deadline=None)
def test_constant_rate_is_that_of_ffmpegs_filter(
    gaps: list[int], last: int, ticks: int, fps: Fraction
) -> None:
    unit = max(1, ticks // 1000)
    starts = [0, *np.cumsum([g * unit for g in gaps]).tolist()]
    durations = [b - a for a, b in itertools.pairwise(starts)] + [last * unit]
    base = Fraction(1, ticks)
    stamped = [
        (s * base, d * base, i) for i, (s, d) in enumerate(zip(starts, durations, strict=True))
    ]
    expected = by_ffmpeg(starts, durations, base, fps)
    ours = list(at_constant_rate(stamped, fps))
    # A clip shorter than half a tick is one frame to us and nothing to the filter.
    assert ours == expected or (expected == [] and ours == [len(starts) - 1])


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001), Fraction(24), Fraction(50)])
def test_files_are_converted_as_the_filter_does(fps: Fraction, tmp_path: Path) -> None:
    n = 90
    frames = np.broadcast_to(
        np.arange(n, dtype=np.uint8)[:, None, None, None] * 2, (n, 16, 16, 3)
    ).copy()
    write_media(tmp_path / "a", frames, fps, None, 0, "matroska", ("ffv1", ""))
    shown = [int(f[0, 0, 0]) // 2 for f in reader.frames(tmp_path / "a")]
    times = [round(i / fps * 1000) for i in range(n)]  # Matroska counts milliseconds
    spans = [b - a for a, b in itertools.pairwise(times)] + [round(1000 / fps)]
    assert shown == by_ffmpeg(times, spans, Fraction(1, 1000), Fraction(25))


def test_stored_frames_come_one_by_one(tmp_path: Path) -> None:
    write_media(tmp_path / "a", noise(31), Fraction(30), None, 0, "matroska", ("ffv1", ""))
    recording = reader.read(tmp_path / "a", fps=None)
    assert np.array_equal(recording.frames, noise(31)) and recording.fps == 30


@pytest.mark.slow
def test_frames_stream(tmp_path: Path) -> None:
    """A long clip is never held as a whole: 300 frames are 59 MB."""
    video.write_lossless(tmp_path / "a.mkv", np.zeros((300, 256, 256, 3), np.uint8), None)
    tracemalloc.start()
    count = sum(1 for _ in reader.frames(tmp_path / "a.mkv"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 300 and peak < 5_000_000


def test_a_reader_may_stop_early(tmp_path: Path) -> None:
    video.write_lossless(tmp_path / "a.mkv", noise(30), None)
    for _ in range(50):
        frames = reader.frames(tmp_path / "a.mkv")
        assert next(frames).shape == next(frames).shape
        del frames


# -- metadata -------------------------------------------------------------------------------------

QUARTER_CLOCKWISE = (0, 1 << 16, 0, -(1 << 16) & 0xFFFFFFFF, 0, 0)


@pytest.mark.parametrize(
    ("matrix", "turns"),
    [(QUARTER_CLOCKWISE, -1), ((-(1 << 16) & 0xFFFFFFFF, 0, 0, 0, -(1 << 16) & 0xFFFFFFFF, 0), 2)],
)
def test_phones_that_only_note_how_they_were_held(
    matrix: tuple[int, ...], turns: int, tmp_path: Path
) -> None:
    """The 3x3 matrix of the track header (ISO/IEC 14496-12, 8.3.2) is written over a plain file's."""
    path = tmp_path / "a.mp4"
    frames = np.full((5, 32, 64, 3), 30, np.uint8)
    frames[:, :8, :16] = 220  # a bright mark in the upper left
    write_media(path, frames, Fraction(25), None, 0, "mp4", ("mpeg4", ""))
    data = bytearray(path.read_bytes())
    place = data.find(b"tkhd") + 4 + 40
    data[place : place + 24] = b"".join(value.to_bytes(4, "big") for value in matrix)
    path.write_bytes(data)
    seen = reader.read(path).frames
    assert np.abs(seen.astype(int) - np.rot90(frames, turns, axes=(1, 2))).max() < 30
    info = reader.probe(path)
    assert (info.height, info.width) == seen.shape[1:3]


def test_probe_counts_packets(tmp_path: Path) -> None:
    write_media(
        tmp_path / "a",
        noise(31),
        Fraction(30),
        click(1, 44100, 2),
        44100,
        "mp4",
        ("libx264", "aac"),
    )
    info = reader.probe(tmp_path / "a")
    assert (info.video_codec, info.width, info.height, info.n_frames) == ("h264", 32, 32, 31)
    assert (info.audio_codec, info.sample_rate, info.fps) == ("aac", 44100, 30)
    assert info.duration == pytest.approx(31 / 30, abs=1e-3)


def test_colours_follow_the_standard(tmp_path: Path) -> None:
    """BT.601 in 16..235 computed by hand in float64: rounded, not truncated (which darkens by one)."""
    rng = np.random.default_rng(0)
    patches = rng.integers([60, 108, 108], [200, 149, 149], (40, 3))  # no clipping at 0 or 255
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        for i, (y, cb, cr) in enumerate(patches):
            planes = np.full((24, 16), y, np.uint8)
            planes[16:20], planes[20:] = cb, cr
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    y, cb, cr = ((patches - (16, 128, 128)) * 255 / (219, 224, 224)).T
    red, blue = y + 1.402 * cr, y + 1.772 * cb
    green = (y - 0.299 * red - 0.114 * blue) / 0.587
    difference = (
        reader.read(tmp_path / "a.mkv").frames - np.stack([red, green, blue], 1)[:, None, None]
    )
    assert np.abs(difference).max() <= 1 and abs(difference.mean()) < 0.1


def test_stereo_is_averaged_and_levels_kept(tmp_path: Path) -> None:
    rate, t = 16000, np.arange(16000)
    tone = (8000 * np.sin(2 * np.pi * 440 * t / rate)).astype(np.int16)
    for right, gain in ((tone, 1.0), (np.zeros_like(tone), 0.5)):
        pair = np.stack([tone, right])
        write_media(
            tmp_path / "a", noise(25), Fraction(25), pair, rate, "matroska", ("ffv1", "flac")
        )
        heard = reader.audio(tmp_path / "a")
        assert heard is not None and np.abs(heard - gain * tone).max() <= 1


def test_resampling_keeps_a_tone(tmp_path: Path) -> None:
    t = np.arange(44100)
    tone = (8000 * np.sin(2 * np.pi * 440 * t / 44100)).astype(np.int16)[None]
    write_media(tmp_path / "a", noise(25), Fraction(25), tone, 44100, "matroska", ("ffv1", "flac"))
    heard = reader.audio(tmp_path / "a")
    assert heard is not None and abs(len(heard) - 16000) <= 1
    expected = 8000 * np.sin(2 * np.pi * 440 * np.arange(len(heard)) / 16000)
    assert np.abs(heard - expected)[200:-200].max() < 20


# -- real clips -----------------------------------------------------------------------------------

# Counts by hand: stored frames, their rate, and round(duration * 25).
REAL = {
    "speaker_a_512px_25fps_mpeg4.mp4": (200, 25, 200, 512, 512),
    "speaker_b_512px_30fps_h264.mp4": (448, 30, 373, 512, 512),
    "speaker_c_1080x1920_25fps_hevc.mp4": (250, 25, 250, 1920, 1080),
    "speaker_d_512px_h264.mp4": (250, 30, 208, 480, 480),
}


@pytest.mark.parametrize("name", REAL)
def test_real_clips(name: str, assets: Callable[[str], Path]) -> None:
    path = assets(f"clips/{name}")
    stored, fps, count, height, width = REAL[name]
    info = reader.probe(path)
    assert (info.n_frames, info.fps, info.height, info.width) == (stored, fps, height, width)
    shapes = [f.shape for f in reader.frames(path)]
    with av.open(str(path)) as container:
        starts = sorted(p.pts * p.time_base for p in container.demux(video=0) if p.size)
    end = starts[-1] - starts[0] + Fraction(1, fps)
    assert len(shapes) == count == int(end * 25 + Fraction(1, 2))
    assert set(shapes) == {(height, width, 3)}
    audio = reader.audio(path)
    assert audio is not None
    # speaker_b's track is 43 ms longer than its picture.
    difference = len(audio) - int(end * 16000)
    assert -640 <= difference <= (700 if "speaker_b" in name else 640)


def test_a_real_clip_has_its_voice_at_the_right_time(assets: Callable[[str], Path]) -> None:
    """The same sound through our AAC file: correlated, it lies where it lay, to the sample."""
    audio = reader.audio(assets("clips/speaker_a_512px_25fps_mpeg4.mp4"))
    assert audio is not None and np.abs(audio).max() > 1000
    frames = [f[::8, ::8] for f in reader.frames(assets("clips/speaker_a_512px_25fps_mpeg4.mp4"))]
    assert len(frames) * 640 == len(audio)


# -- names ----------------------------------------------------------------------------------------


def test_digests_see_content_shape_and_type() -> None:
    frames = noise(4, 8)
    assert video.frames_digest(frames) == video.frames_digest(frames[:, :, ::-1][:, :, ::-1])
    others = [frames.reshape(2, 16, 8, 3), frames.view(np.int8), frames[:3], frames[::-1]]
    assert len({video.frames_digest(x) for x in [frames, *others]}) == 5
    sounds: list[Any] = [None, sound(0), sound(5), sound(6)]
    assert len({video.audio_digest(x) for x in sounds}) == 4
    assert len(video.video_digest(video.frames_digest(frames), video.audio_digest(None))) == 64


def test_annotation_digests_see_names_and_not_their_order() -> None:
    a, b = np.zeros((3, 2), np.float32), np.ones(3)
    digest = video.annotations_digest
    assert digest({"a": a, "b": b}) == digest({"b": b, "a": a})
    different = [{}, {"a": a}, {"b": a}, {"a": b}, {"a": a.reshape(2, 3)}, {"a": np.float32(0)}]
    assert len({digest(d) for d in different}) == len(different)


def test_digests_do_not_change_between_versions() -> None:
    """Caches and published results hold these values."""
    frames, audio = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3), np.arange(5, dtype=np.int16)
    digest = video.video_digest(video.frames_digest(frames), video.audio_digest(audio))
    assert digest == DIGEST_OF_SMALL


DIGEST_OF_SMALL = "df6f2be77259185a4364e9f197b5cbcf1f9060ae1f8318a2aaa6c9f7448ad2e6"


def test_importing_the_module_loads_no_decoder() -> None:
    program = "import sys, thbench.video; sys.exit('av' in sys.modules or 'torch' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode
        == 0
    )
