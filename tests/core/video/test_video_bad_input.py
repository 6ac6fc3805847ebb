"""Files that are not what they should be: a reason each time, never a part of a clip without a word."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards import some
from media import FILES, click, flash_frames, noise, sound, write_media
from thbench import video
from thbench.api import ClipFailure
from thbench.video import MediaReader, StoredVideo

reader = MediaReader()
FPS25 = Fraction(25)


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(ClipFailure) as failure:
        call()
    return failure.value.reason


def everything(path: Path) -> tuple[int, int]:
    recording = reader.read(path)
    return len(recording.frames), 0 if recording.audio is None else len(recording.audio)


# -- cut short ------------------------------------------------------------------------------------

CUT = {
    "mp4": ("mp4", ("libx264", "aac"), {}),
    "mp4 with its index in front": ("mp4", ("libx264", "aac"), {"movflags": "+faststart"}),
    "mp4 in fragments": ("mp4", ("libx264", "aac"), {"movflags": "frag_keyframe+empty_moov"}),
    "mkv": ("matroska", ("libx264", "aac"), {}),
    "avi": ("avi", ("mpeg4", "pcm_s16le"), {}),
    "flv": ("flv", ("flv1", "libmp3lame"), {}),
}


@pytest.mark.parametrize("name", CUT)
def test_a_cut_file_is_never_read_as_a_shorter_one(name: str, tmp_path: Path) -> None:
    """Cut at 40 places, from the header to the last byte: a reason, or (one byte of padding) the whole."""
    container, codecs, options = CUT[name]
    rate = 44100 if "mp3" in codecs[1] else 16000
    path = tmp_path / "whole"
    tone = (np.sin(np.arange(2 * rate) * 0.05) * 9000).astype(np.int16)[None]
    write_media(path, noise(50), FPS25, tone, rate, container, codecs, options=options)
    data, whole = path.read_bytes(), everything(path)
    places = {int(len(data) * i / 36) for i in range(36)} | {
        len(data) - n for n in (1, 4, 100, 1000)
    }
    for place in some(sorted(places)):
        path.write_bytes(data[:place])
        try:
            got = everything(path)
        except ClipFailure as failure:
            assert failure.reason.startswith("whole: ")
        else:
            assert got == whole, f"cut at {place} of {len(data)}"


def test_a_cut_where_the_container_never_knew_its_length(tmp_path: Path) -> None:
    """As live writers leave them: the Segment of unknown length, the last box "to the end"."""
    path, tone = tmp_path / "a", (np.sin(np.arange(32000) * 0.05) * 9000).astype(np.int16)[None]
    write_media(path, noise(50), FPS25, tone, 16000, "matroska", ("libx264", "aac"))
    data = bytearray(path.read_bytes())
    segment = data.find(b"\x18\x53\x80\x67") + 4
    data[segment : segment + 8] = b"\x01" + b"\xff" * 7
    path.write_bytes(data)
    assert len(reader.read(path).frames) == 50
    path.write_bytes(data[: len(data) // 2])
    assert "truncated: ends at" in reason_of(lambda: reader.read(path))

    fast = {"movflags": "+faststart"}
    write_media(path, noise(50), FPS25, tone, 16000, "mp4", ("libx264", "aac"), options=fast)
    data = bytearray(path.read_bytes())
    box = data.find(b"mdat") - 4
    data[box : box + 4] = bytes(4)
    path.write_bytes(data)
    assert len(reader.read(path).frames) == 50
    path.write_bytes(data[: len(data) // 2])
    # Whether decoding breaks or just ends there depends on where the encoder put its packets.
    assert "truncated" in reason_of(lambda: reader.read(path))


def test_a_cut_real_clip(assets: Callable[[str], Path], tmp_path: Path) -> None:
    for name in ("speaker_a_512px_25fps_mpeg4.mp4", "speaker_d_512px_h264.mp4"):
        data = assets(f"clips/{name}").read_bytes()
        for share in (0.01, 0.3, 0.7, 0.99):
            (tmp_path / name).write_bytes(data[: int(len(data) * share)])
            reason = reason_of(lambda: everything(tmp_path / name))  # noqa: B023
            assert "truncated" in reason and name in reason


def test_a_cut_of_our_own_store(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    video.write_lossless(path, noise(50), sound(50 * 640))
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        path.write_bytes(data[: int(len(data) * share)])
        assert "truncated" in reason_of(lambda: video.read_lossless(path))
        assert "truncated" in reason_of(lambda: StoredVideo(path, "d", 50, 32).audio)


@pytest.mark.slow
def test_damage_in_our_own_store_is_found(tmp_path: Path) -> None:
    """FFmpeg paints over damaged FFV1 slices without a word: the recorded digests tell."""
    path = tmp_path / "a.mkv"
    frames, audio = noise(20), sound(20 * 640)
    video.write_lossless(path, frames, audio)
    digests = {
        "frames_digest": video.frames_digest(frames),
        "audio_digest": video.audio_digest(audio),
    }
    data, rng = path.read_bytes(), np.random.default_rng(0)
    found = 0
    for place in rng.integers(0, len(data), 100):
        broken = bytearray(data)
        broken[place] ^= 0x10
        path.write_bytes(broken)
        clip = StoredVideo(path, "d", 20, 32, **digests)
        try:
            got = clip.frames, clip.audio
        except ClipFailure:
            found += 1
        else:
            assert np.array_equal(got[0], frames) and np.array_equal(got[1], audio)
    assert found > 90


def test_damage_to_flac_is_found_without_a_digest(tmp_path: Path) -> None:
    path, samples = tmp_path / "a.mkv", sound(20 * 640)
    video.write_lossless(path, np.zeros((20, 32, 32, 3), np.uint8), samples)
    data, found = path.read_bytes(), 0
    for place in range(len(data) // 2, len(data) // 2 + 2000, 100):
        broken = bytearray(data)
        broken[place] ^= 0x10
        path.write_bytes(broken)
        try:
            assert np.array_equal(reader.audio(path), samples)  # type: ignore[arg-type]
        except ClipFailure:
            found += 1
    assert found > 15


def test_damage_in_the_middle_is_a_failure(tmp_path: Path) -> None:
    """H.264 has no checksums: what is found is what breaks its syntax, as a lost block does."""
    path = tmp_path / "a.mp4"
    write_media(path, noise(50), FPS25, None, 0, "mp4", ("libx264", ""))
    whole = path.read_bytes()
    for share in (0.2, 0.4, 0.6, 0.8):
        data = bytearray(whole)
        place = int(len(data) * share)
        data[place : place + 4096] = bytes(4096)
        path.write_bytes(data)
        assert "a.mp4: " in reason_of(lambda: everything(path))


def test_damage_that_the_decoder_paints_over_is_a_failure(tmp_path: Path) -> None:
    """Wherever a plain decode gives all 50 frames and only marks one as damaged, we refuse the clip."""
    path, painted = tmp_path / "a.avi", 0
    write_media(path, noise(50), FPS25, None, 0, "avi", ("mpeg4", ""))
    whole = path.read_bytes()
    for place in range(len(whole) // 4, len(whole) // 2, len(whole) // 80):
        data = bytearray(whole)
        data[place : place + 100] = bytes(100)
        path.write_bytes(data)
        try:
            with av.open(str(path)) as container:
                marks = [frame.is_corrupt for frame in container.decode(video=0)]
        except av.FFmpegError:
            continue
        if len(marks) == 50 and any(marks):
            painted += 1
            assert "damaged video at" in reason_of(lambda: reader.read(path))
    assert painted > 3


def test_streaming_keeps_what_came_before_the_damage_and_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_media(path, noise(50), FPS25, None, 0, "mp4", ("mpeg4", ""))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    path.write_bytes(data)
    count = 0
    with pytest.raises(ClipFailure, match=r"damaged video at 0\.\d+ s"):
        for _ in reader.frames(path):
            count += 1
    assert 0 < count < 50


# -- no video at all ------------------------------------------------------------------------------


def test_missing_empty_and_foreign_files(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("I am not a film.\n" * 100)
    (tmp_path / "zeros.mp4").write_bytes(bytes(10_000))
    (tmp_path / "random.mp4").write_bytes(np.random.default_rng(0).bytes(10_000))
    (tmp_path / "folder.mp4").mkdir()
    expected = {
        "absent.mp4": "no such file",
        "empty.mp4": "empty file",
        "text.mp4": "undecodable",
        "zeros.mp4": "undecodable",
        "random.mp4": "undecodable",
        "folder.mp4": "cannot be read",
    }
    for name, reason in expected.items():
        for call in (reader.probe, reader.audio, reader.read, lambda p: list(reader.frames(p))):
            assert reason_of(lambda: call(tmp_path / name)).startswith(f"{name}: {reason}")  # noqa: B023


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    video.write_lossless(tmp_path / "a.mkv", noise(), None)
    (tmp_path / "a.mkv").chmod(0)
    assert "Permission denied" in reason_of(lambda: reader.read(tmp_path / "a.mkv"))


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile secret.ts\n"],
)
def test_a_playlist_opens_no_other_file(text: str, tmp_path: Path) -> None:
    """FFmpeg would follow it to any file or address."""
    write_media(tmp_path / "secret.ts", noise(), FPS25, None, 0, "mpegts", ("libx264", ""))
    (tmp_path / "list.mp4").write_text(text)
    assert "undecodable" in reason_of(lambda: reader.read(tmp_path / "list.mp4"))


def test_sound_alone(tmp_path: Path) -> None:
    video.write_wav(tmp_path / "a.wav", sound(16000))
    with av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as out:
        track = out.add_stream("aac", rate=16000, layout="mono")
        block = av.AudioFrame.from_ndarray(sound(16000)[None], format="s16", layout="mono")
        block.sample_rate, block.pts = 16000, 0
        out.mux(track.encode(block) + track.encode(None))
    for name in ("a.wav", "a.m4a"):
        for call in (reader.probe, reader.read):
            assert reason_of(lambda: call(tmp_path / name)) == f"{name}: no video stream"  # noqa: B023
        assert reader.audio(tmp_path / name) is not None


def test_a_film_without_frames(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "bgr0"
        out.start_encoding()
    assert "a.mkv: " in reason_of(lambda: reader.read(tmp_path / "a.mkv"))
    assert "a.mkv: " in reason_of(lambda: reader.probe(tmp_path / "a.mkv"))


def test_pictures_without_sound(tmp_path: Path) -> None:
    write_media(tmp_path / "a.mp4", noise(), FPS25, None, 0, "mp4", ("libx264", ""))
    recording = reader.read(tmp_path / "a.mp4")
    assert recording.audio is None and len(recording.frames) == 12
    assert reader.audio(tmp_path / "a.mp4") is None
    assert reader.probe(tmp_path / "a.mp4").audio_codec is None


@pytest.mark.parametrize("name", FILES)
def test_a_clip_of_one_frame(name: str, tmp_path: Path) -> None:
    container, codecs, fps, rate, channels = FILES[name]
    samples = click(0.01, rate, channels)[:, : rate // 25]
    path = tmp_path / "one"
    write_media(path, noise(1, 64), Fraction(fps), samples, rate, container, codecs)
    assert reader.read(path).frames.shape == (1, 64, 64, 3)
    assert reader.probe(path).n_frames == 1


def test_a_frame_shorter_than_half_a_tick_is_a_frame(tmp_path: Path) -> None:
    write_media(tmp_path / "a", noise(1), Fraction(120), None, 0, "mp4", ("mpeg4", ""))
    assert len(reader.read(tmp_path / "a").frames) == 1


def test_damaged_timestamps_do_not_fill_the_memory(tmp_path: Path) -> None:
    """One frame an hour late would be repeated 90,000 times."""
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "bgr0"
        for i, rgb in enumerate(noise(4)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = i + (i == 3) * 90_000, Fraction(1, 25)
            out.mux(stream.encode(frame))
    assert "damaged timestamps" in reason_of(lambda: reader.read(tmp_path / "a.mkv"))


def test_a_picture_that_changes_its_size(tmp_path: Path) -> None:
    """Two MPEG-TS pieces in one file, as recorders join them."""
    for name, size in (("a", 32), ("b", 64)):
        write_media(tmp_path / name, noise(10, size), FPS25, None, 0, "mpegts", ("mpeg2video", ""))
    joined = (tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes()
    (tmp_path / "c.ts").write_bytes(joined)
    assert "c.ts: " in reason_of(lambda: reader.read(tmp_path / "c.ts"))


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp3"), "w", format="mp3") as out:
        track = out.add_stream("libmp3lame", rate=44100, layout="mono")
        cover = out.add_stream("mjpeg", rate=25)
        cover.width = cover.height = 32
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(noise(1)[0], format="rgb24")
        frame.pts = 0
        block = av.AudioFrame.from_ndarray(click(0.5, 44100), format="s16", layout="mono")
        block.sample_rate, block.pts = 44100, 0
        out.mux(cover.encode(frame) + cover.encode(None))
        out.mux(track.encode(block) + track.encode(None))
    assert reason_of(lambda: reader.read(tmp_path / "a.mp3")) == "a.mp3: no video stream"


def test_tags_that_are_no_utf8(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        out.metadata["title"] = "PLACEHOLDER"
        stream = out.add_stream("ffv1", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "bgr0"
        frame = av.VideoFrame.from_ndarray(noise(1)[0], format="rgb24")
        frame.pts = 0
        out.mux(stream.encode(frame))
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(data.replace(b"PLACEHOLDER", b"caf\xe9 caf\xe9 c"))
    assert len(reader.read(tmp_path / "a.mkv").frames) == 1


@cache
def whole_file(name: str) -> bytes:
    container, codecs, options = CUT[name]
    rate = 44100 if "mp3" in codecs[1] else 16000
    samples = click(0.1, rate)[:, : rate // 2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole"
        write_media(path, noise(12), FPS25, samples, rate, container, codecs, options=options)
        return path.read_bytes()


@pytest.mark.slow
@given(name=st.sampled_from(sorted(CUT)), data=st.data())
@settings(max_examples=150, deadline=None)
def test_damage_anywhere_is_a_reason_or_a_clip(
    name: str, data: st.DataObject, tmp_path_factory: Any
) -> None:
    """Headers included: nothing but ClipFailure comes out, whatever FFmpeg trips over."""
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    content = bytearray(whole_file(name))
    for _ in range(data.draw(st.integers(1, 4))):
        reach = data.draw(st.sampled_from([600, 10**6]))
        place = data.draw(st.integers(0, min(len(content), reach) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    for call in (reader.probe, reader.read, reader.audio):
        try:
            call(path)
        except ClipFailure as failure:
            assert failure.reason.startswith("fuzzed: ")


# -- file names -----------------------------------------------------------------------------------

NAMES = [
    b"with space.mp4",
    b"quote'\"`$(x);.mp4",
    b"http:host.mp4",
    b"concat:a|b.mp4",
    b"-dash.mp4",
    b"%03d.mp4",
    "snow ☃.mp4".encode(),
    b"latin \xe9 \xff.mp4",
    b"line\nbreak.mp4",
    b"n" * 250 + b".mp4",
]


@pytest.mark.parametrize("raw", NAMES)
def test_any_name_a_file_system_allows(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(raw)
    for write in (video.write_lossless, video.write_h264):
        write(path, flash_frames(FPS25, 32)[:10], sound(6400))
        assert everything(path)[0] == 10 == reader.probe(path).n_frames
    assert [os.fsencode(p.name) for p in tmp_path.iterdir()] == [raw]
    path.write_bytes(b"no film")
    reason = reason_of(lambda: reader.read(path))
    # The reason goes into JSON, CSV and onto terminals.
    assert reason.encode("utf-8") and json.loads(json.dumps(reason)) == reason
