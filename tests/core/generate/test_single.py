"""One picture, one sound, one video."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from thbench.errors import UserError
from thbench.generate.single import read_image, single_request, square
from thbench.suite.overrides import options_from
from thbench.video import MediaReader, write_wav


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """120 x 80 px: red left of the middle square, green in it, blue right of it."""
    picture = np.zeros((80, 120, 3), np.uint8)
    picture[:, :20], picture[:, 20:100], picture[:, 100:] = (255, 0, 0), (0, 200, 0), (0, 0, 255)
    path = tmp_path / "me.png"
    path.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    return path


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / "hi.wav"
    write_wav(path, np.random.default_rng(1).integers(-9000, 9000, 5000).astype(np.int16))
    return path


def test_the_largest_square_in_the_middle(image: Path) -> None:
    frame = square(read_image(image), 32)
    assert frame.shape == (32, 32, 3)
    assert (frame == (0, 200, 0)).all()


def test_a_square_of_ones_own(image: Path) -> None:
    assert (square(read_image(image), 8, (100, 0, 20)) == (0, 0, 255)).all()
    for crop in ((101, 0, 20), (-1, 0, 20), (0, 0, 81), (0, 0, 0)):
        with pytest.raises(UserError, match="leaves the picture of 120 x 80"):
            square(read_image(image), 8, crop)


def test_the_request_covers_the_sound(image: Path) -> None:
    frame = square(read_image(image), 16)
    for samples, frames in ((1, 1), (640, 1), (641, 2), (5000, 8)):
        request = single_request(frame, np.zeros(samples, np.int16), 0)
        assert (request.n_frames, request.size, request.fps) == (frames, 16, 25)
    seeds = {single_request(frame, np.zeros(9, np.int16), s).seed for s in (0, 1)}
    assert len(seeds) == 2


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_with_its_sound(thbench, image: Path, audio: Path, suffix: str) -> None:
    out = image.parent / "made" / f"out{suffix}"
    words = ["--generator", "toy-echo", "--image", image, "--audio", audio, "-o", out]
    done = thbench("generate", *words, "--resolution", 64, "--set", "gain=0.5")
    assert done.code == 0, done.err
    assert done.out.strip() == str(out)
    made = MediaReader().read(out)
    assert made.frames.shape == (8, 64, 64, 3)
    assert made.audio is not None
    assert abs(int(made.frames[..., 1].mean()) - 200) < 12
    if suffix == ".mkv":
        assert (made.audio == MediaReader().audio(audio)).all()
        first = out.read_bytes()
        thbench("generate", *words, "--resolution", 64, "--set", "gain=0.5")
        assert out.read_bytes() == first, "the same command gives the same bytes"


def test_a_delivered_file_is_copied_as_it_is(thbench, image: Path, audio: Path) -> None:
    done_video = image.parent / "done"
    done_video.mkdir()
    words = ["--generator", "toy-echo", "--image", image, "--audio", audio]
    thbench("generate", *words, "-o", done_video / "single.mkv")
    out = image.parent / "copy.mkv"
    words[1] = "folder"
    assert thbench("generate", *words, "--set", f"root={done_video}", "-o", out).code == 0
    assert out.read_bytes() == (done_video / "single.mkv").read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--image", "no.png"], "no.png cannot be read: No such file"),
        (["--image", "rubbish.png"], "is no picture"),
        (["--audio", "rubbish.png"], "rubbish.png: "),
        (["--audio", "empty.wav"], "holds no sound"),
        (["-o", "out.gif"], "unknown suffix '.gif'"),
        (["--generator", "toy-eco"], "did you mean 'toy-echo'"),
        (["--set", "gian=1"], "did you mean 'gain'"),
        (["--set", "gain"], "not of the form key=value"),
        (["--set", "fault=refuse"], "toy-echo failed: the toy refuses"),
        (["--set", "fault=silent"], "gave no answer"),
        (["--set", "fault=size"], "frames of (8, 130, 130, 3) uint8, [T, 128, 128, 3]"),
        (["--crop", "1,2"], "not X,Y,SIDE"),
        (["demo"], "SUITE or --generator"),
    ],
)
def test_mistakes_are_one_line(
    thbench,
    image: Path,
    audio: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(image.parent)
    Path("rubbish.png").write_bytes(b"rubbish" * 9)
    write_wav(Path("empty.wav"), np.zeros(0, np.int16))
    given = ["--generator", "toy-echo", "--image", image, "--audio", audio, "-o", "out.mp4"]
    done = thbench("generate", *given, *words)
    assert done.code == 2
    assert says in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_everything_is_needed(thbench, image: Path) -> None:
    done = thbench("generate", "--generator", "toy-echo", "--image", image)
    assert "needs --image, --audio and -o" in done.err


def test_options_are_yaml() -> None:
    assert options_from(["steps=20", "name=a b", "on=true"]) == {
        "steps": 20,
        "name": "a b",
        "on": True,
    }


@pytest.mark.parametrize("decode", ["exact", "ffmpeg-default"])
def test_a_delivered_file_is_decoded_as_it_was_asked(
    thbench, image: Path, audio: Path, decode: str
) -> None:
    done = image.parent / "done"
    done.mkdir()
    words = ["--generator", "toy-echo", "--image", image, "--audio", audio, "--resolution", 64]
    thbench("generate", *words, "-o", done / "single.mp4")
    out = image.parent / "out.mkv"
    words[1] = "folder"
    words += ["--set", f"root={done}", "--decode", decode, "-o", out]
    assert thbench("generate", *words).code == 0
    made = MediaReader().read(out).frames  # without loss, whichever way it is read
    wanted = MediaReader(decode=decode).read(done / "single.mp4").frames  # type: ignore[arg-type]
    other = "exact" if decode == "ffmpeg-default" else "ffmpeg-default"
    unlike = MediaReader(decode=other).read(done / "single.mp4").frames  # type: ignore[arg-type]
    assert (made == wanted).all() and (made != unlike).any()
