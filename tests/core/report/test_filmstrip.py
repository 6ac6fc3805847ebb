"""Film strips and contact sheets, on runs of the toy plugins."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from guards import some
from runs import SUITE, start
from thbench.api import UserError
from thbench.charts.grid import GAP, MARGIN, GridRow, draw_grid
from thbench.cli.main import main
from thbench.report import filmstrip
from thbench.report.filmstrip import contact_sheets, film_strip, rows_of, write_sheets
from thbench.run.folder import RunFolder

CLIP = "1001_AAA"
TWO = SUITE.replace(
    "metrics:", "  small: {generator: toy-echo, resolution: 16}\n"
    "  weak: {generator: toy-echo, resolution: 32, fault: refuse, on: 1001_AAA}\nmetrics:"
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, toy_plugins: None) -> RunFolder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        started = start(tmp_path_factory.mktemp("strips"), TWO)
        started.generate()
    return started.job.run


def cells(picture: np.ndarray, rows: int, columns: int, cell: int) -> np.ndarray:
    """[rows, columns, cell, cell, 3] cut out of the right lower corner of a grid."""
    step = cell + GAP
    top = picture.shape[0] - MARGIN - rows * step + GAP
    left = picture.shape[1] - MARGIN - columns * step + GAP
    return np.array([
        [picture[top + r * step :, left + c * step :][:cell, :cell] for c in range(columns)]
        for r in range(rows)
    ])  # fmt: skip


def test_cells_hold_the_very_pixels_of_the_frames(run: RunFolder) -> None:
    strip = film_strip(run, CLIP, frames=(5, 0), systems=("echo",))
    shown = cells(strip, 2, 2, 128)[:, :, ::4, ::4]
    truth = run.references(32)
    system = run.system("echo")
    for row, folder in enumerate((truth, system)):
        frames = folder.open(folder.finished()[CLIP]).frames
        assert np.array_equal(shown[row], frames[[5, 0]])


def test_every_resolution_has_its_ground_truth(run: RunFolder) -> None:
    found = [(r.name, r.resolution) for r in rows_of(run)]
    assert found == [
        ("ground-truth", 16), ("small", 16), ("ground-truth", 32), ("echo", 32), ("weak", 32),
    ]  # fmt: skip


def test_systems_stand_in_the_order_asked_for_and_controls_may_be_named(run: RunFolder) -> None:
    found = [r.name for r in rows_of(run, ("still-identity", "echo", "ground-truth"))]
    assert found == ["ground-truth", "still-identity", "echo"]


def test_controls_alone_are_shown_at_every_resolution(run: RunFolder) -> None:
    found = [(r.name, r.resolution) for r in rows_of(run, ("still-identity",))]
    assert found == [("ground-truth", 16), ("still-identity", 16),
                     ("ground-truth", 32), ("still-identity", 32)]  # fmt: skip


def test_a_failed_video_is_an_empty_cell_and_not_left_out(run: RunFolder) -> None:
    weak = next(r for r in rows_of(run) if r.name == "weak")
    assert weak.frames(CLIP) == "no video: the toy refuses"
    strip = film_strip(run, CLIP, frames=(0,), systems=("weak",))
    empty = cells(strip, 2, 1, 128)[1, 0]
    assert (empty[:20] == 232).all()
    assert not (empty == 232).all(), "the reason is written into it"


def test_columns_are_spread_over_the_whole_clip(run: RunFolder) -> None:
    n = run.references(32).finished()[CLIP]["n_frames"]
    assert filmstrip._chosen((), 3, n) == [0, round((n - 1) / 2), n - 1]
    assert filmstrip._chosen((), 200, n) == list(range(n))


@pytest.mark.parametrize(
    ("change", "message", "remedy"),
    [
        ({"clip": "1001_AAB"}, "no clip '1001_AAB'", "did you mean '1001_AAA'?"),
        ({"systems": ("eco",)}, "no system 'eco'", "did you mean 'echo'?"),
        ({"frames": (99,)}, "no frame 99", "the clip has frames 0 to"),
        ({"frames": (-1,)}, "no frame -1", "the clip has frames 0 to"),
    ],
)
def test_mistakes_name_the_right_thing(
    run: RunFolder, change: dict, message: str, remedy: str
) -> None:
    with pytest.raises(UserError) as error:
        film_strip(run, **{"clip": CLIP, **change})
    assert message in error.value.message
    assert remedy in error.value.remedy


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder"):
        film_strip(RunFolder(tmp_path), CLIP)


def test_a_sheet_shows_the_middle_frame_of_every_clip(run: RunFolder) -> None:
    (sheet,) = contact_sheets(run, ("echo",))
    records = run.references(32).finished()
    shown = cells(sheet, len(records), 2, 128)[:, 0, ::4, ::4]
    for row, clip in some(enumerate(sorted(records))):
        frames = run.references(32).open(records[clip]).frames
        assert np.array_equal(shown[row], frames[len(frames) // 2])


def test_many_clips_make_several_sheets(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filmstrip, "SHEET_CLIPS", 4)
    written = write_sheets(run, (), tmp_path / "s.png")
    assert [p.name for p in written] == ["s-1.png", "s-2.png", "s-3.png"]
    assert all(cv2.imread(str(p)) is not None for p in written)


def test_long_heads_do_not_run_into_each_other() -> None:
    head = "a-system-with-a-very-long-name"
    picture = draw_grid([head, head], [GridRow("r", "", ["", ""])], 128)
    heads = picture[:25, -(2 * 128 + GAP + MARGIN) :]
    seam = heads[:, 128 - 2 : 128 + GAP + 2]
    assert (heads < 128).any()
    assert (seam == 255).all()


def test_the_command_writes_a_picture_and_says_where(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "strip.png"
    words = ["report", run.root, "--filmstrip", CLIP, "--frames", "0,3", "-o", out]
    monkeypatch.setattr("sys.argv", ["thbench", *map(str, words)])
    main()
    assert capsys.readouterr().out.strip() == str(out)
    assert np.array_equal(
        cv2.cvtColor(cv2.imread(str(out)), cv2.COLOR_BGR2RGB), film_strip(run, CLIP, (0, 3))
    )


@pytest.mark.parametrize(
    "words", [[], ["--sheet", "--filmstrip", CLIP], ["--filmstrip", CLIP, "--frames", "x"]]
)
def test_the_command_refuses_what_it_cannot_mean(
    run: RunFolder, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sys.argv", ["thbench", "report", str(run.root), *words])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "thbench: " in capsys.readouterr().err


def test_names_of_a_run_come_from_its_folder_alone(run: RunFolder) -> None:
    """No suite file is read: what the run was called and configured with does not matter."""
    assert json.loads((run.root / "suite.json").read_text())["dataset"] == "toy"
    (run.root / "suite.json").rename(run.root / "away.json")
    try:
        assert film_strip(run, CLIP).shape[2] == 3
    finally:
        (run.root / "away.json").rename(run.root / "suite.json")
