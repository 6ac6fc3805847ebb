"""The command line: plans, tables, errors in one line, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runs import SUITE


def test_run_shows_the_table_and_where_it_lies(thbench, suite: Path, tmp_path: Path) -> None:
    done = thbench("run", suite, "--out", tmp_path / "out")
    assert done.code == 0
    assert "echo" in done.out
    assert "ground-truth" in done.out
    assert str(tmp_path / "out" / "leaderboard.md") in done.out


@pytest.mark.slow
def test_stages_run_apart(thbench, suite: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert thbench("generate", suite, "--out", out).code == 0
    assert not (out / "leaderboard.md").exists()
    assert thbench("score", suite, "--out", out).code == 0
    assert (out / "leaderboard.md").exists()


def test_scoring_what_was_never_generated_counts_it(thbench, suite: Path, tmp_path: Path) -> None:
    done = thbench("score", suite, "--out", tmp_path / "out")
    assert done.code == 1
    assert "echo: 9 of 9 clip(s) failed: not generated; --retry-failed asks again\n" in done.err
    assert "echo: no clip was scored\n" in done.err


def test_a_dry_run_prints_the_plan_and_writes_nothing(thbench, suite: Path, tmp_path: Path) -> None:
    done = thbench("run", suite, "--out", tmp_path / "out", "--dry-run", "--set", "seed=3")
    assert done.code == 0
    assert "9 clips of 3 actors" in done.out
    assert "changed on the command line: seed=3" in done.out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["check"], ["run", "--dry-run"]])
def test_a_primary_score_that_nobody_gives_is_found_before_a_run(
    thbench, suite: Path, command: list[str]
) -> None:
    suite.write_text(SUITE.replace("primary: ", "primary: un"))
    done = thbench(*command, suite)
    assert done.code == 2
    assert "unknown score 'un" in done.err


def test_everything_missing_is_listed_with_its_command(
    thbench, suite: Path, tmp_path: Path
) -> None:
    suite.write_text(SUITE.replace("name: toy}", "name: toy, absent: true}"))
    done = thbench("run", suite, "--out", tmp_path / "out")
    assert done.code == 2
    assert "missing: dataset toy: toy media (5 MB): make toys" in done.err
    assert thbench("run", suite, "--dry-run").code == 2
    assert thbench("check", suite).code == 2


def test_a_part_of_the_systems(thbench, suite: Path, tmp_path: Path) -> None:
    done = thbench("run", suite, "--out", tmp_path / "out", "--systems", "ground-truth")
    assert done.code == 0
    assert "echo" not in done.out
    assert thbench("run", suite, "--systems", "ehco").code == 2


@pytest.mark.slow
def test_adding_a_generator(thbench, suite: Path, tmp_path: Path) -> None:
    done = thbench(
        "run", suite, "--out", tmp_path / "out", "--add", "toy-echo:gain=3,resolution=32"
    )
    assert done.code == 0
    result = json.loads((tmp_path / "out/systems/toy-echo/result.json").read_text())
    assert result["system"]["options"]["gain"] == 3
    assert result["suite"]["overrides"] == ["--add toy-echo:gain=3,resolution=32"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "nowhere"], "there is no suite 'nowhere'"),
        (["run", "nowhere.yaml"], "does not exist"),
        (["score"], "score needs a SUITE or --videos"),
        (["run"], "Missing argument"),
        (["rnu"], "No such command"),
        (["run", "x", "--workers", "0"], "--workers"),
        (["list", "ofn"], "did you mean 'ofm'?"),
        (["split", "check", "absent.txt"], "cannot be read"),
        (["weights", "fetch", "nothing"], "unknown weights"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(thbench, words: list[str], says: str) -> None:
    done = thbench(*words)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("primary: brightness", "primary: brightnes", "did you mean 'brightness'?"),
        (
            "[toy-brightness]",
            "[toy-brightness, {metric: toy-rival}]",
            "'toy-rival' and 'toy-brightness' both give the column 'spread'",
        ),
    ],
)
def test_columns_are_checked_before_anything_is_made(
    thbench,
    suite: Path,
    tmp_path: Path,
    old: str,
    new: str,
    says: str,
) -> None:
    suite.write_text(SUITE.replace(old, new))
    done = thbench("run", suite, "--out", tmp_path / "out")
    assert done.code == 2
    assert says in done.err
    assert not (tmp_path / "out").exists()


def test_list_shows_what_is_installed_and_what_is_broken(thbench) -> None:
    done = thbench("list")
    assert "toy-echo" in done.out
    assert "thbench-toys[toy-broken]" in done.out
    assert "libtoy.so.7" in done.out
    one = thbench("list", "toy-echo")
    assert "gain [1.0] how strongly the frame is disturbed" in one.out
    assert json.loads(thbench("list", "--json").out)["generators"]


def test_split_check_names_the_split_a_training_list_touches(thbench, tmp_path: Path) -> None:
    from thbench.suite.split import known_manifests, load_manifest

    name, path = next(iter(known_manifests().items()))  # crema_d_actor_90_10
    file = tmp_path / "train.txt"
    file.write_text("\n".join(load_manifest(path).test[:2]))
    done = thbench("split", "check", file)
    assert done.code == 1
    assert "TRAINED ON TEST ACTORS" in done.out
    assert name in done.out
    file.write_text("1001_IEO_ANG_HI")
    assert thbench("split", "check", file).code == 0


@pytest.mark.slow
def test_the_schema_is_json_schema_and_results_keep_it(
    thbench, suite: Path, tmp_path: Path
) -> None:
    import jsonschema

    schema = json.loads(thbench("schema").out)
    thbench("run", suite, "--out", tmp_path / "out")
    for file in (tmp_path / "out").rglob("result.json"):
        jsonschema.validate(json.loads(file.read_text()), schema)


def test_weights_are_recognised_by_what_they_say_of_a_sample(
    thbench,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from dataclasses import replace

    from thbench.errors import UserError
    from thbench.plugins.discovery import registry
    from thbench.plugins.weights import import_file

    def recognise(weights: Path, sample: Path, context: object) -> str:
        if sample.read_text() != "example":
            raise UserError("the older file", "fetch the other")
        return f"the published file ({len(weights.read_bytes())} bytes)"

    owners = registry().weights_owners
    item, owner = owners["syncnet"][0]
    assert item.recognise is not None
    monkeypatch.setitem(owners, "syncnet", [(replace(item, size=4, recognise=recognise), owner)])
    source, sample = tmp_path / "w", tmp_path / "example.avi"
    source.write_bytes(b"1234")
    sample.write_text("example")
    import_file("syncnet", source, registry().weights())
    done = thbench("weights", "verify", "syncnet", "--with", sample)
    assert (done.code, done.out) == (0, "syncnet: the published file (4 bytes)\n")
    sample.write_text("another")
    done = thbench("weights", "verify", "syncnet", "--with", sample)
    assert done.code == 2
    assert "the older file" in done.err
    assert thbench("weights", "verify", "yunet", "--with", sample).code == 2


def test_a_cache_that_cannot_be_written_is_one_line(
    thbench,
    suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "file"))
    done = thbench("run", suite, "--out", tmp_path / "out")
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "cannot write" in done.err


@pytest.mark.slow
def test_a_path_that_is_too_long_is_no_fault_of_the_machine(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "thbench", "report", "a" * 300]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.rstrip().endswith("give a shorter path")
    assert "free disk" not in done.stderr
