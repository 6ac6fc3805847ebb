"""The table of cheats of docs/security.md: what verify finds in the files, and what only videos show."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boards import Board, board_of, shared_run
from thbench.api import Clip, Observed
from thbench.errors import UserError
from thbench.files.atomic import temporary_path
from thbench.leaderboard.add import add
from thbench.leaderboard.build import board, board_text
from thbench.leaderboard.checks import problems
from thbench.leaderboard.copies import copied_features, feature_distance
from thbench.leaderboard.ground import Places, ground_of
from thbench.leaderboard.guard import guarded_changes
from thbench.leaderboard.page import page
from thbench.leaderboard.store import clips_file, read_row, read_rows, row_files
from thbench.leaderboard.verify import unshowable
from thbench.results.document import SubmissionRecord, TrainedOnRecord, read_result
from thbench.results.ranking import why_unranked, wrong_training


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_run(tmp_path_factory)


@pytest.fixture
def toys(run: Path, tmp_path: Path) -> Board:
    return board_of(run, tmp_path)


def refused(toys: Board, text: str) -> None:
    found = toys.verify().problems
    assert any(text in problem for problem in found), found


# -- copies -------------------------------------------------------------------------------------------


def test_the_videos_of_the_ground_truth(toys: Board) -> None:
    truth = json.loads(toys.path("ground-truth@32").read_text())
    toys.change(lambda d: d["clips"].update(videos_digest=truth["clips"]["videos_digest"]))
    refused(toys, "its videos are those of the ground truth")


def test_the_numbers_of_the_ground_truth_in_some_clips(toys: Board) -> None:
    truth = list(csv.reader(io.StringIO(clips_file(toys.path("ground-truth@32")).read_text())))

    def swap(text: str) -> str:
        mine = list(csv.reader(io.StringIO(text)))
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([*mine[:2], *truth[2:5], *mine[5:]])
        return out.getvalue()

    toys.change_table(swap, fix=True)
    refused(toys, "have the numbers of the ground truth in every column")


def seen(clip: str, array: np.ndarray) -> Observed:
    return Observed(Clip(clip, "1"), {}, {"features": array})


def test_the_features_of_the_ground_truth() -> None:
    rng = np.random.default_rng(1)
    truth = {f"c{i}": np.cumsum(rng.normal(size=(30, 16)), 0) for i in range(20)}
    theirs = [seen(c, a) for c, a in truth.items()]
    own = [seen(c, np.cumsum(rng.normal(size=(30, 16)), 0)) for c in truth]
    assert not list(copied_features(own, theirs))
    late = [seen(c, np.concatenate([a[:1], a[:-1]])) for c, a in truth.items()]
    noisy = [seen(c, a + rng.normal(0, 0.01, a.shape)) for c, a in truth.items()]
    for copies in (theirs, late, noisy, [*theirs[:3], *own[3:]]):
        (problem,) = copied_features(copies, theirs)
        assert "have the features of the ground truth" in problem
    assert feature_distance(np.zeros((4, 2)), np.zeros((4, 2))) == np.inf
    assert feature_distance(np.zeros((9, 2)), np.zeros((9, 3))) == np.inf


def test_copies_keep_a_row_out_of_the_ranking_and_build_says_why(toys: Board) -> None:
    clips = list(read_row(toys.root, toys.path()).clips.actors)
    toys.change(lambda d: d["clips"].update(copies=clips))
    refused(toys, "claims to be ranked")
    data = board(toys.root)
    (row,) = [
        r for t in data["synthetic"] + data["measured"] for r in t["rows"] if r["system"] == "echo"
    ]
    assert row["rank"] is None
    assert "are copies of the ground truth" in row["unranked_because"][0]


# -- training on the test actors ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "actor"),
    [
        ("toy", "1001"),
        ("Toy", "1001"),
        (" TOY ", " 1001"),
        ("t-o-y", "01001"),
        ("ｔｏｙ", "１００１"),
    ],
)
def test_training_on_test_actors_however_it_is_written(
    toys: Board, dataset: str, actor: str
) -> None:
    declared = TrainedOnRecord(dataset=dataset, actors=(actor,))
    result = read_result(toys.path())
    system = result.system.model_copy(update={"trained_on": declared})
    assert why_unranked("toy", {"1001"}, system, result.clips) == ["trained on test actors 1001"]


def test_unknown_datasets_and_actors_are_refused(toys: Board) -> None:
    def said(dataset: str, *actors: str) -> str | None:
        known, have = ["toy", "puppet"], ["1001", "1002"]
        declared = TrainedOnRecord(dataset=dataset, actors=actors)
        return wrong_training(declared, "toy", have, known)

    assert said("toy", "1002") is None and said("puppet", "any") is None
    assert said("none") is None and said("other:VoxCeleb2", "id0001") is None
    assert "does not have" in (said("toy", "1003") or "")
    assert "no installed dataset" in (said("tooy", "1001") or "")
    assert "no installed dataset" in (said("other:toy-v2", "1001") or "")
    toys.change(lambda d: d["system"].update(trained_on={"dataset": "tooy", "actors": ["1001"]}))
    refused(toys, "no installed dataset")


def test_training_that_is_not_declared_is_shown_as_unknown(toys: Board) -> None:
    """Nothing finds it out: the page says that nobody knows."""
    toys.change(lambda d: d["system"].update(trained_on=None))
    assert not toys.verify().problems
    assert "echo was trained on: unknown" in page(board(toys.root))


# -- rows that are another's, or nobody's ---------------------------------------------------------------


def test_swapped_tables_are_refused(toys: Board) -> None:
    ours, theirs = (clips_file(toys.path(name)) for name in ("echo", "loud"))
    first, second = ours.read_bytes(), theirs.read_bytes()
    ours.write_bytes(second)
    theirs.write_bytes(first)
    refused(toys, "another sha256")
    assert any("another sha256" in p for p in toys.verify("loud").problems)


@pytest.mark.slow
def test_an_invented_row_holds_until_its_videos_are_scored_again(toys: Board, run: Path) -> None:
    """A document, a table and features that fit each other: files alone cannot tell that no video is behind."""
    data = json.loads(toys.path("loud").read_text())
    data["system"]["name"] = "echo"
    toys.path().write_text(json.dumps(data))
    shutil.copy(clips_file(toys.path("loud")), clips_file(toys.path()))
    assert not toys.verify().problems
    finding = toys.verify(videos=run / "systems/echo/videos")
    assert any("scored again" in p for p in finding.problems), finding.problems


# -- trimming, missing sound ---------------------------------------------------------------------------


def test_shorter_videos_are_refused(toys: Board) -> None:
    toys.change(lambda d: d["clips"].update(trimmed=3))
    refused(toys, "3 video(s) are shorter")


def test_an_honest_row_without_a_value_is_in_order(toys: Board) -> None:
    """Videos without sound: a score that nobody could compute means what it means."""

    def silent(d: dict[str, Any]) -> None:
        clips = list(read_row(toys.root, toys.path()).clips.actors)
        reason = {"reason": "has no sound", "count": len(clips), "clips": clips}
        for name, score in d["scores"].items():
            if name != "brightness":
                score.update(value=None, reason="no clip was scored", over=None, interval=None, n=0)
                score.update(failures=[reason], distance_from_reference=None)

    toys.change(silent)
    assert not [p for p in toys.verify().problems if "means something else" in p]


# -- pins, records, look-alikes ------------------------------------------------------------------------


def test_a_change_may_not_touch_pins_records_or_published_rows(toys: Board, tmp_path: Path) -> None:
    proposed = tmp_path / "proposed"
    (toys.root / "published").mkdir(exist_ok=True)
    (toys.root / "published" / "x.yaml").write_text("a: 1\n")
    toys.path().with_name("1.verified").write_text("{}")
    shutil.copytree(toys.root, proposed)
    assert not list(guarded_changes(proposed, toys.root))
    shutil.copytree(proposed / "results/toys/echo", proposed / "results/toys/new")
    (proposed / "results/toys/new/1.verified").unlink()
    assert not list(guarded_changes(proposed, toys.root))  # a new row is what a change is for
    (proposed / "results/toys/new/1.verified").write_text("{}")
    (proposed / "results/toys/ground-truth@32/1.json").write_text("{}")
    (proposed / "results/toys/still-identity@32/1.clips.csv").unlink()
    (proposed / "published/x.yaml").write_text("a: 2\n")
    assert list(guarded_changes(proposed, toys.root)) == [
        "published/x.yaml: changed",
        "results/toys/ground-truth@32/1.json: changed",
        "results/toys/new/1.verified: added",
        "results/toys/still-identity@32/1.clips.csv: removed",
    ]


def test_names_that_look_alike_or_like_a_control(toys: Board) -> None:
    shutil.copytree(toys.path().parent, toys.path("Echo").parent)
    with pytest.raises(UserError, match="looks like"):
        row_files(toys.root)
    shutil.rmtree(toys.path("Echo").parent)
    shutil.copytree(toys.path().parent, toys.path("ground-truth").parent)
    toys.change(lambda d: d["system"].update(name="ground-truth"), "ground-truth")
    with pytest.raises(UserError, match="is the name of a control"):
        read_row(toys.root, toys.path("ground-truth"))


def test_a_control_that_does_not_exist(toys: Board) -> None:
    """Passed verify and broke build before."""
    shutil.copytree(toys.path("still-identity@32").parent, toys.path("my-control@32").parent)
    toys.change(lambda d: d["system"].update(name="my-control"), "my-control@32")
    (problem,) = toys.verify("my-control@32").problems
    assert "there is no control 'my-control'" in problem
    with pytest.raises(UserError, match="there is no control"):
        board(toys.root)


def test_a_file_of_a_killed_writer_stops_nothing(toys: Board) -> None:
    toys.path().with_name(".thbench-1-abc.tmp").write_bytes(b"half")
    assert not toys.verify().problems
    board(toys.root)


def test_the_next_command_sweeps_what_a_killed_one_left(toys: Board, run: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    own = temporary_path(toys.path().parent)
    left = own.with_name(own.name.replace(f"-{os.getpid()}-", f"-{int(dead.stdout)}-"))
    for path in (left, own):
        path.write_bytes(b"half")
    add(run, toys.root, "2", SubmissionRecord(submitter="a person"), names=["echo"])
    assert not left.exists() and own.exists()


# -- verify and build agree ----------------------------------------------------------------------------

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 3, 10**9, 10**400, 0.5, -0.0, 1e308, 5e-324, "", "x", "ground-truth",
    "\u202e", "<svg onload=1>", "a|b", "1001_AAA", "x" * 5000, [], {}, [1], {"a": 1}, [[]], ["1001_AAA"],
]  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a document can be changed."""
    inner = (
        list(data.items())
        if isinstance(data, dict)
        else list(enumerate(data))
        if isinstance(data, list)
        else []
    )
    return [path, *(p for key, value in inner for p in places(value, (*path, key)))]


def mutated(data: Any, rng: random.Random) -> Any:
    """A copy with one to three places replaced, removed, renamed or swapped."""
    data = json.loads(json.dumps(data))
    for _ in range(rng.choice([1, 1, 2, 3])):
        *above, key = rng.choice([p for p in places(data) if p])
        holder = data
        for step in above:
            holder = holder[step]
        kind = rng.random()
        if kind < 0.6:
            holder[key] = rng.choice(VALUES)
        elif kind < 0.75:
            del holder[key]
        elif isinstance(holder, dict):
            holder[rng.choice(["x", "<b>", "psnr", "\u202e", *map(str, holder)])] = holder.pop(key)
        else:
            holder.append(rng.choice(VALUES))
    return data


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_any_document_that_verify_accepts_is_built(
    toys: Board, seed: int, count: int = 100
) -> None:
    rng = random.Random(seed)
    name = rng.choice(["echo", "ground-truth@32", "still-identity@32", "reference-halves@32"])
    original = json.loads(toys.path(name).read_text())
    rows = read_rows(toys.root)
    ground = ground_of(rows[0], rows, Places(toys.suites))
    accepted = 0
    for _ in range(count):
        toys.path(name).write_text(json.dumps(mutated(original, rng)))
        try:
            row = read_row(toys.root, toys.path(name))
            found = [*problems(row, ground), *unshowable(row, rows)]
        except UserError:
            continue
        if found:
            continue
        accepted += 1
        data = board(toys.root)
        board_text(data)
        page(data)
    assert accepted
