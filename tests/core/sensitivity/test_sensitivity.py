"""`thbench sensitivity` on the toy plugins: what moves, what must not, what is resumed and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runs import SUITE
from thbench.api import UserError
from thbench.report.page import render
from thbench.report.run_data import read_run
from thbench.report.worst import Explained
from thbench.results.sensitivity import Sensitivity, read_sensitivity, sensitivity_text
from thbench.run.folder import VideoFolder
from thbench.sensitivity.plan import load_plan
from thbench.sensitivity.sources import system_name
from thbench.video import MediaReader

PLAN = """\
schema: 1
deliveries:
  dark: {picture: h264, quality: 45, usual: true, about: coarse}
  late: {sound_late: 0.5}
  loud: {sound: opus, bitrate: 500, about: more than Opus takes}
"""
METRICS = SUITE.replace("[toy-brightness]", "[psnr]").replace("brightness", "psnr")
METRICS += "limits: {clips: 3}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "suite.yaml").write_text(METRICS)
    (tmp_path / "plan.yaml").write_text(PLAN)
    return tmp_path


COMMAND = ["sensitivity", "suite.yaml", "--plan", "plan.yaml", "--out", "sens"]


@pytest.mark.slow
def test_the_references_otherwise(thbench, here: Path) -> None:
    done = thbench(*COMMAND)
    assert done.code == 0, done.err
    found = read_sensitivity(here / "sens/sensitivity.json")
    assert found.sources["ground-truth"].unmoved
    moves = {(m.delivery, m.column): m for m in found.moves}
    # Likeness falls by what the codec does; the sound's delay moves no picture at all.
    assert moves["late", "psnr"].move == 0
    assert (moves["late", "psnr"].low, moves["late", "psnr"].high) == (0, 0)
    fallen = moves["dark", "psnr"]
    assert fallen.before == 100  # dB of identical frames
    assert fallen.move == pytest.approx(_independent(here) - 100, rel=1e-5)
    assert fallen.low is not None and fallen.low < fallen.move < fallen.high < 0
    # What Opus refuses is counted with its reason, never a move.
    assert moves["loud", "psnr"].move is None
    (reason,) = found.lost["ground-truth.loud"]
    assert "libopus refused it" in reason
    assert found.lost["ground-truth.loud"][reason] == found.n_clips
    text = (here / "sens/sensitivity.md").read_text()
    assert "The lossless delivery scored exactly what its source did." in text
    assert "libopus refused it" in text
    assert (here / "sens/sensitivity.svg").read_text().startswith("<svg")


def _independent(here: Path) -> float:
    """PSNR of every clip, from the written files with numpy: mean over frames but the first, then clips."""
    values = []
    for file in sorted(here.glob("sens/deliveries/ground-truth/dark/videos/*.mkv")):
        true = file.parents[2] / "lossless" / "videos" / file.name
        a, b = (MediaReader().read(f).frames.astype(np.float64) for f in (file, true))
        values.append(np.mean(10 * np.log10(255**2 / ((a - b)[1:] ** 2).mean(axis=(1, 2, 3)))))
    assert len(values) > 1
    return float(np.mean(values))


@pytest.mark.slow
def test_it_continues_and_changes_no_byte(thbench, here: Path) -> None:
    thbench(*COMMAND)
    first = (here / "sens/sensitivity.json").read_bytes()
    made = {p: p.stat().st_mtime_ns for p in here.glob("sens/deliveries/*/*/videos/*")}
    gone = next(p for p in made if p.parts[-3] == "dark")
    gone.unlink()
    done = thbench(*COMMAND, "--workers", "2")
    assert done.code == 0, done.err
    assert (here / "sens/sensitivity.json").read_bytes() == first
    again = {p: p.stat().st_mtime_ns for p in here.glob("sens/deliveries/*/*/videos/*")}
    assert [p for p in made if made[p] != again[p]] == [gone]


@pytest.mark.slow
def test_a_run_is_marked(thbench, here: Path) -> None:
    """Two systems that differ in next to nothing: a codec moves each further than they are apart."""
    suite = METRICS.replace(
        "systems:\n", "systems:\n  near: {generator: toy-echo, resolution: 32}\n"
    )
    (here / "suite.yaml").write_text(suite)
    assert thbench("run", "suite.yaml", "--out", "run").code == 0
    assert "‡" not in (here / "run/leaderboard.md").read_text()
    done = thbench(*COMMAND, "--run", "run", "--only", "dark", "--of", "near")
    assert done.code == 0, done.err
    assert "psnr: dark alone moves near by " in done.out
    page = (here / "run/leaderboard.md").read_text()
    assert "| psnr ↑ ‡ |" in page
    assert "between echo and near (1 of 1 neighbouring pairs)" in page
    again = thbench("score", "suite.yaml", "--out", "run")
    assert again.code == 0
    assert "‡ psnr: dark alone moves near by " in again.out
    assert (
        here / "run/leaderboard.md"
    ).read_text() == page  # the mark is read from the stored file
    assert "<li>‡ psnr: dark alone moves near by " in _report(here / "run")
    found = read_sensitivity(here / "run/sensitivity.json")
    assert found.sources["near"].unmoved
    other = found.model_copy(update={"suite_digest": "0" * 64})
    (here / "run/sensitivity.json").write_text(sensitivity_text(other))
    thbench("score", "suite.yaml", "--out", "run")
    assert "‡" not in (here / "run/leaderboard.md").read_text()  # of another suite


def _report(run: Path) -> str:
    """The tables of the HTML report."""
    return render("run.html.j2", read_run(run), None, assets=(), **EMPTY)


EMPTY: dict[str, object] = dict.fromkeys(
    ("strips", "trainings", "pictures", "speeds", "costs", "drifted", "framed"), ()
)
EMPTY["explained"] = Explained()


@pytest.mark.slow
def test_a_folder_of_videos_is_enough(thbench, here: Path) -> None:
    thbench(*COMMAND, "--only", "late")
    folder = here / "sens/deliveries/ground-truth/lossless/videos"
    done = thbench("sensitivity", folder, "--metrics", "psnr", "--only", "crop-in-5", "--out", "f")
    assert done.code == 0, done.err
    found = read_sensitivity(here / "f/sensitivity.json")
    (move,) = found.moves
    assert move.column == "psnr" and move.move is not None and move.move < 0
    assert found.resolution == 32


def test_the_plan_is_said_and_nothing_done(thbench, here: Path) -> None:
    done = thbench("sensitivity", "suite.yaml", "--dry-run", "--only", "h264-crf40")
    assert done.code == 0
    assert "toys at 32 px: 3 clips of ground-truth, 2 rows to score" in done.out
    assert "h264-crf40" in done.out and "h264-crf18" not in done.out
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "h264-crf4"], "unknown delivery 'h264-crf4' — did you mean 'h264-crf40'?"),
        (["--of", "echo"], "--of echo is a system of a run — add --run RUN"),
        (["--run", "nowhere"], "nowhere holds no result"),
        (["--crop", "face"], "--crop belongs to a folder"),
        (["--plan", "nothing.yaml"], "nothing.yaml"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, thbench, here: Path) -> None:
    done = thbench("sensitivity", "suite.yaml", *words)
    assert done.code == 2
    assert message in done.err and "Traceback" not in done.err


@pytest.mark.slow
def test_a_run_of_another_suite_is_refused(thbench, here: Path) -> None:
    assert thbench("run", "suite.yaml", "--out", "run", "--set", "seed=8").code == 0
    done = thbench(*COMMAND, "--run", "run")
    assert done.code == 2
    assert "run is a run of toys" in done.err and "not of toys" in done.err


@pytest.mark.slow
def test_a_run_of_other_recordings_is_refused(thbench, here: Path) -> None:
    """The same suite, but for what lies under the names of its clips."""
    assert thbench("run", "suite.yaml", "--out", "run").code == 0
    journal = here / "run/systems/echo/journal.jsonl"
    first = json.loads(journal.read_text().splitlines()[0])
    VideoFolder(here / "run", journal.parent).journal.append({**first, "reference": "other"})
    done = thbench(*COMMAND, "--run", "run", "--only", "late")
    assert done.code == 2
    assert f"echo: clip {first['clip']} of the run was made from another recording" in done.err


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema: 1\ndeliveries: {lossless: {crop: 0.1}}", "stands for the delivery that changes"),
        ("schema: 1\ndeliveries: {'a b': {crop: 0.1}}", "is no usable name"),
        ("schema: 1\ndeliveries: {a: {picture: h264}}", "picture and quality belong together"),
        ("schema: 1\ndeliveries: {}", "deliveries"),
        ("schema: 2\ndeliveries: {a: {crop: 0.1}}", "schema"),
    ],
)
def test_a_wrong_plan_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        load_plan(file)


def test_a_damaged_or_newer_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sensitivity.json"
    for text, message in (
        ("[]", "is no sensitivity.json"),
        ('{"schema": 9}', "schema 9 is newer"),
        ('{"schema": 1, "suite": 3}', "suite: "),
    ):
        file.write_text(text)
        with pytest.raises(UserError, match=message):
            read_sensitivity(file)


def test_long_names_of_systems_stay_usable_and_apart() -> None:
    names = {system_name("s" * 60 + end, "h264-crf18") for end in ("aa", "ab")}
    assert len(names) == 2
    assert all(len(name) <= 64 and name.endswith(".h264-crf18") for name in names)
    assert system_name("gan", "late") == "gan.late"


@pytest.mark.slow
def test_the_document_round_trips(thbench, here: Path) -> None:
    thbench(*COMMAND, "--only", "late")
    text = (here / "sens/sensitivity.json").read_text()
    again = Sensitivity.model_validate_json(text)
    assert sensitivity_text(again) == text
    assert json.loads(text)["provenance"]["encoders"].keys() >= {"pyav", "libavcodec"}


@pytest.mark.slow
def test_texts_of_others_are_escaped_and_the_page_asks_for_nothing(thbench, here: Path) -> None:
    evil = "<script>alert(1)</script> | x"
    (here / "plan.yaml").write_text(
        f"schema: 1\ndeliveries: {{late: {{sound_late: 0.5, about: '{evil}'}}}}"
    )
    thbench(*COMMAND)
    page = (here / "sens/sensitivity.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "<script" not in (here / "sens/sensitivity.md").read_text()
