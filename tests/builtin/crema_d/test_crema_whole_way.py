"""Fetch (stopped, resumed, fixed), verify, prepare, show: on real faces, from a local host."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from crema_place import DAMAGED, FRAMES, HUNG, POINTER, Done, Place, thbench
from crema_server import pointer_text
from crema_tree import CUTS, GOOD, SHORT, TRUNCATED
from guards import some
from thbench.api import ClipFailure
from thbench.suite.clips import fetchable, reduced_suite
from thbench.testing import check_dataset
from thbench.video import MediaReader
from thbench_crema_d.make_manifest import manifest_of, write_manifest

pytestmark = pytest.mark.usefixtures("weights")


def test_a_stopped_fetch_leaves_parts_and_goes_on_inside_them(
    place: Place, fetched: dict[str, Done]
) -> None:
    assert fetched["stopped"].code == 130, fetched["stopped"].err
    assert "continues" in fetched["stopped"].err
    assert Path(HUNG).name in fetched["parts"].out
    ranges = [r for path, r in place.host.asked if path == HUNG]
    assert ranges[0] is None
    start = int(re.fullmatch(r"bytes=(\d+)-", str(ranges[1]))[1])
    assert 0 < start <= (place.root / HUNG).stat().st_size // 2


def test_what_the_host_gives_wrongly_is_named_and_never_kept(fetched: dict[str, Done]) -> None:
    bad = fetched["bad"]
    assert bad.code == 1
    assert f"{POINTER}: the address gives the Git LFS pointer" in bad.err
    assert f"{DAMAGED}: SHA-256" in bad.err
    assert ", 2 failed" in bad.out
    fixed = fetched["fixed"]
    assert fixed.code == 0, fixed.err
    assert "2 files fetched" in fixed.out
    assert f"{2 * len(CUTS) - 2} were here already, 0 failed" in fixed.out


def test_fetched_files_are_the_published_ones(place: Place, fetched: dict[str, Done]) -> None:
    done = thbench("data", "verify", "crema_d", *place.where())
    assert done.code == 0
    assert f"{2 * len(CUTS)} good" in done.out
    assert not list(place.root.rglob("*.part"))
    published = place.manifest.parent
    for file in place.root.rglob("*.flv"):
        assert file.read_bytes() == (published / file.relative_to(place.root)).read_bytes()


def test_prepare_rejects_with_reasons(prepared: Done) -> None:
    assert prepared.code == 0, prepared.err
    assert f"{len(GOOD)} prepared, 2 rejected, 0 unusable" in prepared.out
    assert f"rejected {SHORT}: too short: 13 frames, 25 needed" in prepared.out
    assert f"rejected {TRUNCATED}: {TRUNCATED}.flv: truncated" in prepared.out


def test_preparing_again_changes_nothing(place: Place, prepared: Done) -> None:
    def state() -> dict[str, int]:
        files = (place.root.parent / "prepared").rglob("*.*")
        return {str(p): p.stat().st_mtime_ns for p in files if p.name != "manifest.json"}

    before = state()
    again = thbench("data", "prepare", "crema_d", *place.where())
    assert f"{len(CUTS)} were done already" in again.out
    assert again.out.splitlines()[-1] == prepared.out.splitlines()[-1]
    assert state() == before


def test_one_and_two_workers_prepare_the_same_bytes(place: Place, prepared: Done) -> None:
    few = [GOOD[1].name, GOOD[2].name, SHORT]
    words = [w for name in few for w in ("--clip", name)]
    done = thbench("data", "prepare", "crema_d", *place.where("two"), *words, "--workers", "2")
    assert done.code == 0, done.err
    one, two = (place.root.parent / name for name in ("prepared", "two"))
    files = {p.relative_to(two) for p in two.rglob("*.*")} - {Path("manifest.json")}
    assert len(files) == 3 + 2 * 2
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    all_of, some = (json.loads((p / "manifest.json").read_text()) for p in (one, two))
    assert some["clips"].items() <= all_of["clips"].items()


def test_records_say_how_a_clip_was_made(place: Place, prepared: Done) -> None:
    for cut in GOOD:
        file = place.root.parent / "prepared" / "records" / f"{cut.name}.json"
        record = json.loads(file.read_text())
        assert record["frames"] == FRAMES
        assert record["recording"]["codec"] == "flv"
        # The WAV starts `early` before the picture; the encoder's delay is not in either of them.
        assert record["sound"]["lag"] == pytest.approx(cut.early * 16_000, abs=16)
        assert record["sound"]["correlation"] > 0.95
        assert len(record["detections"]["interpolated"]) <= 2
        assert 150 <= record["crop"]["side"] <= 360


def test_loaded_clips_are_areas_of_the_master_with_landmarks_in_place(
    place: Place, prepared: Done
) -> None:
    suite = reduced_suite("crema_d", None, place.where()[1::2], {})
    dataset, clips = fetchable(suite, "cpu")
    clip = next(c for c in clips if c.id == GOOD[0].name)
    master, small = dataset.load(clip, 320), dataset.load(clip, 64)
    means = master.frames.reshape(FRAMES, 64, 5, 64, 5, 3).mean(axis=(2, 4))
    assert np.abs(means - small.frames).max() <= 0.5 + 1e-9
    assert len(small.audio) == FRAMES * 640
    edges = small.annotations["landmarks"] + 0.5
    np.testing.assert_allclose(
        edges * 5, master.annotations["landmarks"] + 0.5, rtol=1e-5, atol=1e-3
    )
    mouth = master.annotations["landmarks"][:, 48:].mean(axis=1)
    assert (np.abs(mouth[:, 0] - 160) < 50).all()
    assert ((mouth[:, 1] > 160) & (mouth[:, 1] < 300)).all()


def test_a_recording_cut_by_the_square_that_is_stated_is_the_clip(
    place: Place, prepared: Done
) -> None:
    """So that outputs at the recording's framing are cut as their reference was, through the master."""
    suite = reduced_suite("crema_d", None, place.where()[1::2], {})
    dataset, clips = fetchable(suite, "cpu")
    clip = next(c for c in clips if c.id == GOOD[0].name)
    recording = place.root / f"VideoFlash/{clip.id}.flv"
    for size in (320, 64):
        source = dataset.load(clip, size)
        assert source.frame is not None and source.frame.via == 320
        cut = [source.frame.cut(f, size) for f in MediaReader().frames(recording)]
        assert (np.stack(cut) == source.frames).all()


def test_heads_are_centred_and_the_crop_stands_still(place: Place, prepared: Done) -> None:
    suite = reduced_suite("crema_d", None, place.where()[1::2], {})
    dataset, clips = fetchable(suite, "cpu")
    good = {cut.name for cut in GOOD}
    for clip in some(c for c in clips if c.id in good):
        points = dataset.load(clip, 320).annotations["landmarks"]
        middle = (points.min(axis=1) + points.max(axis=1)) / 2
        assert np.abs(np.median(middle[:, 0]) - 160) < 40, clip.id
        assert points.min() > 0, clip.id
        assert points.max() < 320, clip.id


def test_show_draws_the_landmarks(place: Place, prepared: Done, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    done = thbench("data", "show", "crema_d", GOOD[0].name, "-o", out, *place.where())
    assert done.code == 0, done.err
    sheet = cv2.imread(str(out))
    assert sheet.shape == (640, 1920, 3)
    green = (sheet[320:, :, 1] > 240) & (sheet[320:, :, 0] < 60) & (sheet[320:, :, 2] < 60)
    assert green.sum() > 6 * 68 * 4
    rejected = thbench("data", "show", "crema_d", SHORT, "-o", out, *place.where())
    assert rejected.code == 2
    assert "too short" in rejected.err
    assert "choose another clip" in rejected.err


def test_verify_names_what_is_wrong_with_a_tree(place: Place, tmp_path: Path) -> None:
    """A clone as people have them: a pointer, an old file, a cut one, another one, a missing one."""
    root = tmp_path / "clone"
    for file in place.manifest.parent.rglob("*.*"):
        target = root / file.relative_to(place.manifest.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    pointer = root / "VideoFlash/1001_IEO_ANG_HI.flv"
    pointer.write_bytes(pointer_text(pointer.read_bytes()))
    assert pointer.stat().st_size in (130, 131, 132)
    old = root / "VideoFlash/1005_IWW_DIS_XX.flv"
    _without_sound(old)
    cut = root / "VideoFlash/1091_MTI_FEA_XX.flv"
    cut.write_bytes(cut.read_bytes()[:-1000])
    other = root / "AudioWAV/1001_IEO_ANG_HI.wav"
    content = other.read_bytes()
    other.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (root / "AudioWAV/1001_TIE_NEU_XX.wav").unlink()
    where = [*place.where(), "--root", str(root)]
    done = thbench("data", "verify", "crema_d", *where)
    assert done.code == 1
    for path, word in {
        pointer: "a Git LFS pointer, not the recording",
        old: "older than 2020-12-16",
        cut: "truncated",
        other: "another file than the published one",
        root / "AudioWAV/1001_TIE_NEU_XX.wav": "missing",
    }.items():
        name = path.relative_to(root).as_posix()
        assert f"{name}: {word}" in done.err
        assert "thbench data fetch" in done.err
    fixed = thbench("data", "fetch", "crema_d", *where, "--mirror", place.host.url)
    assert fixed.code == 0, fixed.err
    assert "5 files fetched" in fixed.out
    assert thbench("data", "verify", "crema_d", *where).code == 0


def _without_sound(path: Path) -> None:
    import av

    silent = path.with_suffix(".tmp.flv")
    with av.open(str(path)) as source, av.open(str(silent), "w", format="flv") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    silent.replace(path)


class Impatient:
    """An engine that is stopped after so many clips."""

    def __init__(self, most: int) -> None:
        self.most = most

    def map(self, work: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for i, task in enumerate(tasks):
            if i == self.most:
                raise KeyboardInterrupt
            yield i, work(task)


def test_a_stopped_preparation_goes_on(place: Place, prepared: Done) -> None:
    suite = reduced_suite("crema_d", None, place.where("stopped")[1::2], {})
    dataset, clips = fetchable(suite, "cpu")
    few = [c for c in clips if c.id in {GOOD[0].name, SHORT, TRUNCATED}]
    with pytest.raises(KeyboardInterrupt):
        dataset.prepare(few, Impatient(2))
    assert "1 of 3 clips" in dataset.missing_of(few, "")[-1].what
    account = dataset.prepare(few, Impatient(2))
    assert "0 prepared, 1 rejected, 0 unusable, 2 were done already" in account.lines[0]
    assert dataset.missing_of(few, "") == ()


def test_damage_to_the_prepared_set_is_found_at_load(place: Place, prepared: Done) -> None:
    suite = reduced_suite("crema_d", None, place.where("stopped")[1::2], {})
    dataset, clips = fetchable(suite, "cpu")
    clip = next(c for c in clips if c.id == GOOD[0].name)
    dataset.prepare([clip], Impatient(2))
    points = dataset.prepared.landmarks(clip.id)
    np.save(points, np.load(points) + 1)
    with pytest.raises(ClipFailure, match="not what was stored"):
        dataset.load(clip, 64)
    points.unlink()
    assert dataset.missing_of([clip], "")
    with pytest.raises(ClipFailure, match="landmarks are gone"):
        dataset.load(clip, 64)


def test_unusable_files_are_no_rejects(place: Place, prepared: Done, tmp_path: Path) -> None:
    """A damaged recording is fetched again; nothing is written down against its clip."""
    name = GOOD[0].name
    for kind in ("VideoFlash", "AudioWAV"):
        (tmp_path / kind).mkdir()
    wav = f"AudioWAV/{name}.wav"
    (tmp_path / wav).write_bytes((place.root / wav).read_bytes())
    words = [*place.where("unusable"), "--root", tmp_path, "--clip", name]
    done = thbench("data", "prepare", "crema_d", *words)
    assert done.code == 1
    assert f"VideoFlash/{name}.flv: missing" in done.err
    pointer = tmp_path / "VideoFlash" / f"{name}.flv"
    pointer.write_bytes(pointer_text((place.root / "VideoFlash" / f"{name}.flv").read_bytes()))
    pointed = thbench("data", "prepare", "crema_d", *words)
    assert f"VideoFlash/{name}.flv: a Git LFS pointer, not the recording" in pointed.err
    assert "1 unusable" in done.out
    assert not (place.root.parent / "unusable" / "records").exists()


def test_of_two_clips_with_one_wav_the_wrong_one_is_rejected(
    place: Place, fetched: dict[str, Done], tmp_path: Path
) -> None:
    """As 1006_TIE_HAP_XX and 1006_TIE_NEU_XX are published: different pictures, the same sound."""
    pair = {"1006_TIE_HAP_XX": GOOD[0].name, "1006_TIE_NEU_XX": GOOD[2].name}
    for folder, kind, names in (
        ("VideoFlash", "flv", pair),
        ("AudioWAV", "wav", dict.fromkeys(pair, GOOD[0].name)),
    ):
        (tmp_path / folder).mkdir()
        for name, real in names.items():
            content = (place.root / folder / f"{real}.{kind}").read_bytes()
            (tmp_path / folder / f"{name}.{kind}").write_bytes(content)
    write_manifest(manifest_of(tmp_path), tmp_path / "files.csv")
    words = ["--root", tmp_path, "--manifest", tmp_path / "files.csv"]
    words += ["--set", f"dataset.prepared={tmp_path / 'set'}", "--set", "split={test: [1006]}"]
    done = thbench("data", "prepare", "crema_d", *words)
    assert "2 clips: 1 prepared, 1 rejected" in done.out
    assert "rejected 1006_TIE_NEU_XX: the WAV is not the sound of the FLV" in done.out


@pytest.mark.parametrize("workers", [1, 2])
def test_a_set_that_cannot_be_written_is_a_users_mistake(
    place: Place, prepared: Done, tmp_path: Path, workers: int
) -> None:
    (tmp_path / "file").write_text("in the way")
    there = f"dataset.prepared={tmp_path / 'file' / 'set'}"
    words = [there if str(w).startswith("dataset.prepared=") else w for w in place.where()]
    done = thbench("data", "prepare", "crema_d", *words, "--clip", SHORT, "--workers", workers)
    assert done.code == 2
    assert f"cannot write {tmp_path / 'file' / 'set'}/" in done.err
    assert "Not a directory" in done.err


@pytest.mark.slow
def test_it_conforms(place: Place, prepared: Done, tmp_path: Path) -> None:
    """With a manifest of the usable clips: a dataset that lacks nothing."""
    lines = place.manifest.read_text().splitlines(keepends=True)
    good = {cut.name for cut in GOOD}
    usable = tmp_path / "usable.csv"
    usable.write_text("".join([lines[0], *(x for x in lines if x.split(",")[0] in good)]))
    options = {"root": place.root, "prepared": place.root.parent / "prepared", "manifest": usable}
    check_dataset("crema_d", {name: str(path) for name, path in options.items()})
