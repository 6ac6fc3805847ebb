"""`thbench plot`: curves of a folder, from its files alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from thbench.api import UserError
from thbench.cli.main import cli
from thbench.training.logs import CsvLog, read_log
from thbench.training.plots import POINTS, curve, write_plots
from trainings import trained


@pytest.mark.slow
def test_every_figure_of_the_paper_is_drawn(tmp_path: Path) -> None:
    run = trained(tmp_path, steps=6)
    elsewhere = tmp_path / "moved"
    shutil.copytree(run, elsewhere)
    done = CliRunner().invoke(cli, ["plot", str(elsewhere)])
    assert done.exit_code == 0, done.output
    for name, words in {
        "losses": ["G, training", "D, validation", "figure 4"],
        "pixel_loss": ["figure 5", "training", "validation"],
        "snr": ["dB", "figure 6"],
    }.items():
        picture = (elsewhere / f"{name}.svg").read_text()
        assert picture.startswith("<svg")
        for word in words:
            assert word in picture, (name, word)


@pytest.mark.slow
def test_validation_values_stand_in_a_table_by_epoch(tmp_path: Path) -> None:
    run = trained(tmp_path, steps=10)
    logged = read_log(run / "validation.csv")
    assert [r["step"] for r in logged] == ["0", "5", "10"]
    middle = float(logged[1]["epoch"])
    done = CliRunner().invoke(cli, ["plot", str(run), "--table", "--epochs", f"0,{middle + 0.1}"])
    assert done.exit_code == 0, done.output
    head, _, *lines = done.output.splitlines()
    assert head == f"| validation | epoch 0 | epoch {middle:.4g} |"
    pixel = next(line for line in lines if line.startswith("| l1 |"))
    assert pixel.split("|")[2:4] == [f" {float(r['l1']):.4g} " for r in logged[:2]]
    whole = CliRunner().invoke(cli, ["plot", str(run), "--table"]).output.splitlines()[0]
    assert whole.count("epoch") == 3
    wrong = CliRunner().invoke(cli, ["plot", str(run), "--table", "--epochs", "a"])
    assert isinstance(wrong.exception, UserError)


def test_a_curve_is_thinned_by_means() -> None:
    rows = [{"step": str(i), "epoch": str(i), "a": str(2 * i)} for i in range(10 * POINTS)]
    thin = curve("a", rows, "a")
    assert len(thin.x) == POINTS
    assert thin.y[0] == pytest.approx(9.0)  # the mean of 0, 2, ... 18
    assert thin.x[0] == pytest.approx(4.5)


def test_a_folder_without_a_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no training folder"):
        write_plots(tmp_path, tmp_path)


def test_a_log_goes_on_after_the_saved_step(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    log = CsvLog(file)
    log.start(0)
    for step in range(1, 6):
        log.append(step, step / 2, {"a": step})
    log.close()
    with file.open("a") as torn:
        torn.write("6,3.00")  # what a kill leaves
    assert [r["step"] for r in read_log(file)] == ["1", "2", "3", "4", "5"]
    log = CsvLog(file)
    log.start(3)
    log.append(4, 2.0, {"a": 9})
    log.close()
    assert [(r["step"], r["a"]) for r in read_log(file)][-2:] == [("3", "3.0"), ("4", "9.0")]
