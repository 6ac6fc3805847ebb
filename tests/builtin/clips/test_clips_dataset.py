"""Loading clips: crops, sound, limits and reasons."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from thbench.api import Clip, ClipFailure, Frames, Waveform
from thbench.video import MediaReader, write_h264, write_lossless
from thbench_clips import ClipsOptions, thbench_datasets
from thbench_clips.dataset import ClipsDataset
from thbench_face import thbench_weights
from thbench_face.box import smoothed_square_box
from tiny_onnx import write_detector

(PLUGIN,) = thbench_datasets()


class Lent:
    """An api.Context with media, a cache and the real face detector."""

    threads, device = 1, "cpu"

    def __init__(self, cache: Path, assets: Callable[[str], Path]) -> None:
        self.cache, self.media, self._assets = cache, CountingMedia(), assets

    def source(self, *modules: str) -> str:
        return " ".join(modules)

    def weights(self, name: str) -> Path:
        return self._assets(f"weights/{next(w.file for w in thbench_weights() if w.name == name)}")


class CountingMedia(MediaReader):
    """Counts how often pictures are decoded."""

    decoded = 0

    def frames(self, path: Path, fps: float | None = 25) -> Any:
        self.decoded += 1
        return super().frames(path, fps)


@pytest.fixture
def lent(tmp_path: Path, assets: Callable[[str], Path]) -> Any:
    (tmp_path / "cache").mkdir()
    return Lent(tmp_path / "cache", assets)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "videos").mkdir()
    return tmp_path / "videos"


def dataset(lent: Any, root: Path, **options: Any) -> ClipsDataset:
    return PLUGIN.build(ClipsOptions(root=root, **options), lent)


def pictures(count: int = 6, height: int = 48, width: int = 48) -> Frames:
    noise = np.random.default_rng(0).integers(0, 256, (count, height, width, 3))
    return noise.astype(np.uint8)


def tone(frames: int) -> Waveform:
    t = np.arange(frames * 640)
    return np.rint(8000 * np.sin(2 * np.pi * 440 * t / 16000)).astype(np.int16)


def test_lossless_square_clip_is_given_back(lent: Any, root: Path) -> None:
    write_lossless(root / "a.mkv", pictures(), tone(6))
    source = dataset(lent, root).load(Clip("a", "a"), 48)
    assert (source.frames == pictures()).all() and (source.audio == tone(6)).all()
    assert source.annotations == {}
    half = dataset(lent, root).load(Clip("a", "a"), 24).frames
    means = pictures().reshape(6, 24, 2, 24, 2, 3).mean(axis=(2, 4))
    assert np.abs(half - means).max() <= 0.5  # areas are averaged


def test_sound_beyond_the_pictures_is_cut_and_less_is_left(lent: Any, root: Path) -> None:
    write_lossless(root / "long.mkv", pictures(), tone(9))
    write_lossless(root / "short.mkv", pictures(), tone(3))
    clips = dataset(lent, root)
    assert len(clips.load(Clip("long", ""), 48).audio) == 6 * 640
    assert len(clips.load(Clip("short", ""), 48).audio) == 3 * 640


def test_max_seconds_cuts_both(lent: Any, root: Path) -> None:
    write_lossless(root / "a.mkv", pictures(10), tone(10))
    source = dataset(lent, root, max_seconds=0.2).load(Clip("a", ""), 48)
    assert source.frames.shape == (5, 48, 48, 3) and len(source.audio) == 5 * 640
    assert (source.frames == pictures(10)[:5]).all()


def test_flash_and_click_stay_together(lent: Any, root: Path) -> None:
    frames, audio = np.zeros((50, 64, 64, 3), np.uint8), np.zeros(50 * 640, np.int16)
    frames[30] = 255
    audio[30 * 640 + 300] = 30000
    write_h264(root / "a.mp4", frames, audio)
    source = dataset(lent, root).load(Clip("a", ""), 32)
    assert int(source.frames.mean(axis=(1, 2, 3)).argmax()) == 30
    assert abs(int(np.abs(source.audio.astype(int)).argmax()) - (30 * 640 + 300)) < 320


def test_not_square(lent: Any, root: Path) -> None:
    wide = pictures(3, 40, 64)
    write_lossless(root / "a.mkv", wide, tone(3))
    with pytest.raises(
        ClipFailure, match=r"64 x 40 px is not square: set crop: face .* crop: centre"
    ):
        dataset(lent, root).load(Clip("a", ""), 32)
    centre = dataset(lent, root, crop="centre").load(Clip("a", ""), 40).frames
    assert (centre == wide[:, :, 12:52]).all()


def test_reasons(lent: Any, root: Path) -> None:
    write_lossless(root / "one.mkv", pictures(1), tone(1))
    write_lossless(root / "silent.mkv", pictures(), None)
    (root / "empty.mp4").touch()
    (root / "text.mp4").write_text("no video at all" * 100)
    write_h264(root / "whole.mp4", pictures(30), tone(30))
    data = (root / "whole.mp4").read_bytes()
    (root / "cut.mp4").write_bytes(data[: len(data) // 2])
    (root / "gone.mp4").touch()
    clips = dataset(lent, root)
    listed = clips.clips()
    (root / "gone.mp4").unlink()
    reasons = {}
    for clip in listed:
        try:
            clips.load(clip, 48)
        except ClipFailure as failure:
            reasons[clip.id] = failure.reason
    assert reasons["one"] == "1 frame: at least 2 needed"
    assert reasons["silent"] == "silent.mkv: no audio track"
    assert reasons["empty"].startswith("empty.mp4: ")
    assert reasons["text"].startswith("text.mp4: ")
    assert reasons["cut"].startswith("cut.mp4: ")
    assert reasons["gone"] == "gone.mp4: no such file"
    assert set(reasons) == {"one", "silent", "empty", "text", "cut", "gone"}


def test_names_that_are_no_text_are_loaded(lent: Any, root: Path) -> None:
    write_lossless(root / "plain.mkv", pictures(), tone(6))
    try:
        (root / "plain.mkv").rename(root / os.fsdecode(b'it\'s "caf\xe9" 1.mkv'))
    except OSError:
        pytest.skip("this file system refuses names that are no UTF-8")
    clips = dataset(lent, root)
    (clip,) = clips.clips()
    assert clip.id == "it's %22caf%E9%22 1"
    assert (clips.load(clip, 48).frames == pictures()).all()


def test_missing_names_folder_manifest_and_weights(lent: Any, tmp_path: Path) -> None:
    options = ClipsOptions(tmp_path / "nowhere", tmp_path / "no.csv")
    what = [m.what for m in PLUGIN.missing(options)]
    assert "nowhere" in what[0] and "no.csv" in what[1]
    assert dataset(lent, tmp_path / "nowhere").missing()[0].command
    assert not PLUGIN.missing(ClipsOptions(tmp_path))
    assert PLUGIN.weights(options) == []
    assert PLUGIN.weights(replace(options, crop="face")) == ["yunet"]


@pytest.fixture
def seeing_red(tmp_path: Path) -> Any:
    """As `lent`, with a detector that takes red squares of a tenth of the picture's width for faces."""
    (tmp_path / "cache").mkdir()
    file = write_detector(tmp_path / "yunet.onnx", np.full((5, 2), 0.5, np.float32))
    return Lent(tmp_path / "cache", lambda name: file)


def with_face(count: int, missing: Sequence[int] = ()) -> Frames:
    """[count, 480, 640, 3] grey, but for a red face of 64 pixels at (192, 128), which `missing` frames lack."""
    frames = np.full((count, 480, 640, 3), 60, np.uint8)
    shown = [t for t in range(count) if t not in missing]
    frames[shown, 128:192, 192:256] = (255, 0, 0)
    return frames


def test_face_crop_of_a_drawn_clip(seeing_red: Any, root: Path) -> None:
    """Found, steady, in the middle and of the usual size; then taken from the cache for other sizes."""
    write_lossless(root / "a.mkv", with_face(10), tone(10))
    clips = dataset(seeing_red, root, crop="face")
    source = clips.load(Clip("a", ""), 128)
    assert source.frames.shape == (10, 128, 128, 3) and len(source.audio) == 10 * 640
    assert (source.frames == source.frames[0]).all()
    assert seeing_red.media.decoded == 2
    box = smoothed_square_box(np.array([[192, 128, 64, 64, 1.0]] * 10), 480, 640)
    y, x = np.nonzero(source.frames[0, ..., 0] > 160)
    scale = 128 / box.side
    assert x.mean() == pytest.approx((224 - box.left) * scale, abs=1)
    assert y.mean() == pytest.approx((160 - box.top) * scale, abs=1)
    assert len(x) == pytest.approx((64 * scale) ** 2, rel=0.05)
    assert clips.load(Clip("a", ""), 64).frames.shape == (10, 64, 64, 3)
    again = dataset(seeing_red, root, crop="face").load(Clip("a", ""), 128)
    assert seeing_red.media.decoded == 4  # one reading each: the boxes were remembered
    assert (again.frames == source.frames).all()


def test_few_faces_of_a_drawn_clip_are_a_reason(seeing_red: Any, root: Path) -> None:
    write_lossless(root / "a.mkv", with_face(10, missing=range(4, 8)), tone(10))
    with pytest.raises(ClipFailure, match="a face in only 6 of 10 frames"):
        dataset(seeing_red, root, crop="face").load(Clip("a", ""), 48)


def test_face_crop_of_a_real_clip(lent: Any, root: Path, assets: Callable[[str], Path]) -> None:
    """1080 x 1920, small face: found, steady, centred; then taken from the cache for other sizes."""
    (root / "c.mp4").symlink_to(assets("clips/speaker_c_1080x1920_25fps_hevc.mp4"))
    clips = dataset(lent, root, crop="face", max_seconds=0.4)
    source = clips.load(Clip("c", ""), 128)
    assert source.frames.shape == (10, 128, 128, 3) and len(source.audio) == 10 * 640
    assert lent.media.decoded == 2
    from thbench_face.detector import FaceDetector

    detector = FaceDetector(lent.weights("yunet"))
    faces = np.stack([detector(f)[0] for f in source.frames[::3]])
    centres = faces[:, :2] + faces[:, 2:4] / 2
    assert np.abs(np.median(centres, axis=0) - 64).max() < 0.12 * 128
    assert clips.load(Clip("c", ""), 64).frames.shape == (10, 64, 64, 3)
    again = dataset(lent, root, crop="face", max_seconds=0.4).load(Clip("c", ""), 128)
    assert lent.media.decoded == 4  # one reading each: the boxes were remembered
    assert (again.frames == source.frames).all()
    for stored in (lent.cache / "boxes").iterdir():
        stored.write_bytes(b"damaged")
    repaired = dataset(lent, root, crop="face", max_seconds=0.4).load(Clip("c", ""), 128)
    assert lent.media.decoded == 6 and (repaired.frames == source.frames).all()


def test_large_pictures_never_lie_in_memory_together(
    lent: Any, root: Path, assets: Callable[[str], Path]
) -> None:
    """25 frames of 1080 x 1920 are 156 MB; finding the head and cropping stays below a fifth of that."""
    (root / "c.mp4").symlink_to(assets("clips/speaker_c_1080x1920_25fps_hevc.mp4"))
    dataset(lent, root, crop="face", max_seconds=0.1).load(Clip("c", ""), 128)  # imports
    tracemalloc.start()
    try:
        dataset(lent, root, crop="face", max_seconds=1.0).load(Clip("c", ""), 128)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 156e6 / 5


def test_no_face_is_a_reason(lent: Any, root: Path) -> None:
    drawn = pictures(4)
    for frame in drawn:
        cv2.circle(frame, (24, 24), 12, (0, 90, 200), -1)
    write_lossless(root / "a.mkv", drawn, tone(4))
    with pytest.raises(ClipFailure, match="no face in any of 4 frames"):
        dataset(lent, root, crop="face").load(Clip("a", ""), 48)


@pytest.mark.slow
def test_a_recording_of_an_hour_needs_max_seconds_and_is_not_decoded(lent: Any, root: Path) -> None:
    """76 pictures 56 s apart are 105,001 frames at 25 per second."""
    write_sparse(root / "a.mkv", [i * 56 * 25 for i in range(76)])
    with pytest.raises(ClipFailure, match=r"4200 s long, 900 s at most: set max_seconds"):
        dataset(lent, root).load(Clip("a", ""), 48)
    assert lent.media.decoded == 0
    source = dataset(lent, root, max_seconds=0.4).load(Clip("a", ""), 48)
    assert len(source.frames) == 10


def test_high_dynamic_range_is_said_of_a_recording(lent: Any, root: Path) -> None:
    write_sparse(root / "a.mkv", range(12), transfer=16)
    write_sparse(root / "b.mkv", range(12))
    said = dataset(lent, root).load(Clip("a", ""), 48).changes
    assert list(said) == ["high dynamic range (PQ) without tone mapping"]
    assert list(dataset(lent, root).load(Clip("b", ""), 48).changes) == []


def write_sparse(path: Path, times: Sequence[int], transfer: int | None = None) -> None:
    """48 x 48 noise at these ticks of 40 ms, with sound over all of them."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 48, 48, "yuv420p"
        if transfer:
            video.codec_context.color_trc = transfer
        sound = out.add_stream("flac", rate=16_000)
        packets: list[Any] = []
        for tick in times:
            picture = rng.integers(0, 255, (48, 48, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, 25)
            packets += video.encode(frame)
        packets += video.encode(None)
        silence = np.zeros((1, 16_000), np.int16)
        for second in range(max(1, -(-times[-1] // 25))):
            block = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = (
                16_000,
                second * 16_000,
                Fraction(1, 16_000),
            )
            packets += sound.encode(block)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            out.mux(packet)
