"""MEAD, HDTF, GRID and RAVDESS from trees under their real names: prepared, rejected with reasons, scored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crema_place import Done, thbench
from crema_server import serving
from guards import some
from recordings_place import Trees, told
from recordings_tree import CONVERTED_R, GRID, SILENT_R, make_ravdess
from thbench.video import MediaReader

pytestmark = pytest.mark.usefixtures("weights")


def test_mead_with_sound_in_files_of_its_own(trees: Trees, prepared: Callable[..., Done]) -> None:
    done = prepared("mead")
    assert done.code == 0, done.err
    assert "4 clips: 3 prepared, 1 rejected, 0 unusable" in done.out
    assert "rejected W009_front_angry_level_1_001: no sound" in done.out
    assert "licence of mead: research only" in done.out
    records = trees.records("mead")
    apart = records["M003_front_angry_level_1_001"]
    assert apart["sound"] == {"lag": 0, "correlation": None, "padding": apart["sound"]["padding"]}
    assert set(apart["sources"]) == {"media", "sound"}
    laid = records["M003_front_neutral_level_1_002"]["sound"]
    assert laid["lag"] == pytest.approx(1600, abs=40)  # 100 ms of silence stand before the speech
    assert laid["correlation"] > 0.95
    assert apart["recording"]["fps"] == 30 and apart["frames"] == 30


def test_mead_verify_names_gaps_and_silence(trees: Trees, prepared: Callable[..., Done]) -> None:
    done = trees.data("verify", "mead", "--split", "all")
    assert done.code == 1
    assert (
        "W009_front_angry_level_1_001: W009/video/front/angry/level_1/001.mp4 has no sound"
        in done.err
    )
    assert (
        "actor W017 has no clip of emotion anger (known: views or emotions are absent" in done.out
    )
    assert "actor W009 has no clip of emotion neutral (no gap that is known" in done.out
    assert "4 media are not verifiable" in done.out


def test_another_view_is_asked_for_by_its_label(trees: Trees) -> None:
    where = ["--set", "dataset.where={view: left_30}", "--split", "all"]
    assert "1 clips of 1 actors" in trees.data("verify", "mead", *where).out
    wrong = trees.data("verify", "mead", "--set", "dataset.where={view: behind}", "--split", "all")
    assert wrong.code == 2 and "choose of front, left_30" in wrong.err


def test_hdtf_cut_and_whole(trees: Trees, prepared: Callable[..., Done]) -> None:
    chosen = ("WRA_TomCotton_000", "WRA_TomPrice_000", "WDA_AdamSchiff_000")
    words = [w for c in chosen for w in ("--clip", c)]
    done = prepared("hdtf", *words, "--set", "dataset.max_seconds=1.2")
    assert done.code == 0, done.err
    assert "3 clips: 3 prepared" in done.out
    whole = trees.records("hdtf")["WDA_AdamSchiff_000"]
    assert (whole["recording"]["first"], whole["frames"]) == (5, 30)
    picture = MediaReader().read(
        trees.made / "hdtf" / "prepared" / "clips" / "WDA_AdamSchiff_000.mkv", fps=None
    )
    assert picture.frames[0].mean() > 40  # the black picture before the clip is not in it
    assert picture.audio is not None and np.abs(picture.audio.astype(int)).max() > 500


@pytest.mark.slow
def test_grid_real_clips(trees: Trees, prepared: Callable[..., Done]) -> None:
    done = prepared("grid", "--set", "dataset.max_seconds=1.6")
    assert done.code == 0, done.err
    assert f"{len(GRID)} clips: {len(GRID)} prepared" in done.out
    for record in some(trees.records("grid").values()):
        assert (record["recording"]["width"], record["recording"]["height"]) == (360, 288)
        assert record["frames"] == 40 and record["sound"]["padding"] == 0
        assert record["interpolated"] == []
    sizes = {r["crop"]["side"] for r in trees.records("grid").values()}
    assert min(sizes) > 120 and max(sizes) < 289


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["mead", "grid"])
def test_workers_change_no_byte(trees: Trees, prepared: Callable[..., Done], dataset: str) -> None:
    more = ("--set", "dataset.max_seconds=1.6") if dataset == "grid" else ()
    assert prepared(dataset, *more).code == 0
    words = [*more, "--split", "all", "--workers", "3"]
    assert trees.data("prepare", dataset, *words, prepared="three").code == 0
    one, three = (trees.made / dataset / name for name in ("prepared", "three"))
    files = some(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert sorted(files) == sorted(p.relative_to(three) for p in three.rglob("*") if p.is_file())
    for file in files:
        assert (one / file).read_bytes() == (three / file).read_bytes(), file


def test_preparing_again_does_nothing_until_a_recording_changes(
    trees: Trees, prepared: Callable[..., Done]
) -> None:
    prepared("mead")
    again = trees.data("prepare", "mead", "--split", "all")
    assert "0 prepared, 0 rejected, 0 unusable, 4 were done already" in again.out


@pytest.mark.slow
def test_a_suite_on_grid(trees: Trees, prepared: Callable[..., Done], tmp_path: Path) -> None:
    prepared("grid", "--set", "dataset.max_seconds=1.6")
    words = ["run", "grid", "--out", tmp_path / "out", *trees.where("grid")]
    words += ["--set", "dataset.max_seconds=1.6", "--systems", "ground-truth"]
    words += ["--set", "split={test: [s1], train: [s3]}", "--set", "resolutions=[64]"]
    words += ["--set", "metrics=[psnr]", "--set", "primary=psnr"]
    done = thbench(*words)
    assert done.code == 0, done.err
    assert "| 3/3 |" in (tmp_path / "out" / "leaderboard.md").read_text()
    result = json.loads(next((tmp_path / "out").rglob("result.json")).read_text())
    assert (
        "+layout." in result["dataset"]["version"] and "+prepared." in result["dataset"]["version"]
    )
    assert result["dataset"]["options"]["crop"] == "wide"


@pytest.mark.slow
def test_ravdess_from_archive_to_set(assets: Callable[[str], Path], tmp_path: Path) -> None:
    """The silent clip is rejected, the converted one is prepared and named by verify."""
    with serving(make_ravdess(tmp_path / "files", assets)) as host:
        where = ["--root", tmp_path / "root", "--set", 'dataset.actors=["21"]', "--split", "all"]
        assert thbench("data", "fetch", "ravdess", *where, "--mirror", host.url).code == 0
    done = thbench("data", "prepare", "ravdess", *where)
    assert done.code == 1  # 57 clips of the actor are not in this small archive
    assert "2 prepared, 2 rejected, 56 unusable" in done.out
    assert f"rejected {SILENT_R}: the sound is silent" in done.out
    assert "no recording under" in done.err and CONVERTED_R not in done.err


def test_a_set_that_is_not_here_says_what_to_do(tmp_path: Path) -> None:
    for dataset in ("mead", "grid"):
        done = thbench("data", "prepare", dataset, "--root", tmp_path)
        assert done.code == 2
        assert f"no recording of {dataset} under {tmp_path}" in done.err
        assert f"thbench data fetch {dataset}" in done.err
        run = thbench("run", dataset, "--set", f"dataset.root={json.dumps(str(tmp_path))}")
        assert run.code == 2
        assert f"thbench data fetch {dataset}" in "".join(told(run))


@pytest.mark.slow
def test_a_picture_of_a_clip(trees: Trees, prepared: Callable[..., Done], tmp_path: Path) -> None:
    prepared("grid", "--set", "dataset.max_seconds=1.6")
    out = tmp_path / "sheet.png"
    words = [f"s1_{GRID[1]}", "-o", out, "--set", "dataset.max_seconds=1.6"]
    done = trees.data("show", "grid", *words)
    assert done.code == 0, done.err
    assert out.read_bytes().startswith(b"\x89PNG")
