"""The generator `folder`: what is adopted, what is changed, and the reasons."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from thbench.api import ClipFailure, Failure, Frames, Generated, Request, UserError, Waveform
from thbench.video import MediaReader, write_h264, write_lossless
from thbench_external import FolderOptions, thbench_generators
from thbench_external.find import find_video

PLUGIN = next(p for p in thbench_generators() if p.name == "folder")
CONTEXT: Any = SimpleNamespace(media=MediaReader(), threads=1, device="cpu")


def pictures(count: int = 10, height: int = 32, width: int = 32) -> Frames:
    return np.random.default_rng(1).integers(0, 256, (count, height, width, 3)).astype(np.uint8)


def speech(count: int = 10, seed: int = 2) -> Waveform:
    return np.random.default_rng(seed).integers(-9000, 9000, count * 640).astype(np.int16)


def request(clip_id: str = "a", n_frames: int = 10, size: int = 32) -> Request:
    return Request(clip_id, pictures(1)[0], speech(n_frames, 3), n_frames, size, seed=0)


def ask(root: Path, *requests: Request, **options: Any) -> Any:
    generator = PLUGIN.build(FolderOptions(root, **options), CONTEXT)
    answers = list(generator.generate(requests or [request()]))
    return answers if len(answers) > 1 else answers[0]


def reason(answer: Any) -> str:
    assert isinstance(answer, Failure), answer
    return answer.reason


def write_at(path: Path, frames: Frames, fps: int) -> None:
    """A lossless file at another frame rate, with one second of sound at 44.1 kHz."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=fps, options={"level": "3"})
        video.width, video.height, video.pix_fmt = frames.shape[2], frames.shape[1], "bgr0"
        audio = container.add_stream("pcm_s16le", rate=44100, layout="mono")
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 44100), np.int16), format="s16", layout="mono"
        )
        sound.sample_rate = 44100
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def test_a_fitting_file_is_adopted_as_it_is(tmp_path: Path) -> None:
    write_h264(tmp_path / "a.mp4", pictures(), speech())
    answer = ask(tmp_path)
    assert isinstance(answer, Generated) and answer.file == (tmp_path / "a.mp4").resolve()
    assert (answer.frames, answer.audio, answer.trimmed) == (None, None, False)
    loose = ask(tmp_path, frame_rate="resample", length="trim", size="resample")
    assert loose.file == answer.file  # options that allow a change make none without need


def test_each_request_is_answered_once_and_failures_stop_nothing(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", pictures(), speech())
    write_lossless(tmp_path / "c.mkv", pictures(), speech())
    (tmp_path / "d.mp4").touch()
    answers = ask(tmp_path, *(request(c) for c in "abcd"))
    assert [a.clip_id for a in answers] == list("abcd")
    assert [type(a) for a in answers] == [Generated, Failure, Generated, Failure]
    assert reason(answers[1]) == f"no video for clip b under {tmp_path}"
    assert "d.mp4" in reason(answers[3])


def test_wrong_frame_rate(tmp_path: Path) -> None:
    write_at(tmp_path / "a.mkv", pictures(30), 30)
    wanted = request(n_frames=25)
    assert reason(ask(tmp_path, wanted)) == "30 fps, 25 needed: set frame_rate: resample"
    answer = ask(tmp_path, wanted, frame_rate="resample")
    assert answer.frames.shape == (25, 32, 32, 3) and answer.file is None
    shown = [
        int(np.abs(pictures(30).astype(int) - f).sum((1, 2, 3)).argmin()) for f in answer.frames
    ]
    assert all(abs(s / 30 - i / 25) <= 0.5 / 25 + 1e-9 for i, s in enumerate(shown))
    assert answer.audio is not None and len(answer.audio) == 16000


def test_wrong_frame_rate_names_fractions(tmp_path: Path) -> None:
    from fractions import Fraction

    class Media(MediaReader):
        def probe(self, path: Path) -> Any:
            from dataclasses import replace

            return replace(super().probe(path), fps=Fraction(30000, 1001))

    write_lossless(tmp_path / "a.mkv", pictures(), speech())
    generator = PLUGIN.build(FolderOptions(tmp_path), SimpleNamespace(media=Media()))
    assert reason(*generator.generate([request()])) == (
        "29.97 fps, 25 needed: set frame_rate: resample"
    )


def test_wrong_size(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", pictures(10, 64, 64), speech())
    write_lossless(tmp_path / "b.mkv", pictures(10, 32, 48), speech())
    assert reason(ask(tmp_path)) == "64 x 64 px, 32 x 32 needed: set size: resample"
    answer = ask(tmp_path, size="resample")
    means = pictures(10, 64, 64).reshape(10, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(answer.frames - means).max() <= 0.5
    assert (answer.audio == speech()).all()  # its own, not the request's
    wide = reason(ask(tmp_path, request("b"), size="resample"))
    assert wide == (
        "48 x 32 px is not square and the reference is: crop the video first, or set crop: own-face"
    )


def test_wrong_length(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", pictures(12), speech(12))
    write_lossless(tmp_path / "b.mkv", pictures(7), speech(7))
    assert reason(ask(tmp_path)) == "12 frames, 10 needed: set length: trim"
    assert reason(ask(tmp_path, request("b"))) == "7 frames, 10 needed: set length: trim"
    longer = ask(tmp_path, length="trim")
    assert (longer.frames == pictures(12)[:10]).all() and not longer.trimmed
    assert (longer.audio == speech(12)[:6400]).all()
    shorter = ask(tmp_path, request("b"), length="trim")
    assert shorter.file is not None and shorter.trimmed


def test_wrong_length_after_conversion(tmp_path: Path) -> None:
    """The frames that count are those at 25 per second: 30 at 30 fps are 25."""
    write_at(tmp_path / "a.mkv", pictures(30), 30)
    for n, failure in ((25, None), (24, "25 frames, 24 needed"), (26, "25 frames, 26 needed")):
        answer = ask(tmp_path, request(n_frames=n), frame_rate="resample")
        if failure is None:
            assert len(answer.frames) == 25
        else:
            assert reason(answer) == f"{failure}: set length: trim"
    cut = ask(tmp_path, request(n_frames=20), frame_rate="resample", length="trim")
    assert len(cut.frames) == 20 and not cut.trimmed
    short = ask(tmp_path, request(n_frames=26), frame_rate="resample", length="trim")
    assert len(short.frames) == 25 and short.trimmed


def test_sound(tmp_path: Path) -> None:
    """Without a track nothing is made up: pictures are scored, metrics of sound say what is missing."""
    write_lossless(tmp_path / "a.mkv", pictures(), None)
    assert ask(tmp_path).file is not None
    write_lossless(tmp_path / "b.mkv", pictures(10, 64, 64), None)
    assert len(ask(tmp_path, request("b"), size="resample").audio) == 0
    lent = ask(tmp_path, sound="request")
    assert (
        lent.frames == pictures()
    ).all() and lent.audio is None  # the harness adds the request's


LATIN_1 = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize(
    "clip_id, file, pattern",
    [
        ("a", "a.mp4", "{clip}"),
        ("a", "a.AVI", "{clip}.AVI"),
        ("a", "out/a_final.mkv", "out/{clip}_final"),
        ("a", "a/video.mp4", "{clip}/video.mp4"),
        ("two words", "two words.mp4", "{clip}"),
        ("it's %22quoted%22", 'it\'s "quoted".mp4', "{clip}"),
        ("caf%E9", LATIN_1 + ".mp4", "{clip}"),
        ("caf%E9", "caf%E9.mp4", "{clip}"),
        ("caf%E9", "caf%25E9.mp4", "{clip}"),
        ("anna__one", "anna__one.mp4", "{clip}"),
        ("anna__one", "anna/one.mp4", "{clip}"),
        ("ü 漢", "%C3%BC %E6%BC%A2.mkv", "{clip}"),
        ("v1.2", "v1.2.mp4", "{clip}"),
        ("a.mp4", "a.mp4", "{clip}"),
    ],
)
def test_names_are_found(tmp_path: Path, clip_id: str, file: str, pattern: str) -> None:
    target = tmp_path / file
    try:
        target.parent.mkdir(exist_ok=True)
        target.touch()
    except OSError:
        pytest.skip("this file system refuses names that are no UTF-8")
    assert find_video(tmp_path, pattern, clip_id) == target.resolve()


def test_several_videos_of_one_clip_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.mkv").touch()
    (tmp_path / "a.txt").touch()
    with pytest.raises(ClipFailure, match=r"several videos for clip a \(.mkv, .mp4\): set pattern"):
        find_video(tmp_path, "{clip}", "a")
    assert find_video(tmp_path, "{clip}.mkv", "a").suffix == ".mkv"


@settings(max_examples=100, deadline=None)
@given(
    st.text(min_size=1, max_size=300).filter(
        lambda s: not any(0xD800 <= ord(c) < 0xE000 for c in s)
    )
)
def test_no_id_leaves_the_root(tmp_path_factory: pytest.TempPathFactory, clip_id: str) -> None:
    root = tmp_path_factory.getbasetemp() / "confined"
    root.mkdir(exist_ok=True)
    with pytest.raises(ClipFailure, match="no video for clip"):
        find_video(root, "{clip}", clip_id)


@pytest.mark.parametrize("clip_id", ["../secret", "..__secret", "%2E%2E%2Fsecret", "/etc/hosts"])
def test_traversal_finds_nothing(tmp_path: Path, clip_id: str) -> None:
    (tmp_path / "secret.mp4").touch()
    (tmp_path / "inner").mkdir()
    with pytest.raises(ClipFailure, match="no video"):
        find_video(tmp_path / "inner", "{clip}", clip_id)


def test_links_are_followed(tmp_path: Path) -> None:
    write_lossless(tmp_path / "real.mkv", pictures(), speech())
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mkv").symlink_to(tmp_path / "real.mkv")
    answer = ask(tmp_path / "videos")
    assert answer.file.is_file() and not answer.file.is_symlink()


def test_training_is_declared(tmp_path: Path) -> None:
    def trained(**options: Any) -> Any:
        return PLUGIN.build(FolderOptions(tmp_path, **options), CONTEXT).trained_on

    assert trained() is None
    actors = tmp_path / "actors.txt"
    actors.write_text("1003\n\n 1004 \n")
    declared = trained(
        trained_on="crema_d", trained_actors=(1001, "1002"), trained_actors_file=actors
    )
    assert declared.dataset == "crema_d"
    assert declared.actors == {"1001", "1002", "1003", "1004"}
    actors.write_text("\n")
    with pytest.raises(UserError, match=r"actors.txt: names no actor"):  # none is a strong claim
        trained(trained_on="crema_d", trained_actors_file=actors)
    with pytest.raises(UserError, match=r"absent.txt cannot be read: .*one actor a line"):
        trained(trained_on="crema_d", trained_actors_file=tmp_path / "absent.txt")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"pattern": "video.mp4"}, "lacks {clip}"),
        ({"pattern": "../{clip}"}, "leaves the root"),
        ({"trained_actors": [1]}, "trained actors need `trained_on`"),
        ({"trained_on": "crema_d"}, "trained_on needs trained_actors"),
        ({"length": "loose"}, "length"),
    ],
)
def test_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(FolderOptions).validate_python({"root": Path("x"), **options})


def test_missing_folder_is_named(tmp_path: Path) -> None:
    (lacking,) = PLUGIN.missing(FolderOptions(tmp_path / "nowhere"))
    assert "nowhere" in lacking.what and lacking.command
    assert not PLUGIN.missing(FolderOptions(tmp_path))


def test_a_real_clip_is_converted(tmp_path: Path, assets: Callable[[str], Path]) -> None:
    """30 fps, 512 px, 44.1 kHz: every option has its part."""
    real = assets("clips/speaker_b_512px_30fps_h264.mp4")
    (tmp_path / "b.mp4").symlink_to(real)
    wanted = request("b", n_frames=50, size=64)
    assert reason(ask(tmp_path, wanted)).startswith("30 fps, 25 needed")
    answer = ask(tmp_path, wanted, frame_rate="resample", length="trim", size="resample")
    assert answer.frames.shape == (50, 64, 64, 3) and not answer.trimmed
    assert len(answer.audio) == 50 * 640 and np.abs(answer.audio.astype(int)).max() > 100


# -- lengths are those at 25 frames per second, whatever the number of packets ---------------------


@pytest.mark.parametrize(
    ("name", "wanted", "given"),
    [("02_avi_75_packets_76_ticks.avi", 75, 76), ("02_vfr_50_packets_74_ticks.mkv", 50, 74)],
)
def test_trim_cuts_to_the_frames_that_are_shown(
    name: str, wanted: int, given: int, assets: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / f"a{Path(name).suffix}").write_bytes(assets(f"cases/{name}").read_bytes())
    asked = request(n_frames=wanted, size=128)
    assert reason(ask(tmp_path, asked)) == f"{given} frames, {wanted} needed: set length: trim"
    answer = ask(tmp_path, asked, length="trim")
    assert answer.frames.shape == (wanted, 128, 128, 3)
    assert not answer.trimmed


def write_apart(path: Path, count: int, seconds: int) -> None:
    """A small file whose few frames lie far apart."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(pictures(1)[0], format="rgb24")
            frame.pts = i * seconds * 25
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def test_a_file_that_would_become_far_too_long_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """76 frames 56 s apart would be 105,001 frames and 1.4 GB; with `trim` 10 of them are made."""
    write_apart(tmp_path / "a.mkv", 76, 56)
    assert ask(tmp_path, length="trim", frame_rate="resample").frames.shape[0] == 10
    monkeypatch.setattr("thbench.video.reader.MediaReader.frames", None)
    assert "105001 frames, 10 needed" in reason(ask(tmp_path, frame_rate="resample"))
