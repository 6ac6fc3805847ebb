"""What a generator may give: frames or a file, whole or trimmed, its own sound or the request's; nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runs import Run, start
from thbench import video
from thbench.api import Failure, Generated, Request
from thbench.generate.answers import _store_answer

N, SIZE = 12, 32


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return start(tmp_path)


def request() -> Request:
    rng = np.random.default_rng(1)
    return Request(
        clip_id="1001_AAA",
        identity_frame=np.zeros((SIZE, SIZE, 3), np.uint8),
        audio=rng.integers(-900, 900, N * 640, dtype=np.int16),
        n_frames=N,
        size=SIZE,
        seed=1,
    )


def frames(n: int = N, size: int = SIZE, dtype: Any = np.uint8) -> Any:
    return np.random.default_rng(2).integers(0, 256, (n, size, size, 3)).astype(dtype)


def stored(run: Run, answer: Any) -> dict[str, Any]:
    return dict(_store_answer(run.job.run.system("echo"), request(), answer, "exact")[0])


def test_all_frames_are_stored_losslessly_with_the_requests_sound(run: Run) -> None:
    record = stored(run, Generated("1001_AAA", frames()))
    assert "failure" not in record and "trimmed" not in record
    assert (record["store"], record["track"], record["n_frames"]) == ("lossless", "request", N)
    opened = run.job.run.system("echo").open(record)
    assert np.array_equal(opened.frames, frames())
    assert np.array_equal(opened.audio, request().audio)
    assert record["digest"] == opened.digest


def test_sound_of_its_own_is_kept(run: Run) -> None:
    own = np.arange(N * 640, dtype=np.int16)
    record = stored(run, Generated("1001_AAA", frames(), audio=own))
    assert record["track"] == "own"
    assert np.array_equal(run.job.run.system("echo").open(record).audio, own)


def test_a_video_trimmed_on_purpose_is_marked_and_a_whole_one_is_not(run: Run) -> None:
    assert stored(run, Generated("1001_AAA", frames(N - 1), trimmed=True))["trimmed"] is True
    assert "trimmed" not in stored(run, Generated("1001_AAA", frames(N), trimmed=True))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Generated("1001_AAA", frames(N - 1)), "the generator gave 11 frames, 12 needed"),
        (Generated("1001_AAA", frames(N + 1)), "the generator gave 13 frames, 12 needed"),
        (Generated("1001_AAA", frames(N + 1), trimmed=True), "13 frames, 12 needed"),
        (Generated("1001_AAA", frames(size=30)), "the generator gave 30 x 30 px frames, 32 x 32 needed"),
        (Generated("1001_AAA", frames(dtype=np.float32)), "the generator gave float32 frames, uint8 needed"),
        (Generated("1001_AAA"), "neither frames nor a file, or both"),
        (Generated("1001_AAA", frames(), file=Path("x.mp4")), "neither frames nor a file, or both"),
        ("a text", "neither frames nor a file, or both"),
        (Generated("1001_AAA", frames(), audio=np.zeros(9)), "sound that is not mono 16-bit"),
        (Generated("1001_AAA", frames(), audio=np.zeros((9, 2), np.int16)), "not mono 16-bit"),
        (Generated("1001_AAA", file=Path("absent.mp4")), "the delivered file absent.mp4 does not exist"),
        (Failure("1001_AAA", "no\n  face"), "no face"),
    ],
)  # fmt: skip
def test_everything_else_is_a_counted_failure(run: Run, answer: Any, says: str) -> None:
    record = stored(run, answer)
    assert set(record) == {"clip", "failure"}
    assert says in record["failure"]
    assert not list(run.job.run.system("echo").path.rglob("*.mkv"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_delivered_file_is_kept_byte_for_byte(run: Run, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"given{suffix.upper()}"
    write = video.write_h264 if suffix == ".mp4" else video.write_lossless
    write(file, frames(), request().audio)
    record = stored(run, Generated("1001_AAA", file=file))
    kept = run.job.run.system("echo").path / "videos" / f"1001_AAA{suffix}"
    assert kept.read_bytes() == file.read_bytes()
    assert record["track"] == "own" and record["store"].startswith("delivered ")


def test_a_silent_file_has_no_track(run: Run, tmp_path: Path) -> None:
    video.write_lossless(tmp_path / "a.mkv", frames(), None)
    assert stored(run, Generated("1001_AAA", file=tmp_path / "a.mkv"))["track"] == "none"


def test_a_delivered_link_is_not_followed(run: Run, tmp_path: Path) -> None:
    video.write_lossless(tmp_path / "a.mkv", frames(), None)
    (tmp_path / "link.mkv").symlink_to(tmp_path / "a.mkv")
    record = stored(run, Generated("1001_AAA", file=tmp_path / "link.mkv"))
    assert "link.mkv does not exist" in record["failure"]


@pytest.mark.parametrize(("n", "trimmed"), [(N + 1, False), (N + 1, True), (N - 1, False)])
def test_a_delivered_file_of_another_length_is_a_failure(
    run: Run, tmp_path: Path, n: int, trimmed: bool
) -> None:
    video.write_lossless(tmp_path / "a.mkv", frames(n), None)
    record = stored(run, Generated("1001_AAA", file=tmp_path / "a.mkv", trimmed=trimmed))
    assert f"{n} frames, {N} needed" in record["failure"]


def test_the_digest_is_of_what_is_seen_and_heard_not_of_the_file(run: Run) -> None:
    one = stored(run, Generated("1001_AAA", frames()))
    other = stored(run, Generated("1001_AAA", frames(), audio=request().audio.copy()))
    assert one["digest"] == other["digest"]
    changed = frames()
    changed[3, 4, 5, 1] ^= 1
    assert stored(run, Generated("1001_AAA", changed))["digest"] != one["digest"]
