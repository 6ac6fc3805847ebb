"""What the commands say without media: everything missing, each with a command that can be followed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from thbench.api import UserError
from thbench.cli.main import cli


def thbench(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "thbench", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path / "weights"))


@pytest.mark.slow
def test_a_run_without_data_lists_everything_missing(tmp_path: Path) -> None:
    done = thbench("run", "crema_d", cwd=tmp_path)
    assert done.returncode == 2
    assert "1640 recordings of CREMA-D" in done.stderr
    assert "(337 MB): thbench data fetch crema_d\n" in done.stderr
    assert "820 of 820 clips in the prepared set" in done.stderr
    assert ": thbench data prepare crema_d\n" in done.stderr
    for name in ("yunet", "pfld", "inception-2015", "syncnet"):
        assert f"thbench weights fetch {name}\n" in done.stderr
    for name in ("gan-128", "ddpm-64", "ddpm-128"):
        assert re.search(rf"checkpoint \S+{name}\S+, which is not published; train it with: thbench train crema_d {name} ",
                         done.stderr)  # fmt: skip
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_controls_alone_need_no_checkpoint(tmp_path: Path) -> None:
    done = thbench("run", "crema_d", "--systems", "ground-truth", cwd=tmp_path)
    assert "recordings of CREMA-D" in done.stderr
    assert "checkpoint" not in done.stderr


@pytest.mark.slow
def test_systems_that_share_a_checkpoint_lack_it_once(tmp_path: Path) -> None:
    done = thbench("run", "crema_d_ddim_steps", cwd=tmp_path)
    assert done.stderr.count("thbench train crema_d ddpm-64 ") == 1


@pytest.mark.slow
def test_the_folder_of_the_baseline_is_named_with_its_system(tmp_path: Path) -> None:
    done = thbench("run", "crema_d_diffused_heads", cwd=tmp_path)
    assert "folder of generated videos" in done.stderr
    assert "--set systems.diffused-heads.root=FOLDER\n" in done.stderr


@pytest.mark.slow
def test_the_commands_shown_choose_the_clips_of_the_run(tmp_path: Path) -> None:
    """Another split, limits and a root with a space: the printed words find the same files again."""
    overrides = ["split=crema_d_audeering", "limits={actors: 2, clips: 30}", "seed=5"]
    overrides.append(f"dataset.root={tmp_path / 'my data'}")
    words = [w for o in overrides for w in ("--set", o)]
    shown = thbench("run", "crema_d_ddim_steps", *words, cwd=tmp_path).stderr
    command = re.search(r"MB\): thbench (data fetch .*)", shown)[1]
    assert "60 recordings" in shown
    followed = thbench(*shlex.split(command.replace("fetch", "verify", 1)), cwd=tmp_path)
    assert followed.returncode == 1
    assert "30 clips of 2 actors (test of split crema_d_audeering)" in followed.stdout
    assert f"60 recordings under {tmp_path / 'my data'}: 0 good, 60 missing" in followed.stdout
    assert "... and 40 more problems" in followed.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fetch", "puppet"], "'puppet' has nothing to fetch or prepare"),
        (["fetch", "crema_dd"], "did you mean 'crema_d'?"),
        (["prepare", "crema_d"], "thbench weights fetch yunet && thbench weights fetch pfld"),
        (["verify", "crema_d", "--clip", "1001_DFA_ANG_YY"], "did you mean '1001_DFA_ANG_XX'?"),
        (["fetch", "crema_d", "--mirror", "my/files"], "mirror my/files is no web address"),
        (["verify", "crema_d", "--suite", "demo"], "suite 'demo' is about dataset 'puppet'"),
        (["verify", "crema_d", "--set", "dataset.rot=x"], "did you mean 'root'?"),
        (["show", "crema_d", "1001_DFA_ANG_XX", "-o", "x.png"], "prepare crema_d --clip 1001"),
        (["verify", "crema_d", "--manifest", "absent.csv"], "absent.csv cannot be read"),
        (
            ["verify", "crema_d", "--set", "split={test: [1001]}", "--split", "validation"],
            "names no validation actors",
        ),
    ],
)
def test_mistakes_are_one_line(words: list[str], said: str, tmp_path: Path) -> None:
    done = thbench("data", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_weights_come_with_the_media(monkeypatch: pytest.MonkeyPatch) -> None:
    """One command brings both; a licence that was not accepted is a problem told at the end."""
    asked: list[tuple[str, bool]] = []

    def bring(name: str, items: object, *, accept_licence: bool, progress: bool) -> None:
        asked.append((name, accept_licence))
        if name == "pfld" and not accept_licence:
            raise UserError("weights pfld are under a restricted licence", "read it")

    monkeypatch.setattr("thbench.plugins.weights.fetch", bring)
    words = ["fetch", "crema_d", "--clip", "1015_DFA_ANG_XX", "--mirror", "http://127.0.0.1:9"]
    done = CliRunner().invoke(cli, ["data", *words])
    assert done.exit_code == 1
    assert "2 failed (the same command goes on)" in done.stdout
    assert "problem: weights pfld are under a restricted licence — read it" in done.stderr
    accepted = CliRunner().invoke(cli, ["data", *words, "--accept-licence"])
    assert "pfld" not in accepted.stderr
    assert asked == [(name, ok) for ok in (False, True) for name in ("yunet", "pfld")]


@pytest.mark.slow
def test_exclusions_are_said_aloud(tmp_path: Path) -> None:
    done = thbench("data", "verify", "crema_d", "--split", "all", cwd=tmp_path)
    assert "7438 clips of 91 actors (all of split crema_d_dh10)" in done.stdout
    excluded = re.findall(r"^excluded (\S+): (.+)$", done.stdout, re.MULTILINE)
    assert [clip for clip, _ in excluded] == [
        "1064_IEO_DIS_MD",
        "1064_TIE_SAD_XX",
        "1076_MTI_NEU_XX",
        "1076_MTI_SAD_XX",
    ]
    assert "error picture" in dict(excluded)["1076_MTI_SAD_XX"]
