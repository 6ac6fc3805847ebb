"""Rows with failed clips, clips without a reference and two resolutions: honest ones pass, each false count is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boards import Board, board_of, shared_run
from runs import SUITE
from thbench.leaderboard.store import row_files

TEXT = (
    SUITE.replace("{name: toy}", "{name: toy, n_actors: 8, bad: [1003_BBB]}")
    .replace("[toy-brightness]", "[{metric: toy-brightness, fault: fail, on: 1004_CCC}]")
    .replace(
        "  echo: {generator: toy-echo, resolution: 32}",
        "  echo: {generator: toy-echo, resolution: 32, fault: refuse, 'on': 1002_AAA}\n"
        "  large: {generator: toy-echo, resolution: 46}",
    )
    .replace("on: 1004_CCC", "'on': 1004_CCC")
)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_run(tmp_path_factory, TEXT)


@pytest.fixture
def failing(run: Path, tmp_path: Path) -> Board:
    return board_of(run, tmp_path)


def test_honest_rows_with_failures_are_verified(failing: Board) -> None:
    names = {path.parent.name for path in row_files(failing.root)}
    assert {"echo", "large", "ground-truth@32", "ground-truth@46"} <= names
    for name in sorted(names):
        finding = failing.verify(name)
        assert (finding.problems, finding.tier) == ((), "rows-verified"), name
    document = json.loads(failing.path().read_text())
    clips, brightness = document["clips"], document["scores"]["brightness"]
    assert (clips["n"], clips["generated"], clips["failed"]) == (23, 22, 1)
    assert (brightness["n"], brightness["of"]) == (21, 23)
    assert [reason["clips"] for reason in clips["without_reference"]] == [["1003_BBB"]]
    assert [reason["clips"] for reason in brightness["failures"]] == [["1004_CCC"]]


def of_clips(**change: Any) -> Change:
    return lambda d: d["clips"].update(change)


def of_score(**change: Any) -> Change:
    return lambda d: d["scores"]["brightness"].update(change)


def reason(*clips: str, count: int | None = None) -> list[dict[str, Any]]:
    return [{"reason": "r", "count": len(clips) if count is None else count, "clips": clips}]


def moved_apart(d: dict[str, Any]) -> None:
    """The system's own failure, said to be the reference's."""
    d["clips"].update(n=22, failed=0, failures=[])
    d["clips"]["without_reference"] = reason("1002_AAA", "1003_BBB")


def forgotten(d: dict[str, Any]) -> None:
    """The failed clip left out of every count."""
    d["clips"].update(n=22, failed=0, failures=[])
    for score in d["scores"].values():
        score["of"] = 22


def nobody_failed(d: dict[str, Any]) -> None:
    d["clips"].update(generated=23, failed=0, failures=[])


def one_more_failure(d: dict[str, Any]) -> None:
    """A scored clip, said to have failed, so that a bad value might leave the mean."""
    d["clips"].update(generated=21, failed=2, failures=reason("1002_AAA", "1001_AAA"))


TAMPERED: list[tuple[str, Change, str]] = [
    ("a reason counts more", of_clips(failures=reason("1002_AAA", count=2)), "a reason does not count its clips"),
    ("a reason counts less", of_clips(without_reference=reason("1003_BBB", count=0)), "a reason does not count its clips"),
    ("asked", of_clips(n=24, generated=23), "24 clips asked for and 1 failed do not follow"),
    ("failed", of_clips(failed=2, generated=21), "2 failed do not follow"),
    ("generated", of_clips(generated=23), "do not add up"),
    ("forgotten", forgotten, "do not follow from the table"),
    ("nobody failed", nobody_failed, "clip 1002_AAA failed and is not counted"),
    ("one more failure", one_more_failure, "clips scored"),
    ("moved apart", moved_apart, "no usable reference"),
    ("of", of_score(of=24), "covers 21 of 24 clips, 23 were asked for"),
    ("of less", of_score(of=22), "covers 21 of 22 clips, 23 were asked for"),
    ("more than all", of_score(n=24), "covers 24 of 23 clips"),
    ("one more scored", of_score(n=22), "22 clips scored, 21 in the table"),
    ("its reason left out", of_score(failures=[]), "21 clips scored, 21 in the table, 2 with a reason"),
    ("another clip's reason", of_score(failures=reason("1001_AAA")), "21 in the table"),
    ("a value below its range", of_score(value=-1.0), "-1.0 is outside its range"),
    ("a range that ends below the value", of_score(range=[0.0, 1.0]), "outside its range"),
    ("a range that begins above the value", of_score(range=[500.0, None]), "outside its range"),
    ("of another metric", lambda d: d["scores"]["brightness"].update(metric="toy-rival"), "identity is not"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"), [t[1:] for t in TAMPERED], ids=[t[0] for t in TAMPERED]
)
def test_every_false_count_is_found(failing: Board, change: Change, says: str) -> None:
    failing.change(change)
    finding = failing.verify()
    assert finding.tier is None
    assert any(says in problem for problem in finding.problems), finding.problems


def test_the_other_resolutions_numbers_do_not_pass(failing: Board) -> None:
    """A row at 46 px with the ground truth, or the identity, of 32 px."""
    small = json.loads(failing.path("echo").read_text())["scores"]["brightness"]
    failing.change(
        lambda d: d["scores"]["brightness"].update(
            identity=small["identity"], identity_digest=small["identity_digest"]
        ),
        "large",
    )
    problems = failing.verify("large").problems
    assert any("identity is of another resolution than the system" in p for p in problems), problems


def test_the_distance_is_from_the_ground_truth_of_its_own_resolution(failing: Board) -> None:
    value: dict[str, float] = {}
    for name in ("echo", "large", "ground-truth@32", "ground-truth@46"):
        score = json.loads(failing.path(name).read_text())["scores"]["brightness"]
        value[name] = score["value"]
        if name in ("echo", "large"):
            value[f"{name} distance"] = score["distance_from_reference"]
    small, large = value["ground-truth@32"], value["ground-truth@46"]
    assert abs(small - large) > 1e-3, "both resolutions have one ground truth: nothing is tested"
    assert value["echo distance"] == pytest.approx(abs(value["echo"] - small), rel=1e-12)
    assert value["large distance"] == pytest.approx(abs(value["large"] - large), rel=1e-12)
    wrong = abs(value["large"] - small)
    failing.change(
        lambda d: d["scores"]["brightness"].update(distance_from_reference=wrong), "large"
    )
    assert any("distance from the ground truth" in p for p in failing.verify("large").problems)
