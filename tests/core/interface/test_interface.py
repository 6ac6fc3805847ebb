"""`import thbench`: the names it offers, the bytes of the command line, results in Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import thbench
from guards import some
from made import clip_ids, made_run
from runs import SUITE, written
from thbench.cli.main import cli
from thbench.video import write_lossless

API = ["Comparison", "Results", "UserError", "__version__", "evaluate", "load", "run"]


def test_dir_is_the_api_and_every_name_is_documented() -> None:
    assert dir(thbench) == sorted(thbench.__all__) == API
    for name in some(n for n in API if n != "__version__"):
        assert getattr(thbench, name).__doc__, name


def test_the_stub_names_the_same() -> None:
    stub = Path(thbench.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    exec(next(line for line in stub.splitlines() if line.startswith("__all__")), found)
    assert found["__all__"] == thbench.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        thbench.evalute  # noqa: B018


@pytest.mark.slow
def test_run_is_a_function_whether_its_folder_is_loaded_or_not() -> None:
    code = (
        "import inspect, thbench; first = thbench.run\n"
        "import thbench.run.folder; from thbench import run\n"
        "print(callable(first), callable(thbench.run), callable(run), "
        "inspect.signature(first) == inspect.signature(thbench.run))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 4


def test_the_import_loads_nothing() -> None:
    """What makes an import slow is what it loads; times are no test."""
    code = (
        "import sys; before = set(sys.modules); import thbench; dir(thbench)\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}\n"
        "print(sorted(new - {'thbench', 'importlib', 'warnings'}), 'thbench.errors' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False"


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("suite") / "suite.yaml"
    file.write_text(
        SUITE.replace(
            "resolution: 32}\n",
            "resolution: 32}\n  half: {generator: toy-echo, resolution: 32, gain: 0.5}\n",
        )
    )
    return file


@pytest.fixture(scope="module")
def results(suite: Path, tmp_path_factory: pytest.TempPathFactory) -> thbench.Results:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return thbench.run(suite, out=suite.parent / "python", overrides={"seed": 3})


def test_a_run_has_the_bytes_of_the_command(results: thbench.Results, suite: Path) -> None:
    out = suite.parent / "command"
    words = ["run", str(suite), "--set", "seed=3", "--out", str(out)]
    cli(words, standalone_mode=False)
    assert written(out) == written(results.path) != {}


def test_results_are_mappings_of_numbers(results: thbench.Results) -> None:
    assert results.systems == ["echo", "half"] or results.systems == ["half", "echo"]
    assert set(results["echo"]) == set(results.columns)
    assert results["half"]["brightness"] != results["echo"]["brightness"]
    assert None not in results["ground-truth"].values()
    with pytest.raises(KeyError, match="no system 'ecko'; there are"):
        results["ecko"]


@pytest.mark.slow
def test_tables_are_data_frames(results: thbench.Results) -> None:
    pandas = pytest.importorskip("pandas")
    table = results.table(intervals=True)
    assert isinstance(table, pandas.DataFrame)
    assert list(table["system"])[:2] == results.systems
    assert {"brightness", "brightness_low", "brightness_high"} <= set(table.columns)
    row = table[table["system"] == "echo"].iloc[0]
    assert row["brightness"] == results["echo"]["brightness"]
    assert set(results.headline) <= set(results.table(all=True).columns)
    clips = results.clips("echo")
    assert len(clips) == 9
    assert len(results.clips()) == 9 * len(results)
    assert np.isclose(clips["brightness"].mean(), results["echo"]["brightness"])


def test_without_pandas_tables_are_lists(
    results: thbench.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thbench.interface.frames.find_spec", lambda name: None)
    table = results.table()
    assert isinstance(table, list)
    assert table[0]["system"] == results.systems[0]


def test_two_systems_are_compared_as_by_the_command(
    results: thbench.Results, capsys: pytest.CaptureFixture[str]
) -> None:
    found = results.compare("echo", "half")
    systems = results.path / "systems"
    cli(["compare", str(systems / "echo"), str(systems / "half")], standalone_mode=False)
    assert str(found) == capsys.readouterr().out.rstrip("\n")
    difference = results["echo"]["brightness"] - results["half"]["brightness"]
    assert np.isclose(found.columns["brightness"]["difference"], difference)
    with pytest.raises(thbench.UserError, match="no system 'ecko'"):
        results.compare("ecko", "half")


def test_a_missing_value_is_none_with_its_reason(
    tmp_path: Path, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "suite.yaml"
    text = SUITE.replace("resolution: 32}", "resolution: 32, fault: refuse}")
    file.write_text(text)
    results = thbench.run(file, out=tmp_path / "run")
    assert results["echo"]["brightness"] is None
    assert results.reasons["echo", "brightness"]
    assert "brightness –" in repr(results)
    assert "brightness" in results._repr_html_()
    clips = results.clips("echo")
    reasons = clips["reason"].tolist() if hasattr(clips, "columns") else []
    assert all(reasons) if reasons else True


def test_show_has_the_table_and_players(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", systems=["alpha", "<script>"], n_clips=6, videos=1)
    shown = thbench.load(run).show(clip=clip_ids(6)[0])
    text = shown if isinstance(shown, str) else shown.data
    assert text.count("data:video/mp4;base64,") == 3
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    other = thbench.load(run).show(clip=clip_ids(6)[5])
    assert "no video of this clip" in (other if isinstance(other, str) else other.data)
    with pytest.raises(thbench.UserError, match="the run has no clip 'x'"):
        thbench.load(run).show(clip="x")


def videos(folder: Path, gain: float) -> Path:
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    for i in range(2):
        frames = (rng.integers(0, 200, (12, 32, 32, 3)) * gain).astype(np.uint8)
        audio = rng.integers(-999, 999, 12 * 640).astype(np.int16)
        write_lossless(folder / f"clip{i}.mkv", frames, audio)
    return folder


@pytest.mark.slow
def test_evaluate_has_the_bytes_of_score_videos(tmp_path: Path) -> None:
    references, outputs = videos(tmp_path / "refs", 1.0), videos(tmp_path / "mine", 0.9)
    metrics = ["toy-brightness"]
    with pytest.warns(UserWarning, match="overrides={'primary': NAME}"):
        found = thbench.evaluate(outputs, references, metrics, out=tmp_path / "python")
    words = ["score", "--videos", f"mine={outputs}", "--references", str(references)]
    words += ["--metrics", ",".join(metrics), "--out", str(tmp_path / "command")]
    cli(words, standalone_mode=False)
    assert written(tmp_path / "command") == written(found.path) != {}
    assert found.systems == ["mine"]  # the folder's own name


def test_errors_name_arguments(tmp_path: Path) -> None:
    with pytest.raises(thbench.UserError, match="holds no result"):
        thbench.load(tmp_path)
    with pytest.raises(thbench.UserError, match="there is no suite 'dmo'"):
        thbench.run("dmo")
    outputs = videos(tmp_path / "mine", 1.0)
    with pytest.raises(thbench.UserError, match="metrics") as error:
        thbench.evaluate(outputs, outputs, metrics=["pnsr"], out=tmp_path / "run")
    assert "--metrics" not in str(error.value)


@pytest.mark.slow
def test_threads_of_the_caller_are_kept(suite: Path, tmp_path: Path) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        thbench.run(suite, out=tmp_path / "run", systems=["echo"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_results_are_exported(results: thbench.Results, tmp_path: Path) -> None:
    written = results.export("csv", tmp_path / "scores.csv", systems=["echo"])
    assert written == [str(tmp_path / "scores.csv")]
    assert "echo" in (tmp_path / "scores.csv").read_text()
