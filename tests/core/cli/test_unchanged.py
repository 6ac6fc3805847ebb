"""A finished run that nothing has changed of is shown again without being gone through."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runs import SUITE
from thbench import pipeline
from thbench.cli.main import cli
from thbench.files.state import state_of

Command = Callable[..., tuple[str, int]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Command:
    """Runs a suite of toys; gives what was printed and how often the stages were gone through."""
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("thbench_toys.ToyDataset.synthetic", True, raising=False)
    (tmp_path / "suite.yaml").write_text(SUITE + "limits: {clips: 2}\n")
    gone, stages = [], pipeline.run_stages

    def counting(*words: object) -> object:
        gone.append(words)
        return stages(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "run_stages", counting)

    def run(*words: str) -> tuple[str, int]:
        gone.clear()
        arguments = ["run", str(tmp_path / "suite.yaml"), "--out", str(tmp_path / "run"), *words]
        cli(arguments, standalone_mode=False)
        return capsys.readouterr().out, len(gone)

    return run


def test_what_was_shown_is_shown_again(command: Command) -> None:
    first, again = command(), command()
    assert (first[1], again[1]) == (1, 0)
    assert again[0] == first[0]
    assert "brightness" in first[0]


def test_a_report_of_the_run_changes_nothing(command: Command, tmp_path: Path) -> None:
    command()
    cli(["report", str(tmp_path / "run"), "--no-videos"], standalone_mode=False)
    assert (tmp_path / "run" / "report" / "index.html").exists()
    cli(["report", str(tmp_path / "run"), "--no-videos", "--single-file"], standalone_mode=False)
    assert (tmp_path / "run" / "report.html").exists()
    assert command()[1] == 0


def test_an_option_may_be_longer_than_a_path(command: Command) -> None:
    words = ("--set", f"metrics=[toy-brightness{' ' * 300}]")
    assert (command(*words)[1], command(*words)[1]) == (1, 0)


def touched(path: Path) -> None:
    text = path.read_bytes()
    path.write_bytes(text)
    os.utime(path, ns=(1, 1))


def _suite(folder: Path) -> None:
    (folder / "suite.yaml").write_text((folder / "suite.yaml").read_text() + "title: other\n")


def _video(folder: Path) -> None:
    touched(next((folder / "run").rglob("videos/*.mkv")))


def _result(folder: Path) -> None:
    next((folder / "run").rglob("result.json")).unlink()


def _observation(folder: Path) -> None:
    file = next((folder / "run").rglob("systems/*/observations.json"))
    (keys,) = json.loads(file.read_text()).values()
    key = next(iter(keys.values()))
    (folder / "cache" / "observations" / key[:2] / key[2:4] / f"{key}.npz").unlink()


def _weights(folder: Path) -> None:
    (folder / "cache" / "weights").mkdir()


@pytest.mark.slow
@pytest.mark.parametrize("change", [_suite, _video, _result, _observation, _weights])
def test_any_change_is_looked_at(
    command: Command, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    command()
    change(tmp_path)
    assert command()[1] == 1
    assert command()[1] == 0


def test_other_options_are_another_command(command: Command) -> None:
    command()
    assert command("--all")[1] == 1
    assert command("--all")[1] == 0
    assert command("--retry-failed")[1] == 1
    assert command("--retry-failed")[1] == 1


def test_a_dataset_whose_files_nobody_knows_is_asked_again(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thbench_toys.ToyDataset.synthetic", False)
    assert [command()[1], command()[1]] == [1, 1]


def test_failures_are_asked_again(command: Command) -> None:
    failing = ("--set", "systems.echo.fault=refuse", "--set", "systems.echo.on=1001_AAA")
    assert [command(*failing)[1], command(*failing)[1]] == [1, 1]


@pytest.mark.parametrize(("fault", "times"), [("fail", [1, 0]), ("nan", [1, 0]), ("raise", [1, 1])])
def test_what_a_metric_refused_for_good_is_not_asked_again(
    command: Command, fault: str, times: list[int]
) -> None:
    """And what it raised unforeseen is."""
    metric = f"metrics=[{{metric: toy-brightness, fault: {fault}, on: 1001_AAA}}]"
    shown = [command("--set", metric) for _ in range(2)]
    assert [gone for _, gone in shown] == times
    assert shown[0][0] == shown[1][0] and "(1/2)" in shown[0][0]


def test_the_state_of_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "__pycache__").mkdir(parents=True)
    (tmp_path / "a" / "b").write_text("1")
    (tmp_path / "a" / "round").symlink_to(tmp_path / "a")
    seen = [state_of([tmp_path / "a"])]
    (tmp_path / "a" / "__pycache__" / "x").write_text("")
    assert state_of([tmp_path / "a"]) == seen[0]
    for change in (
        lambda: touched(tmp_path / "a" / "b"),
        lambda: (tmp_path / "a" / "b").rename(tmp_path / "a" / "c"),
        lambda: (tmp_path / "a" / "d").mkdir(),
    ):
        change()
        seen.append(state_of([tmp_path / "a"]))
    assert len(set(seen)) == 4
    assert state_of([tmp_path / "none"]) == state_of([tmp_path / "none"])
