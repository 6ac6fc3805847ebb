"""A study in the run it was made from: leaderboard.md, report, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from made import made_run
from thbench.api import UserError
from thbench.cli.study import study as command
from thbench.published.page import formatted
from thbench.report.page import Options, write_report
from thbench.results.people import people_of
from thbench.study.collect import collected
from thbench.study.form import StudyKey, key_text
from thbench.study.in_run import put_in_run
from thbench.study.raters import Rule
from voters import People, made_key, write_ballots

NAME = "<b>system0"
WORTH = (1.0, 0.0, -1.0)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return made_run(tmp_path / "run", [NAME, "system1", "system2"], n_clips=2, sizes=(64,))


@pytest.fixture(scope="module")
def key() -> StudyKey:
    key = made_key(3, 6, trials=12)
    entries = [e.model_copy(update={"videos_digest": "5" * 64}) for e in key.entries]
    entries[0] = entries[0].model_copy(update={"name": NAME})
    made_of = {"suite_digest": "1" * 64}
    return key.model_copy(update={"made_of": made_of, "entries": tuple(entries)})


@pytest.fixture(scope="module")
def files(key: StudyKey, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_ballots(tmp_path_factory.mktemp("votes"), key, People(WORTH), 6, 6, 3)


def test_the_command_puts_tables_into_the_run(
    run: Path, key: StudyKey, files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "key.json").write_text(key_text(key))
    words = ["collect", *map(str, files), "--key", str(tmp_path / "key.json"), "--run", str(run)]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    stored = run / "people" / f"{key.study}.json"
    assert str(stored) in done.output.replace("\n", "")
    assert "votes" not in json.loads(stored.read_text())  # of single raters nothing is in the run
    page = (run / "leaderboard.md").read_text()
    assert "### sync, as 6 people see it" in page
    assert "&lt;b&gt;system0" in page
    assert page == formatted(run, "markdown")
    before = stored.read_bytes(), page
    assert CliRunner().invoke(command, words).exit_code == 0
    assert (stored.read_bytes(), (run / "leaderboard.md").read_text()) == before


def test_the_report_has_a_table_of_its_own(
    run: Path, key: StudyKey, files: list[Path], tmp_path: Path
) -> None:
    result = collected(files, key, Rule())
    put_in_run(result, run)
    page = write_report(run, tmp_path / "out", None, Options(strips=0)).read_text()
    assert NAME not in page
    people = page[page.index("What people see</h2>") :]
    assert "sync, as 6 people see it</h3>" in people
    assert people.count('<table class="people">') == 1
    votes = result.questions[0].entries[0].votes
    assert f'<td class="num">{votes}</td></tr>' in people
    assert "worth" not in page[: page.index("What people see</h2>")]


def test_two_studies_stand_beside_each_other_and_none_without(
    run: Path, key: StudyKey, files: list[Path], tmp_path: Path
) -> None:
    assert people_of(run) == ()
    assert "What people see" not in formatted(run, "markdown")
    result = collected(files, key, Rule())
    put_in_run(result, run)
    put_in_run(result.model_copy(update={"study": "f" * 16, "title": "Again"}), run)
    assert formatted(run, "markdown").count("as 6 people see it") == 2


def test_another_run_is_refused_before_anything_is_written(
    run: Path, key: StudyKey, files: list[Path]
) -> None:
    other = collected(files, key, Rule()).model_copy(update={"suite_digest": "9" * 64})
    with pytest.raises(UserError, match="is not the run that the study was made from"):
        put_in_run(other, run)
    assert not (run / "people").exists()
