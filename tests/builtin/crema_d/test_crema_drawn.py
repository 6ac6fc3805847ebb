"""CREMA-D from the first command to a number on drawn people: fetch, verify, prepare, run; no test asset is needed."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import thbench_crema_d.recipe  # noqa: F401 - reads the real weights' names before they are stood in for
import thbench_face
from crema_place import Done, Place, thbench
from crema_server import serving
from drawn_crema import CLIPS, Drawn, Knowing, drawn, make_drawn_tree
from thbench.plugins import registry
from thbench.suite.clips import fetchable, reduced_suite

pytestmark = pytest.mark.slow  # their common start alone is


@dataclass(frozen=True)
class Way:
    place: Place
    clips: dict[str, Drawn]
    knowing: Knowing
    done: dict[str, Done]


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """Fetched from a local host and prepared, with stand-ins registered in the place of the published networks."""
    folder = tmp_path_factory.mktemp("drawn")
    clips = {name: drawn(name) for name in CLIPS}
    tree = make_drawn_tree(folder / "published", clips)
    knowing = Knowing(clips)
    with pytest.MonkeyPatch.context() as patch, serving(tree) as host:
        (folder / "weights").mkdir()
        for name in ("YUNET", "PFLD"):
            item = getattr(thbench_face, name)
            (folder / "weights" / item.file).write_bytes(b"a stand-in")
            sha256 = hashlib.sha256(b"a stand-in").hexdigest()
            patch.setattr(thbench_face, name, replace(item, sha256=sha256, size=10))
        patch.setenv("THBENCH_WEIGHTS", str(folder / "weights"))
        patch.setenv("THBENCH_CACHE", str(folder / "cache"))
        patch.setattr("thbench_crema_d.prepare.backend", lambda *given: knowing)
        registry.cache_clear()
        place = Place(folder / "root", tree / "files.csv", host)
        words = ["crema_d", *place.where()]
        done = {
            "fetch": thbench("data", "fetch", *words, "--mirror", host.url),
            "verify": thbench("data", "verify", *words),
            "prepare": thbench("data", "prepare", *words),
        }
        yield Way(place, clips, knowing, done)
    registry.cache_clear()


def test_every_command_of_the_way_succeeds(way: Way) -> None:
    assert {name: done.code for name, done in way.done.items()} == {
        "fetch": 0, "verify": 0, "prepare": 0,
    }  # fmt: skip
    assert f"{2 * len(CLIPS)} files fetched" in way.done["fetch"].out
    assert f"{2 * len(CLIPS)} good" in way.done["verify"].out
    assert f"{len(CLIPS)} prepared, 0 rejected, 0 unusable" in way.done["prepare"].out
    assert way.knowing.calls >= len(CLIPS) * 25, "the stand-in was not asked"


def loaded(way: Way, size: int) -> dict[str, object]:
    suite = reduced_suite("crema_d", None, way.place.where()[1::2], {})
    dataset, clips = fetchable(suite, "cpu")
    return {c.id: dataset.load(c, size) for c in clips if c.id in CLIPS}


def test_landmarks_are_the_drawn_ones_in_the_crop(way: Way) -> None:
    """One scale and shift for a clip takes the drawn points to the prepared ones, frame by frame."""
    found = loaded(way, 320)
    assert set(found) == set(CLIPS)
    for name in CLIPS:
        points = found[name].annotations["landmarks"].astype(np.float64)
        truth = way.clips[name].points[: len(points)]
        record = json.loads(
            (way.place.root.parent / "prepared" / "records" / f"{name}.json").read_text()
        )
        scale = 320 / record["crop"]["side"]
        shifts = points - scale * truth
        shift = np.median(shifts, axis=(0, 1))
        apart = np.abs(shifts - shift).max(axis=(1, 2))
        assert np.median(apart) < 1.0, name  # pixels of 320; a frame may be its neighbour's
        assert points.min() > 0 and points.max() < 320


def test_sound_and_length_are_the_recordings(way: Way) -> None:
    found = loaded(way, 64)
    for name in CLIPS:
        source, clip = found[name], way.clips[name]
        n = len(source.frames)
        assert abs(n - len(clip.frames)) <= 1
        assert len(source.audio) == n * 640
        middle = slice(2000, min(len(source.audio), len(clip.sound)) - 2000)
        spoken = clip.sound[middle].astype(float)
        shifts = range(-16, 17)  # samples by which the WAV may be moved to fit the FLV's sound
        found_at = [
            np.corrcoef(np.roll(source.audio, shift)[middle].astype(float), spoken)[0, 1]
            for shift in shifts
        ]
        assert max(found_at) > 0.999


def test_the_number_at_the_end_follows_from_the_prepared_frames(way: Way, tmp_path: Path) -> None:
    """f_mse and psnr of two controls, from `thbench run`, against their definitions written out."""
    out = tmp_path / "out"
    words = ["run", "crema_d", "--out", out, *way.place.where(), "--set", "metrics=[f_mse, psnr]"]
    words += ["--set", "primary=f_mse", "--set", "resolutions=[64]"]
    words += ["--set", f"limits={{clips: {len(CLIPS)}}}"]
    done = thbench(*words, "--systems", "ground-truth,still-identity")
    assert done.code == 0, done.err
    frames = {n: s.frames.astype(np.float64) for n, s in loaded(way, 64).items()}
    moving = {n: (np.diff(f, axis=0) ** 2).mean(axis=(1, 2, 3)).mean() for n, f in frames.items()}
    table = out / "controls" / "64" / "ground-truth" / "clips.csv"
    with table.open(newline="") as file:
        rows = {row["clip"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(CLIPS)
    for name in CLIPS:
        assert float(rows[name]["f_mse"]) == pytest.approx(moving[name], rel=1e-9), name
    result = table.with_name("result.json")
    score = json.loads(result.read_text())["scores"]["f_mse"]
    assert score["value"] == pytest.approx(np.mean(list(moving.values())), rel=1e-9)
    assert (score["n"], score["of"]) == (len(CLIPS), len(CLIPS))
    still = out / "controls" / "64" / "still-identity" / "result.json"
    assert json.loads(still.read_text())["scores"]["f_mse"]["value"] == 0.0
