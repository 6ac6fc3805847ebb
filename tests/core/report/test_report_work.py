"""How much work a report is: each picture decoded once, encoded once, and not at all the second time."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from guards import some
from made import clicking, counted
from media import flash_frames, write_media
from runs import EVERY_CONTROL, Run, start
from thbench.controls import CONTROLS
from thbench.engines.local import LocalEngine
from thbench.report import workers
from thbench.report.looks import Look
from thbench.report.page import Options, write_report
from thbench.report.preview_files import PRESET, write_preview_files
from thbench.report.workers import fitting
from thbench.run.folder import VideoFolder
from thbench.run.records import video_record
from thbench.video import MediaReader, write_h264, writer
from thbench.video.playable import plays_in_browsers
from thbench.video.sounds import SharedSound, write_h264_under

ENGINE = LocalEngine(1)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Files whose frames were decoded, and one entry per picture that was encoded as H.264."""
    done: dict[str, list[str]] = {"decoded": [], "encoded": [], "sound": []}
    frames, encoded = MediaReader.frames, writer._Picture.encoded

    def counting_frames(self: Any, path: Path, *more: Any) -> Any:
        done["decoded"].append(f"{path.parent.parent}/{path.name}")
        return frames(self, path, *more)

    def counting_encoded(self: Any, context: Any, pictures: Any) -> Any:
        done["encoded"].append(self.codec)
        return encoded(self, context, pictures)

    sound_encoded = writer._Sound.encoded

    def counting_sound(self: Any, upto: int | None) -> Any:
        done["sound"] += [] if upto else ["all of it"]
        return sound_encoded(self, upto)

    monkeypatch.setattr(writer._Sound, "encoded", counting_sound)
    monkeypatch.setattr(MediaReader, "frames", counting_frames)
    monkeypatch.setattr(writer._Picture, "encoded", counting_encoded)
    return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two clips, one system and every control that is made of videos."""
    text = (
        EVERY_CONTROL + f"controls: [{', '.join(c for c in CONTROLS if c != 'reference-halves')}]\n"
    )
    run = start(tmp_path_factory.mktemp("work"), text, ["limits.clips=2"])
    run.both()
    return run


def different(run: Path, *what: str) -> set[tuple[str, ...]]:
    """What different values the records of all videos have there."""
    records = [json.loads(line) for j in run.rglob("journal.jsonl") for line in j.open()]
    return {tuple(r[key] for key in what) for r in records if "picture" in r}


def test_each_picture_is_decoded_and_encoded_once(
    finished: Run, tmp_path: Path, work: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Previews, curves, drift and film strips; the ground truth's picture has three sounds."""
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    root, out = finished.job.run.root, tmp_path / "out"
    write_report(root, out, ENGINE, Options(explain=0))
    assert len(work["decoded"]) == len(different(root, "picture")) == len(set(work["decoded"]))
    previews = list(out.glob("video/*/*.mp4"))
    assert len(work["encoded"]) == len(different(root, "frames_digest")) < len(previews)
    assert len(work["sound"]) == len(different(root, "clip", "audio_digest"))
    assert len(list(out.glob("strips/*.png"))) == 2
    before = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}

    for done in work.values():
        done.clear()
    write_report(root, out, ENGINE, Options())
    assert len(work["decoded"]) == 2, "the worst moment of the one metric: system and ground truth"

    work["decoded"].clear()
    write_report(root, out, ENGINE, Options())  # nothing changed
    write_report(root, tmp_path / "again", ENGINE, Options(strips=0))  # all from what is kept
    assert not any(work.values())
    videos = [p for p in before if p.suffix == ".mp4"]
    assert all((tmp_path / "again" / p).read_bytes() == before[p] for p in some(videos))


def test_a_lost_film_strip_is_drawn_again(finished: Run, tmp_path: Path) -> None:
    root, out = finished.job.run.root, tmp_path / "out"
    write_report(root, out, ENGINE, Options())
    first = sorted(out.glob("strips/*.png"))[0]
    content = first.read_bytes()
    first.unlink()
    write_report(root, out, ENGINE, Options())
    assert first.read_bytes() == content


@pytest.mark.slow
def test_the_number_of_workers_changes_no_byte(finished: Run, tmp_path: Path) -> None:
    for count in (1, 2):
        write_report(finished.job.run.root, tmp_path / str(count), LocalEngine(count), Options())
    one, two = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")}
        for n in "12"
    )
    assert one == two


def test_files_that_share_a_picture_are_as_if_alone(tmp_path: Path) -> None:
    frames, audio = counted(40), clicking(40)
    sounds = {"a.mp4": audio, "b.mp4": audio[: 25 * 640 + 7], "c.mp4": None}
    shared = {tmp_path / name: SharedSound(sound) for name, sound in sounds.items()}
    for shown in (
        frames,
        frames[:30],
        frames[:10],
        255 - frames,
    ):  # the last of a length seen before
        write_h264_under(shared, shown, crf=18)
        for name, sound in some(sounds.items()):
            write_h264(tmp_path / "alone.mp4", shown, sound, crf=18)
            assert (tmp_path / name).read_bytes() == (tmp_path / "alone.mp4").read_bytes(), name


def test_previews_are_encoded_by_a_quicker_preset_and_show_the_frames(tmp_path: Path) -> None:
    frames = counted(40)
    quick, slow = tmp_path / "quick.mp4", tmp_path / "slow.mp4"
    write_h264_under({quick: SharedSound(None)}, frames, 18, PRESET)
    write_h264(slow, frames, None, 18)
    assert quick.read_bytes() != slow.read_bytes()
    with av.open(str(quick)) as file:
        seen = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
    assert seen.shape == frames.shape
    assert np.abs(seen.astype(int) - frames).mean() < 2


def test_a_delivered_file_that_browsers_play_is_copied(
    tmp_path: Path, work: dict[str, list[str]]
) -> None:
    folder = VideoFolder(tmp_path, tmp_path / "systems" / "a")
    stored, frames = folder.file("c", ".mp4"), counted(10)
    stored.parent.mkdir(parents=True)
    write_h264(stored, frames, clicking(10))
    record = {**video_record(folder, "c", stored, frames, clicking(10), [stored]),
              "store": "delivered h264 + aac"}  # fmt: skip
    for done in work.values():
        done.clear()
    assert not write_preview_files(
        Look(folder, record), {tmp_path / "p.mp4": (folder, record)}, 18, {}
    )
    assert (tmp_path / "p.mp4").read_bytes() == stored.read_bytes()
    assert not any(work.values())


def test_what_browsers_do_not_play_as_it_is_is_not_taken_for_that(tmp_path: Path) -> None:
    frames, file = counted(10), tmp_path / "a.mp4"
    write_h264(file, frames, clicking(10))
    assert plays_in_browsers(file, 10, 96)
    assert not plays_in_browsers(file, 9, 96)
    assert not plays_in_browsers(file, 10, 64)
    other = file.rename(tmp_path / "a.mov")
    assert not plays_in_browsers(other, 10, 96)
    assert not plays_in_browsers(tmp_path / "none.mp4", 10, 96)
    fast = flash_frames(Fraction(30))
    write_media(tmp_path / "30.mp4", fast, Fraction(30), None, 0, "mp4", ("libx264", ""))
    assert not plays_in_browsers(tmp_path / "30.mp4", len(fast), 64)
    write_media(tmp_path / "old.mp4", frames, Fraction(25), None, 0, "mp4", ("mpeg4", ""))
    assert not plays_in_browsers(tmp_path / "old.mp4", 10, 96)
    (tmp_path / "half.mp4").write_bytes(other.read_bytes()[:2000])
    assert not plays_in_browsers(tmp_path / "half.mp4", 10, 96)


def test_more_processes_only_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "usable_cores", lambda: 4)
    assert [workers.workers_for(n) for n in (0, 100, 3200, 10**6)] == [1, 1, 2, 4]
    assert fitting(ENGINE, 10**6) is ENGINE
    assert fitting(None, 10**6).workers == 4
