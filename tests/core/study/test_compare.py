"""Metrics beside people: directions of scores, levels, votes alike, and when nothing can be concluded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import kendalltau, spearmanr

from guards import some
from made import result
from thbench.api import UserError
from thbench.cli.study import study as command
from thbench.results.clips import clips_text
from thbench.results.document import Result, result_text
from thbench.study.collect import collected
from thbench.study.compare import Beside, Comparison, compare
from thbench.study.compare_tables import chart, markdown, table, warnings
from thbench.study.document import StudyResult, study_text
from thbench.study.form import StudyKey
from thbench.study.raters import Rule
from voters import People, made_key, write_ballots

WORTH = (1.8, 1.2, 0.6, 0.2, -0.4, -0.8, -1.1, -1.5)
CLIPS = 10
BETTER = {
    "good": "higher",
    "bad": "lower",
    "near": "nearer-reference",
    "against": "higher",
    "flat": "lower",
}


def value(column: str, worth: float, place: int, clip: int) -> float:
    """Of one system on one clip; `near` lies above and below the ground truth's 3 in turns."""
    shaken = worth + 0.3 * np.sin(7.0 * place + 3.0 * clip)
    sign = 1 if place % 2 else -1
    return float({
        "good": shaken, "bad": -2 * shaken, "near": 3 + sign * (3 - shaken), "against": -shaken, "flat": 1.0,
    }[column])  # fmt: skip


def entry_of_run(name: str, kind: str, cells: dict[str, list[float]]) -> Result:
    """A result whose scores are means of clips, and one of the whole set that knows the order."""
    found = result(name, kind, 64, cells, CLIPS).model_dump(mode="json", by_alias=True)
    for column, score in found["scores"].items():
        away = abs(np.mean(cells[column]) - 3.0) if column == "near" else None
        score |= {
            "better": BETTER[column],
            "over": {"column": column},
            "distance_from_reference": away,
        }
    found["scores"]["set"] = {
        **found["scores"]["good"], "metric": "set", "score": "set", "over": None, "set_level": True,
    }  # fmt: skip
    return Result.model_validate_json(json.dumps(found))


def write_run(root: Path, worth: tuple[float, ...] = WORTH) -> Path:
    rows = [(f"system{i}", "system", f"systems/system{i}") for i in range(len(worth))]
    rows.append(("ground-truth", "control", "controls/64/ground-truth"))
    for place, (name, kind, path) in enumerate(rows):
        mine = (*worth, 3.0)[place]
        cells = {
            column: [
                3.0 if kind == "control" else value(column, mine, place, c) for c in range(CLIPS)
            ]
            for column in BETTER
        }
        folder = root / path
        folder.mkdir(parents=True)
        lines = [
            {"clip": f"c{c}", "actor": str(c), **{n: v[c] for n, v in cells.items()}}
            for c in range(CLIPS)
        ]
        (folder / "clips.csv").write_text(clips_text(["clip", "actor", "failure", *BETTER], lines))
        (folder / "result.json").write_text(result_text(entry_of_run(name, kind, cells)))
    return root


def key_of_run(systems: int, **changed: Any) -> StudyKey:
    key = made_key(systems, CLIPS, trials=40)
    entries = tuple(
        e.model_copy(update={"videos_digest": "5" * 64, **changed}) for e in key.entries
    )
    return key.model_copy(update={"made_of": {"suite_digest": "1" * 64}, "entries": entries})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("compare") / "run")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    key = key_of_run(len(WORTH))
    files = write_ballots(tmp_path_factory.mktemp("votes"), key, People(WORTH), 24, CLIPS, 2)
    return collected(files, key, Rule())


@pytest.fixture(scope="module")
def found(run: Path, people: StudyResult) -> Comparison:
    return compare(run, people)


def beside(found: Comparison, column: str) -> Beside:
    return next(b for b in found.beside if b.column == column)


def test_systems_as_scipy_has_them_whatever_direction_is_better(
    found: Comparison, people: StudyResult
) -> None:
    scores = {e.name: e.score.value for e in people.questions[0].entries}
    human = [scores[f"system{i}"] for i in range(len(WORTH))]
    means = {
        c: [np.mean([value(c, w, i, k) for k in range(CLIPS)]) for i, w in enumerate(WORTH)]
        for c in BETTER
    }
    means["near"] = [-abs(m - 3.0) for m in means["near"]]
    means["bad"] = [-m for m in means["bad"]]
    for column in ("good", "bad", "near", "against"):
        one = beside(found, column)
        assert one.systems.n == len(WORTH)
        assert one.systems.value == pytest.approx(spearmanr(means[column], human).statistic)
        assert one.systems_kendall.value == pytest.approx(
            kendalltau(means[column], human).statistic
        )
    assert (beside(found, "good").systems.value or 0) > 0.9
    assert beside(found, "against").systems.value == -(beside(found, "good").systems.value or 0)


def test_videos_as_scipy_has_them(found: Comparison, people: StudyResult) -> None:
    told: dict[tuple[int, str], list[float]] = {}
    for vote in some(people.votes):
        told.setdefault((vote.first, vote.clip), []).append((2 - vote.outcome) / 2)
        told.setdefault((vote.second, vote.clip), []).append(vote.outcome / 2)
    human = [np.mean(v) for v in told.values()]
    for column in ("good", "bad", "near"):
        sign = -1 if column == "bad" else 1
        mine = [sign * value(column, WORTH[i], i, int(c[1:])) for i, c in told]
        mine = [-abs(m - 3.0) for m in mine] if column == "near" else mine
        one = beside(found, column)
        assert one.videos is not None
        assert one.videos_kendall is not None
        assert one.videos.n == len(told)
        assert one.videos.value == pytest.approx(spearmanr(mine, human).statistic)
        assert one.videos_kendall.value == pytest.approx(kendalltau(mine, human).statistic)
        assert one.told_by == ["systems", "videos"]


def test_votes_alike_are_counted(found: Comparison, people: StudyResult) -> None:
    chose = [v for v in people.votes if v.outcome != 1]
    alike = [
        (value("good", WORTH[v.first], v.first, int(v.clip[1:]))
         > value("good", WORTH[v.second], v.second, int(v.clip[1:]))) == (v.outcome == 0)
        for v in chose
    ]  # fmt: skip
    good, against = beside(found, "good"), beside(found, "against")
    assert good.votes is not None
    assert against.votes is not None
    assert (good.n_votes, good.votes.value) == (len(chose), pytest.approx(np.mean(alike)))
    assert against.votes.value == pytest.approx(1 - np.mean(alike))
    assert good.votes.low is not None
    assert 0.5 < good.votes.low < good.votes.value


@pytest.mark.slow
def test_ratings_are_compared_as_they_are(run: Path, people: StudyResult) -> None:
    """Of ratings a video's mean counts; there are no votes between two."""
    ratings = tuple(
        v.model_copy(
            update={"first": e, "second": -1, "outcome": 1 + (3 * e + int(v.clip[1:])) % 5}
        )
        for v in people.votes
        for e in (v.first, v.second)
    )
    one = beside(compare(run, people.model_copy(update={"form": "mos", "votes": ratings})), "good")
    told = {(v.first, v.clip): v.outcome for v in some(ratings)}
    mine = [value("good", WORTH[i], i, int(c[1:])) for i, c in told]
    assert one.videos is not None
    assert one.videos.value == pytest.approx(spearmanr(mine, list(told.values())).statistic)
    assert (one.videos.n, one.votes, one.n_votes) == (len(told), None, 0)


def test_nothing_is_concluded_of_what_does_not_vary(found: Comparison) -> None:
    flat = beside(found, "flat")
    assert (flat.systems.value, flat.votes, flat.n_votes) == (None, None, 0)
    assert flat.warning == (
        "nothing can be concluded: over systems one side does not vary; over videos one side does not vary"
    )
    assert warnings(found, "sync") == [f"flat: {flat.warning}"]
    cells = {row[0]: row for row in table(found, "sync")}
    assert cells["flat ↓"] == ["flat ↓", "–", "–", "–", "–", "–", "nothing"]
    assert cells["set ↑"][-1] == "systems"
    assert cells["good ↑"][-1] == "systems and videos"


@pytest.mark.slow
def test_few_systems_conclude_nothing_over_systems(tmp_path: Path) -> None:
    key = key_of_run(4)
    files = write_ballots(tmp_path / "votes", key, People(WORTH[:4]), 6, CLIPS, 4)
    found = compare(write_run(tmp_path / "run", WORTH[:4]), collected(files, key, Rule()))
    assert beside(found, "set").warning == (
        "nothing can be concluded: over systems 4 points: fewer than 6 have no interval; "
        "over videos it is a number of the whole set"
    )
    assert "systems" not in beside(found, "good").told_by
    assert found.said[1].startswith(
        "4 systems, fewer than 6: what videos and votes tell holds of these"
    )


def test_another_run_or_other_videos_are_refused(run: Path, people: StudyResult) -> None:
    other = people.model_copy(update={"suite_digest": "9" * 64})
    with pytest.raises(UserError, match="is not the run that the study was made from"):
        compare(run, other)
    entries = tuple(e.model_copy(update={"videos_digest": "6"}) for e in people.entries)
    with pytest.raises(UserError, match=r"system0 of .* has other videos than people saw"):
        compare(run, people.model_copy(update={"entries": entries}))


@pytest.mark.slow
def test_what_is_not_compared_is_said(run: Path, people: StudyResult) -> None:
    changed = [
        people.entries[0].model_copy(update={"name": "gone"}),
        people.entries[1].model_copy(update={"resolution": 128}),
    ]
    found = compare(run, people.model_copy(update={"entries": (*changed, *people.entries[2:])}))
    assert found.systems == [f"system{i}" for i in range(2, 8)]
    assert not any("fewer than" in line for line in found.said)
    assert "shown to people, not in this run: gone, system1" in found.said
    assert beside(found, "good").systems.n == 6


def test_pages_escape_what_they_show(found: Comparison) -> None:
    one = beside(found, "good")
    bad = Comparison(
        "s", 64, [], [Beside("<b>|", "<i>x", "higher", one.systems, one.systems_kendall)], ["<u>"]
    )
    assert "<" not in markdown(bad)
    assert "&lt;i&gt;x" in markdown(bad)
    assert "<i>" not in chart(bad, "<b>|")


@pytest.mark.slow
def test_the_command_writes_and_shows(run: Path, people: StudyResult, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(study_text(people))
    done = CliRunner().invoke(command, ["compare", str(run), "--study", str(tmp_path)])
    assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "metrics.json").read_text())
    good = next(b for b in data["beside"] if b["column"] == "good")
    assert good["concluded_from"] == ["systems", "videos"]
    assert good["systems"]["n"] == len(WORTH)
    assert "| good ↑ |" in (tmp_path / "metrics.md").read_text()
    assert (tmp_path / "metrics-sync.svg").read_text().startswith("<svg")
    assert "flat: nothing can be concluded" in done.output.replace("\n", " ")
    again = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    CliRunner().invoke(command, ["compare", str(run), "--study", str(tmp_path / "study.json")])
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == again
