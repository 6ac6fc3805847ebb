"""The demo, shown to scripted raters in a real browser: run, made, voted, collected, shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from chromium import Page
from guards import some
from study_rater import Decide, answer, begin, downloaded
from thbench.study.document import read_study
from thbench.study.form import StudyKey, read_key

LIKED = ("ground-truth", "loudness-warp", "loudness-warp-64", "gan", "ddpm")
"""What the raters like, best first: one taste, so that the order that comes out is known."""
PAIRS, CATCH = 10, 4


def told_by(key: StudyKey) -> Decide:
    """Always the one that is liked better; catch trials right."""
    rank = {i: LIKED.index(e.name) for i, e in enumerate(key.entries) if e.name in LIKED}

    def decide(trial: str, _files: Sequence[str], _question: str) -> str:
        record = key.trials[trial]
        if record.kind == "twice":
            return "tie"
        if record.truth is not None:
            return record.truth
        left, right = (rank[key.videos[str(v)].entry] for v in (record.left, record.right))
        return "left" if left < right else "right"

    return decide


def leftmost(_trial: str, _files: Sequence[str], _question: str) -> str:
    """Who does not look."""
    return "left"


def vote(
    page: Page, address: str, counts: Mapping[str, int], decide: Decide, out: Path, keys: bool
) -> None:
    page.renew()
    begin(page, address, counts)
    for _ in range(PAIRS + CATCH):
        answer(page, decide, ("sync",), keys=keys)
    out.mkdir()
    downloaded(page, out)


@pytest.mark.long
def test_the_demo_is_made_into_a_study_voted_on_collected_and_shown(
    tmp_path: Path, thbench: Any, browser: Page
) -> None:
    run, study = tmp_path / "demo", tmp_path / "study"
    assert thbench("run", "demo", "--out", run, "--workers", 2).code == 0
    made = thbench(
        "study", "make", run, "-o", study, "--pairs", PAIRS, "--lists", 2, "--catch", CATCH, "--clips", 5,
        "--ground-truth", "--questions", "sync", "--seconds", 0.6, "--seed", 1,
    )  # fmt: skip
    assert made.code == 0, made.err
    key, address = read_key(study / "key.json"), (study / "site" / "index.html").as_uri()
    assert {e.name for e in key.entries if e.contestant} == set(LIKED)
    page = (study / "site" / "index.html").read_text()
    assert [n for n in LIKED if re.search(rf"\b{re.escape(n)}\b", page)] == []
    for file in some([p for p in sorted((study / "site").rglob("*")) if p.is_file()]):
        content = file.read_bytes()  # noise has every three letters somewhere
        assert [n for n in LIKED if len(n) > 8 and n.encode() in content] == [], file
    for number in range(4):
        decide = leftmost if number == 3 else told_by(key)
        where = f"{address}?list={number % 2 + 1}"
        vote(browser, where, key.beeps, decide, tmp_path / f"votes{number}", keys=number == 2)
    assert browser.problems == []
    assert all(r.startswith(("file:", "blob:", "about:")) for r in some(browser.requests))

    votes = [tmp_path / f"votes{i}" for i in range(4)]
    done = thbench(
        "study", "collect", *votes, "--key", study / "key.json", "--regularise", 1, "-o", study,
        "--run", run,
    )  # fmt: skip
    assert done.code == 0, done.err
    result = read_study(study)
    (lazy,) = tmp_path.glob("votes3/*.json")
    dropped = {line.rater for line in result.rater_lines if line.dropped_because}
    assert dropped == {json.loads(lazy.read_text())["rater"]}
    (question,) = result.questions
    assert question.votes == 3 * PAIRS
    assert tuple(e.name for e in question.entries) == LIKED
    shown = (study / "study.md").read_text()
    for name in LIKED:
        assert f"| {name} |" in shown
        assert name in done.out
    assert "3 of 4 raters count" in done.out
    assert "### sync, as 3 people see it" in (run / "leaderboard.md").read_text()
