"""A run in parts ends in the bytes of an undivided run; what does not fit together is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runs import SUITE, written
from thbench.api import UserError
from thbench.cli.main import cli
from thbench.run.folder import Shard, held
from thbench.run.shards import parse_shard


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "suite.yaml").write_text(SUITE)
    yield tmp_path


def thbench(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(w) for w in words])


def run(folder: Path, out: str, *more: object) -> Result:
    return thbench("run", folder / "suite.yaml", "--out", folder / out, *more)


def refusal(result: Result) -> str:
    assert isinstance(result.exception, UserError), result
    return str(result.exception)


def test_shards_and_merge_write_the_bytes_of_an_undivided_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(folder, "whole").exit_code == 0
    monkeypatch.setenv("THBENCH_CACHE", str(folder / "another"))
    for k in (3, 1, 2):
        assert run(folder, "parts", "--shard", f"{k}/3").exit_code == 0
    assert thbench("merge", folder / "parts").exit_code == 0
    assert written(folder / "whole")
    assert written(folder / "parts") == written(folder / "whole")
    assert not (folder / "parts" / "shards").exists()


def test_a_shard_makes_its_own_clips_only_and_scores_them(folder: Path) -> None:
    run(folder, "parts", "--shard", "2/3")
    events = [
        json.loads(line)
        for line in (folder / "parts/shards/2-of-3/events.jsonl").read_text().splitlines()
    ]
    clips = [c["id"] for c in json.loads((folder / "parts/clips.json").read_text())]
    for stage in ("generate echo", "score"):
        assert {e["clip"] for e in events if e["stage"] == stage} == set(clips[1::3])
    assert {e["shard"] for e in events} == {"2/3"}
    assert not written(folder / "parts")


def test_every_clip_starts_and_ends_in_the_events_log(folder: Path) -> None:
    run(folder, "whole")
    lines = (folder / "whole" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert all({"time", "host", "pid", "stage", "clip", "state"} <= e.keys() for e in events)

    def about(state: str) -> list[tuple[str, str]]:
        return sorted((e["stage"], e["clip"]) for e in events if e["state"] == state)

    assert about("started") == sorted([*about("finished"), *about("failed")])
    assert all(e["seconds"] >= 0 for e in events if e["state"] == "finished")


@pytest.mark.slow
def test_logs_of_all_shards_and_of_all_their_machines_are_joined(folder: Path) -> None:
    for k in (1, 2):
        run(folder, "parts", "--shard", f"{k}/2")
    elsewhere = folder / "parts/shards/2-of-2/events.far.jsonl"
    elsewhere.write_text('{"state":"started"}\n')
    assert thbench("merge", folder / "parts").exit_code == 0
    lines = (folder / "parts/events.jsonl").read_text().splitlines()
    assert {json.loads(line)["shard"] for line in lines} == {"1/2", "2/2"}
    (line,) = (folder / "parts" / elsewhere.name).read_text().splitlines()
    assert json.loads(line)["state"] == "started"


def test_merge_names_the_shards_that_are_missing(folder: Path) -> None:
    run(folder, "parts", "--shard", "2/4")
    said = refusal(thbench("merge", folder / "parts"))
    assert "not finished: shard 1/4, 3/4, 4/4" in said
    assert not written(folder / "parts")


def test_a_shard_that_was_stopped_is_missing(folder: Path) -> None:
    for k in (1, 2):
        run(folder, "parts", "--shard", f"{k}/2")
    (folder / "parts/shards/2-of-2/finished.json").unlink()
    assert "not finished: shard 2/2" in refusal(thbench("merge", folder / "parts"))


def test_merge_counts_clips_where_videos_are_gone(folder: Path) -> None:
    for k in (1, 2):
        run(folder, "parts", "--shard", f"{k}/2")
    next((folder / "parts/systems/echo/videos").iterdir()).unlink()
    assert "1 of" in refusal(thbench("merge", folder / "parts"))


@pytest.mark.slow
def test_a_merge_that_was_stopped_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder, "whole")
    for k in (1, 2):
        run(folder, "parts", "--shard", f"{k}/2")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("thbench.pipeline.score", stop)
        assert thbench("merge", folder / "parts").exit_code != 0
    assert thbench("merge", folder / "parts").exit_code == 0
    assert written(folder / "parts") == written(folder / "whole")


@pytest.mark.slow
def test_other_numbers_of_shards_and_an_undivided_run_go_on_where_shards_stopped(
    folder: Path,
) -> None:
    run(folder, "whole")
    run(folder, "parts", "--shard", "1/2")
    made = {p: p.stat().st_mtime_ns for p in (folder / "parts").rglob("videos/*")}
    run(folder, "parts", "--shard", "3/3")
    assert run(folder, "parts").exit_code == 0
    assert {p: p.stat().st_mtime_ns for p in made} == made
    assert written(folder / "parts") == written(folder / "whole")


def test_a_shard_of_another_plan_is_refused_and_says_in_what(folder: Path) -> None:
    run(folder, "parts", "--shard", "1/2")
    said = refusal(run(folder, "parts", "--shard", "2/2", "--batch", "3"))
    assert "settings" in said
    said = refusal(run(folder, "parts", "--shard", "2/2", "--systems", "still-identity"))
    assert "systems" in said


def test_a_folder_without_shards_has_nothing_to_merge(folder: Path) -> None:
    assert "no shards to merge" in refusal(thbench("merge", folder / "nowhere"))


def test_two_of_one_shard_and_a_run_beside_a_shard_are_refused(folder: Path) -> None:
    run(folder, "parts", "--shard", "1/2")
    place = folder / "parts/shards/1-of-2"
    with held(place / ".lock", place):
        for more in (["--shard", "1/2"], []):
            assert "1-of-2 is in use" in refusal(run(folder, "parts", *more))
        assert "1-of-2 is in use" in refusal(thbench("merge", folder / "parts"))
        assert run(folder, "parts", "--shard", "2/2").exit_code == 0


def test_regenerate_and_shard_do_not_go_together(folder: Path) -> None:
    said = refusal(run(folder, "parts", "--shard", "1/2", "--regenerate", "echo"))
    assert "--regenerate" in said


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "-1/3", "1/0", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--shard"):
        parse_shard(text)


def slurm(own: int, count: int, first: int, last: int) -> dict[str, str]:
    values = {"ID": own, "COUNT": count, "MIN": first, "MAX": last}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        (slurm(1, 16, 1, 16), Shard(1, 16)),
        (slurm(15, 16, 0, 15), Shard(16, 16)),
        (slurm(7, 4, 1, 10), Shard(3, 4)),  # --array=1-10:3
        (slurm(9, 1, 9, 9), Shard(1, 1)),
    ],
)
def test_a_slurm_array_is_read_where_asked(environment: dict[str, str], shard: Shard) -> None:
    assert parse_shard("slurm", environment) == shard


@pytest.mark.parametrize("environment", [{}, slurm(6, 3, 1, 7), slurm(2, 2, 1, 7)])
def test_an_array_with_gaps_or_none_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(UserError, match="--shard slurm"):
        parse_shard("slurm", environment)
