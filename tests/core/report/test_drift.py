"""Drift: what is averaged over which clips, where it comes from, and what is said where there is nothing."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from made import BITS, BLOCK, FLASH, SIZE, made_run
from runs import start
from thbench.api import UserError
from thbench.cli.main import cli
from thbench.engines.local import LocalEngine
from thbench.report import drift, looks
from thbench.report.curves import sharpness
from thbench.report.drift import averaged, charts, drifts
from thbench.report.page import Options, write_report
from thbench.run.folder import RunFolder

ENGINE = LocalEngine(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))


def panel(found: drift.Drift, title: str) -> drift.Panel:
    return next(p for p in found.panels if p.title == title)


def test_sharpness_is_the_variance_of_the_laplacian_of_the_luma() -> None:
    """By hand: one red pixel of 100 among 0 in the middle of 5 x 5; nine pixels have four neighbours."""
    frames = np.zeros((2, 5, 5, 3), np.uint8)
    frames[1, 2, 2, 0] = 100
    luma = 0.299 * 100
    laplacian = np.array([0, luma, 0, luma, -4 * luma, luma, 0, luma, 0])
    assert sharpness(frames) == pytest.approx([0, laplacian.var()])
    assert sharpness(np.full((1, 8, 8, 3), 200, np.uint8)) == pytest.approx([0])


def test_a_blurred_picture_is_less_sharp() -> None:
    frames = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 3)).astype(np.uint8)
    mixed = (frames.astype(int) + np.roll(frames, 1, axis=1)) // 2
    assert sharpness(mixed.astype(np.uint8))[0] < 0.8 * sharpness(frames)[0]


def test_each_frame_is_averaged_over_the_clips_that_reach_it() -> None:
    found = averaged([np.array([1.0, 2.0]), np.array([3.0, np.nan, 5.0])], start=2)
    assert found.x.tolist() == [2, 3, 4]
    assert found.n.tolist() == [2, 1, 1]
    assert found.mean.tolist() == [2, 2, 5]
    assert found.low.tolist() == [1.5, 2, 5]
    assert found.high.tolist() == [2.5, 2, 5]


def test_what_nobody_has_is_no_line() -> None:
    for arrays in ([], [np.array([])], [np.array([np.nan])]):
        assert len(averaged(arrays).x) == 0


def test_a_frame_without_a_value_is_left_out_and_not_0() -> None:
    assert averaged([np.array([np.nan, 1.0])]).x.tolist() == [1]


def test_brightness_is_of_the_frames_and_beside_the_ground_truth(tmp_path: Path) -> None:
    """The second system's frames are 20 grey levels brighter, but where blocks count or a flash is."""
    run = made_run(tmp_path / "run", n_clips=3, videos=3, n_frames=20)
    (found,) = drifts(RunFolder(run), ENGINE)
    assert list(found.names) == ["ground-truth", "s0", "s1"]
    truth, same, brighter = panel(found, "brightness").differences()
    assert not truth.mean.any()
    assert not same.mean.any()
    expected = np.full(20, 20 * (1 - BITS * BLOCK * BLOCK / SIZE**2))
    expected[FLASH] = 0
    assert brighter.mean == pytest.approx(expected)
    assert brighter.n.tolist() == [3] * 20
    assert panel(found, "motion").lines()[0].x[0] == 1, "the first frame has none before it"


def test_clips_are_compared_with_their_own_ground_truth() -> None:
    truth = {"a": np.array([10.0, 10, 10]), "b": np.array([50.0])}
    system = {"a": np.array([11.0, 12, 13]), "b": np.array([51.0, 99]), "c": np.array([0.0])}
    _, line = drift.Panel("x", "", [truth, system]).differences()
    assert line.mean.tolist() == [1, 2, 3]
    assert line.n.tolist() == [2, 1, 1]


def test_many_clips_are_thinned_out_evenly_and_it_is_said(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", n_clips=9, videos=9, n_frames=14)
    (found,) = drifts(RunFolder(run), ENGINE, most=3)
    assert (found.clips, found.of) == (3, 9)
    assert list(panel(found, "motion").values[0]) == ["1000_S00", "1000_S04", "1000_S08"]


def test_resolutions_stand_apart(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", n_clips=2, videos=2, n_frames=14, sizes=(64, SIZE))
    out = drift.write_drift(RunFolder(run), ENGINE, (), tmp_path / "d.svg")
    texts = [t.text for t in ElementTree.parse(out).iter("{http://www.w3.org/2000/svg}text")]
    assert "2 clips" in texts
    assert {"brightness", "sharpness", "motion", "clips that reach the frame"} <= set(texts)


def test_arrays_that_metrics_keep_over_time_are_averaged_too(tmp_path: Path) -> None:
    """The toy metric keeps the brightness of every frame: the same curve by another way."""
    run = start(tmp_path)
    run.both()
    (found,) = drifts(run.job.run, ENGINE)
    kept = panel(found, "toy-brightness")
    assert kept.unit == "levels"
    for mine, theirs in zip(kept.lines(), panel(found, "brightness").lines(), strict=True):
        assert mine.n.tolist() == theirs.n.tolist()
        assert mine.mean == pytest.approx(theirs.mean, rel=1e-3)


def test_a_run_without_such_arrays_says_so(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", n_clips=2, videos=2, n_frames=14)
    (found,) = drifts(RunFolder(run), ENGINE)
    assert panel(found, "metrics").absent == "no metric of this run keeps a number per frame"
    assert "keeps a number per" in "".join(charts(found)[-2])


def test_a_metric_without_any_value_says_why(tmp_path: Path) -> None:
    fault = "{metric: toy-brightness, fault: fail, on: 1001_AAA}"
    one = "limits={actors: 1, clips_per_actor: 1}"
    run = start(tmp_path, overrides=[f"metrics=[{fault}]", one])
    run.both()
    (found,) = drifts(run.job.run, ENGINE)
    assert panel(found, "brightness").values
    assert [(p.title, p.absent) for p in found.panels if p.absent] == [
        ("toy-brightness", "too dark to see")
    ]


def test_clips_a_system_failed_on_are_not_counted(tmp_path: Path) -> None:
    run = start(tmp_path, overrides=["systems.echo.fault=refuse", "systems.echo.on=1001_AAA"])
    run.generate()
    (found,) = drifts(run.job.run, ENGINE)
    truth, system = panel(found, "brightness").lines()
    assert system.n[0] == truth.n[0] - 1


def test_videos_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run(tmp_path / "run", n_clips=2, videos=2, n_frames=14)
    (first,) = drifts(RunFolder(run), ENGINE)
    monkeypatch.setattr(looks, "QUANTITIES", dict.fromkeys(looks.QUANTITIES, ("", None)))
    (second,) = drifts(RunFolder(run), ENGINE)
    assert charts(first)[-1] == charts(second)[-1]


def test_the_report_shows_it(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", n_clips=2, videos=2, n_frames=14)
    page = write_report(run, tmp_path / "out", ENGINE, Options(strips=0, explain=0)).read_text()
    assert 'href="#drift"' in page
    assert page.count("<polygon") == 3 * 2 * 3, "a band per quantity, as it is and as a difference"
    for title in ("brightness − ground truth", "sharpness", "clips that reach the frame"):
        assert f">{title}<" in page


def test_a_report_of_a_run_without_videos_has_none(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run")
    page = write_report(run, tmp_path / "out", ENGINE, Options(strips=0)).read_text()
    assert "#drift" not in page


def test_the_command_writes_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run = made_run(tmp_path / "run", n_clips=2, videos=2, n_frames=14)
    cli(["report", str(run), "--drift", "--systems", "s1"], standalone_mode=False)
    out = run / "drift.svg"
    assert capsys.readouterr().out.strip() == str(out)
    text = out.read_text()
    ElementTree.fromstring(text)
    assert "s1" in text
    assert "s0" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--drift", "--sheet"], "--drift"),
        (["--drift", "-o", "x.png"], "writes SVG"),
        (["--drift", "--systems", "nobody"], "no system 'nobody'"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, words: list[str], message: str) -> None:
    run = made_run(tmp_path / "run", n_clips=2, videos=2, n_frames=14)
    with pytest.raises(UserError, match=message):
        cli(["report", str(run), *words], standalone_mode=False)
