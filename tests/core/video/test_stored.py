"""Videos that are read when asked for, held in memory, or views of another."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from guards import some
from media import noise, sound
from thbench import video
from thbench.api import ClipFailure, Media, Video
from thbench.plugins.context import MediaFiles
from thbench.video import MemoryVideo, StoredVideo
from thbench.video.stored import Watched


def stored(folder: Path, n: int = 12) -> tuple[StoredVideo, MemoryVideo]:
    marks = np.arange(n * 4, dtype=np.float32).reshape(n, 4)
    each = {"landmarks": marks, "lids": marks[:, 0], "scale": np.float64(2)}
    held = MemoryVideo(noise(n), sound(n * 640 + 100), each)
    video.write_lossless(folder / "a.mkv", held.frames, held.audio)
    np.savez(folder / "a.npz", **held.annotations)
    lazy = StoredVideo(folder / "a.mkv", held.digest, n, 32, annotations_file=folder / "a.npz")
    return lazy, held


def test_a_stored_video_decodes_once_and_only_when_asked(tmp_path: Path) -> None:
    lazy, held = stored(tmp_path)
    before = video.decode_count()
    part = lazy.cut(5).bare()
    assert (lazy.digest, lazy.n_frames, lazy.size) == (held.digest, 12, 32)
    assert (part.n_frames, part.size, len(part.digest)) == (5, 32, 64)
    assert list(lazy.annotations) == ["landmarks", "lids", "scale"]
    assert video.decode_count() == before
    for _ in range(2):
        assert np.array_equal(lazy.frames, held.frames) and np.array_equal(
            part.frames, held.frames[:5]
        )
    assert video.decode_count() == before + 1
    assert lazy.frames is lazy.frames and part.frames.base is not None
    for _ in range(2):
        assert np.array_equal(lazy.audio, held.audio)  # type: ignore[arg-type]
    assert video.decode_count() == before + 2


def test_arrays_are_read_only(tmp_path: Path) -> None:
    for clip in some(stored(tmp_path)):
        for view in (clip, clip.cut(3)):
            for array in (view.frames, view.audio, view.annotations["landmarks"]):
                with pytest.raises(ValueError, match="read-only"):
                    array[0] = 0
            with pytest.raises(TypeError, match="item assignment"):
                view.annotations["new"] = 1  # type: ignore[index]


def test_cuts(tmp_path: Path) -> None:
    for clip in stored(tmp_path):
        part = clip.cut(5)
        assert len(part.audio) == 5 * 640  # type: ignore[arg-type]
        assert part.annotations["landmarks"].shape == (5, 4)
        assert part.annotations["lids"].shape == (5,)
        assert part.annotations["scale"] == 2 and part.bare().annotations == {}
        assert part.bare().digest == part.digest != clip.digest
        assert len({clip.cut(4).digest, clip.cut(5).digest, clip.cut(5).cut(4).digest}) == 3
        assert (clip.cut(1).n_frames, clip.cut(12).n_frames) == (1, 12)
        for n in (0, 13):
            with pytest.raises(ValueError, match="cut 12 frames"):
                clip.cut(n)
    lazy, held = stored(tmp_path)
    assert lazy.cut(7).digest == held.cut(7).digest


def test_sound_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    lazy, held = stored(tmp_path)
    video.write_wav(tmp_path / "other.wav", sound(500, seed=9))
    other = StoredVideo(tmp_path / "a.mkv", "d", 12, 32, sound=tmp_path / "other.wav")
    assert np.array_equal(other.audio, sound(500, seed=9))  # type: ignore[arg-type]
    shared = StoredVideo(tmp_path / "a.mkv", "d", 12, 32, sound=tmp_path / "a.mkv")
    assert np.array_equal(shared.audio, held.audio)  # type: ignore[arg-type]
    assert lazy.digest == video.video_digest(
        video.frames_digest(held.frames), video.audio_digest(held.audio)
    )


def test_a_stored_video_that_changed_is_refused(tmp_path: Path) -> None:
    stored(tmp_path)
    for n, size in ((11, 32), (13, 32), (12, 16)):
        said = rf"(not the {n} frames of {size}x{size} that|12 frames, {n}) were recorded"
        with pytest.raises(ClipFailure, match=said):
            _ = StoredVideo(tmp_path / "a.mkv", "d", n, size).frames
    (tmp_path / "bad.npz").write_bytes(b"PK no archive")
    broken = StoredVideo(tmp_path / "a.mkv", "d", 12, 32, annotations_file=tmp_path / "bad.npz")
    with pytest.raises(ClipFailure, match=r"bad\.npz cannot be read"):
        _ = broken.annotations


def test_annotations_never_unpickle(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    lazy = StoredVideo(tmp_path / "a.mkv", "d", 1, 8, annotations_file=tmp_path / "a.npz")
    with pytest.raises(ClipFailure, match="cannot be read"):
        _ = lazy.annotations


def test_videos_travel_without_their_frames(tmp_path: Path) -> None:
    lazy, held = stored(tmp_path)
    assert lazy.frames.size and lazy.audio is not None and lazy.annotations
    for view in (lazy, lazy.cut(3), lazy.bare()):
        data = pickle.dumps(view)
        assert len(data) < 2000
        assert np.array_equal(pickle.loads(data).frames, view.frames)
    copy = pickle.loads(pickle.dumps(held))
    assert np.array_equal(copy.frames, held.frames) and copy.digest == held.digest
    assert np.array_equal(copy.annotations["landmarks"], held.annotations["landmarks"])


def test_types_meet_the_contract(tmp_path: Path) -> None:
    media: Media = MediaFiles()
    lazy, held = stored(tmp_path)
    videos: list[Video] = [lazy, held, lazy.cut(2), lazy.bare()]
    assert media.read(tmp_path / "a.mkv").fps == 25 and {v.size for v in videos} == {32}


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        (("x", 12, 32), ("x", 12, 32), True),
        (("x", 12, 32), ("y", 12, 32), False),
        ((None, 12, 32), (None, 12, 32), False),
        (("x", 12, 32), ("x", 11, 32), False),
        (("x", 12, 32), ("x", 12, 16), False),
    ],
)
def test_frames_are_those_of_another_video_where_both_show_the_same(
    tmp_path: Path, one: tuple, other: tuple, is_shared: bool
) -> None:
    """One decode for several sounds; frames come from the other file, which here is the only one there is."""
    _, held = stored(tmp_path)
    first, second = (
        StoredVideo(tmp_path / name, "d", n, size, frames_digest=sha)
        for name, (sha, n, size) in (("absent.mkv", one), ("a.mkv", other))
    )
    second.__dict__["frames"] = held.frames
    shown = first.shown_by(second)
    assert shown is first
    if is_shared:
        assert shown.frames is held.frames
        return
    with pytest.raises(ClipFailure, match=r"absent\.mkv"):
        _ = shown.frames


def test_who_asks_for_sound_or_digest_is_noticed(tmp_path: Path) -> None:
    _, held = stored(tmp_path)
    for ask, heard in (
        (lambda v: v.frames, False),
        (lambda v: v.annotations, False),
        (lambda v: v.audio, True),
        (lambda v: v.digest, True),
    ):
        watched = Watched(held)
        assert not watched.heard
        ask(watched)
        assert watched.heard is heard
