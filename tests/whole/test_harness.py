"""Generate and score: what comes back is checked, counted, resumed, and the same every time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from runs import EVERY_CONTROL, SUITE, Run, start, videos, written
from thbench.api import Observations
from thbench.errors import UserError
from thbench.files.journal import Journal
from thbench.results.document import read_result
from thbench.run.job import Order
from thbench.suite.seeds import identity_index, request_seed
from thbench.video import decode_count

CLIPS = 9


def reverse() -> Order:
    return Order(lambda items: list(reversed(items)))


def events(run: Run) -> list[str]:
    lines = Journal(run.job.run.root / "timings.jsonl", key="stage").lines()
    return [e for line in lines for e in line.get("events", [])]


def test_a_run_has_every_row_and_every_file(tmp_path: Path) -> None:
    results = start(tmp_path, EVERY_CONTROL).both()
    assert list(results) == [
        "ground-truth",
        "ground-truth-h264",
        "still-identity",
        "mismatched-audio",
        "delayed-audio",
        "reference-halves",
        "echo",
    ]
    echo = results["echo"]
    assert echo.ranked
    assert (echo.clips.n, echo.clips.generated, echo.clips.failed) == (CLIPS, CLIPS, 0)
    assert echo.scores["brightness"].n == CLIPS
    assert echo.scores["brightness"].distance_from_reference is not None
    assert results["ground-truth"].scores["spread"].value == 0.0
    halves = results["reference-halves"].scores
    assert list(halves) == ["spread"]
    assert halves["spread"].n == 6  # two of three actors, three clips each
    root = tmp_path / "run"
    assert read_result(root / "systems" / "echo" / "result.json") == echo
    assert "| echo |" in (root / "leaderboard.md").read_text()
    assert json.loads((root / "leaderboard.json").read_text())["tables"][0]["resolution"] == 32


def test_controls_share_what_they_do_not_change(tmp_path: Path) -> None:
    run = start(tmp_path, EVERY_CONTROL)
    run.generate()
    folder = run.job.run.control(32, "delayed-audio")
    reference = run.job.run.references(32).finished()["1001_AAA"]
    delayed = folder.finished()["1001_AAA"]
    assert delayed["picture"] == reference["picture"]
    assert delayed["frames_digest"] == reference["frames_digest"]
    assert delayed["digest"] != reference["digest"]
    late, source = folder.open(delayed).audio, run.job.run.references(32).open(reference).audio
    assert late is not None and source is not None
    assert not late[: 3 * 640].any()
    assert (late[3 * 640 :] == source[: -3 * 640]).all()
    still = run.job.run.control(32, "still-identity")
    frames = still.open(still.finished()["1001_AAA"]).frames
    assert (frames == frames[0]).all()
    assert (still.open(still.finished()["1001_AAA"]).audio == source).all()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_workers_and_order_change_no_byte(tmp_path: Path, workers: int) -> None:
    start(tmp_path / "a", EVERY_CONTROL).both()
    start(tmp_path / "b", EVERY_CONTROL).both(workers=workers, order=reverse())
    assert written(tmp_path / "a" / "run") == written(tmp_path / "b" / "run")
    assert videos(tmp_path / "a" / "run") == videos(tmp_path / "b" / "run")


def test_a_second_run_decodes_and_generates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path).both()
    before = written(tmp_path / "run")
    count = decode_count()
    again = start(tmp_path)
    monkeypatch.setattr("thbench_toys.Echo.generate", None)
    monkeypatch.setattr("thbench_toys.Brightness.observe", None)
    again.both()
    assert decode_count() == count
    assert written(tmp_path / "run") == before


def test_deleting_one_output_redoes_that_clip_alone(tmp_path: Path) -> None:
    start(tmp_path).both()
    before, made = written(tmp_path / "run"), videos(tmp_path / "run")
    lost = tmp_path / "run/systems/echo/videos/1002_BBB.mkv"
    kept = {p: p.stat().st_mtime_ns for p in lost.parent.iterdir() if p != lost}
    lost.unlink()
    start(tmp_path).both()
    assert written(tmp_path / "run") == before
    assert videos(tmp_path / "run") == made
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


@pytest.mark.slow
def test_changing_one_metric_rescoring_is_of_that_metric_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SUITE.replace("[toy-brightness]", "[toy-brightness, toy-extracted]")
    start(tmp_path, text).both()
    monkeypatch.setattr("thbench_toys.Extracted.observe", None)
    changed = text.replace("[toy-brightness,", "[{metric: toy-brightness, scale: 3}, ")
    results = start(tmp_path, changed).score()
    assert results["echo"].scores["level"].n == CLIPS
    assert results["echo"].scores["brightness"].n == CLIPS


@pytest.mark.slow
def test_features_are_extracted_once_per_picture(tmp_path: Path) -> None:
    """Also for two metrics, and where two controls show the true picture to another sound."""
    import thbench_toys

    text = EVERY_CONTROL.replace(
        "[toy-brightness]", "[toy-extracted, {metric: toy-extracted, as: twin}]"
    )
    thbench_toys.Levels.calls = 0
    start(tmp_path, text).both()
    assert thbench_toys.Levels.calls == 4 * CLIPS  # truth, H.264, still, echo


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("raise", "the generator raised ValueError: toy fault"),
        ("exit", "the generator raised SystemExit: 3"),
        ("short", "frames, "),
        ("long", "frames, "),
        ("size", "34 x 34 px frames, 32 x 32 needed"),
        ("dtype", "float32 frames, uint8 needed"),
        ("silent", "the generator gave no answer"),
        ("stranger", "a clip it was not asked for: 'stranger'"),
        ("refuse", "the toy refuses"),
        ("nothing", "neither frames nor a file"),
    ],
)
def test_a_wrong_answer_is_a_counted_failure_and_others_go_on(
    tmp_path: Path, fault: str, says: str
) -> None:
    overrides = (f"systems.echo.fault={fault}", "systems.echo.on=1002_BBB")
    result = start(tmp_path, overrides=overrides).both()["echo"]
    assert (result.clips.generated, result.clips.failed) == (CLIPS - 1, 1)
    assert result.clips.failures[0].clips == ("1002_BBB",)
    assert says in result.clips.failures[0].reason
    assert not result.ranked
    assert result.scores["brightness"].n == CLIPS - 1
    assert result.scores["brightness"].of == CLIPS
    lines = (tmp_path / "run/systems/echo/clips.csv").read_text().splitlines()
    assert len(lines) == CLIPS + 1
    board = (tmp_path / "run" / "leaderboard.md").read_text()
    assert "1 of 9 clips failed" in board


def test_answering_twice_is_seen_but_keeps_the_answer(tmp_path: Path) -> None:
    overrides = ("systems.echo.fault=twice", "systems.echo.on=1001_AAA")
    run = start(tmp_path, overrides=overrides)
    result = run.both()["echo"]
    assert result.clips.generated == CLIPS


@pytest.mark.slow
def test_out_of_memory_halves_the_batch_and_is_recorded(tmp_path: Path) -> None:
    run = start(tmp_path, overrides=("systems.echo.fault=memory",), batch=4)
    result = run.both()["echo"]
    assert result.clips.failed == 0
    assert [e for e in events(run) if "next batch 2" in e]
    assert [e for e in events(run) if "next batch 1" in e]
    calm = start(tmp_path / "calm", batch=4)
    calm.both()
    assert videos(tmp_path / "run") == videos(tmp_path / "calm" / "run")


def test_a_batch_that_raises_is_retried_clip_by_clip(tmp_path: Path) -> None:
    run = start(tmp_path, overrides=("systems.echo.fault=raise-on-batch",), batch=4)
    assert run.both()["echo"].clips.failed == 0
    assert events(run)


@pytest.mark.slow
def test_failures_are_kept_until_asked_again(tmp_path: Path) -> None:
    overrides = ("systems.echo.fault=raise", "systems.echo.on=1001_AAA")
    start(tmp_path, overrides=overrides).both()
    before = written(tmp_path / "run")
    start(tmp_path, overrides=overrides).both()
    assert written(tmp_path / "run") == before
    retry = start(tmp_path, overrides=overrides)
    retry.generate(retry_failed=True)
    assert (
        len(Journal(tmp_path / "run/systems/echo/journal.jsonl", key="clip").lines()) == CLIPS + 1
    )


def test_a_clip_whose_reference_is_bad_counts_for_everybody(tmp_path: Path) -> None:
    text = SUITE.replace("name: toy}", "name: toy, bad: [1003_CCC]}")
    results = start(tmp_path, text).both()
    for name in ("echo", "ground-truth", "still-identity"):
        clips = results[name].clips
        assert clips.without_reference[0].reason == "the toy is broken"
        assert clips.without_reference[0].clips == ("1003_CCC",)
        assert (clips.n, clips.generated, clips.failed) == (CLIPS - 1, CLIPS - 1, 0)
        assert results[name].scores["brightness"].of == CLIPS - 1
    assert results["echo"].ranked  # the same clips are lacking for every system
    board = (tmp_path / "run/leaderboard.md").read_text()
    assert "1 clip(s) without a usable reference: the toy is broken" in board
    table = (tmp_path / "run/systems/echo/clips.csv").read_text()
    assert "1003_CCC,1003,no reference: the toy is broken" in table


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise", "the metric raised RuntimeError: toy metric fault"),
        ("fail", "too dark to see"),
        ("nan", "brightness is nan"),
    ],
)
def test_a_metric_that_fails_on_a_clip_counts_it(tmp_path: Path, fault: str, reason: str) -> None:
    text = SUITE.replace(
        "[toy-brightness]", f"[{{metric: toy-brightness, fault: {fault}, on: 1001_AAA}}]"
    )
    result = start(tmp_path, text).both()["echo"]
    score = result.scores["brightness"]
    assert (score.n, score.of) == (CLIPS - 1, CLIPS)
    assert score.failures[0].reason == reason
    assert "(8/9)" in (tmp_path / "run/leaderboard.md").read_text()
    assert "brightness covers 8 of 9 clips" in (tmp_path / "run/leaderboard.md").read_text()


def test_a_reduce_that_raises_is_a_reason_not_a_number(tmp_path: Path) -> None:
    text = SUITE.replace(
        "[toy-brightness]", "[{metric: toy-brightness, fault: reduce}, toy-extracted]"
    )
    result = start(tmp_path, text).both()["echo"]
    assert result.scores["brightness"].value is None
    assert "toy reduce fault" in str(result.scores["brightness"].reason)
    assert result.scores["level"].value is not None


def test_a_broken_plugin_fails_its_system_and_no_other(tmp_path: Path) -> None:
    text = SUITE.replace("  echo:", "  bad: {generator: toy-broken, resolution: 32}\n  echo:")
    results = start(tmp_path, text).both()
    assert results["echo"].ranked
    assert results["bad"].clips.failed == CLIPS
    assert "thbench-toys[toy-broken]" in results["bad"].clips.failures[0].reason
    assert "libtoy.so.7" in results["bad"].clips.failures[0].reason


@pytest.mark.slow
def test_resolutions_never_share_a_table(tmp_path: Path) -> None:
    text = SUITE.replace("  echo:", "  large: {generator: toy-echo, resolution: 64}\n  echo:")
    start(tmp_path, text).both()
    board = json.loads((tmp_path / "run/leaderboard.json").read_text())
    assert [t["resolution"] for t in board["tables"]] == [32, 64]
    for table, system in zip(board["tables"], ("echo", "large"), strict=True):
        names = [r["system"] for r in table["rows"]]
        assert names[0] == system
        assert "ground-truth" in names
    digests = [t["columns"]["brightness"]["identity_digest"] for t in board["tables"]]
    assert digests[0] != digests[1]


@pytest.mark.slow
def test_another_generator_is_never_scored_on_old_videos(tmp_path: Path) -> None:
    start(tmp_path).both()
    changed = start(tmp_path, overrides=("systems.echo.gain=2.0",))
    with pytest.raises(UserError, match="--regenerate echo"):
        changed.generate()
    before = videos(tmp_path / "run")
    changed.generate(regenerate=["echo"])
    assert videos(tmp_path / "run") != before


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    start(tmp_path).both()
    with pytest.raises(UserError, match="made with other seed"):
        start(tmp_path, SUITE.replace("seed: 7", "seed: 8")).generate()


def test_two_runs_into_one_folder_are_refused(tmp_path: Path) -> None:
    run = start(tmp_path)
    with run.job.run.locked(), pytest.raises(UserError, match="in use by another"):
        run.generate()


@pytest.mark.slow
def test_training_on_test_actors_is_marked_and_unranked(tmp_path: Path) -> None:
    results = start(tmp_path, overrides=("systems.echo.trained_on=['1001', '7']",)).both()
    assert not results["echo"].ranked
    assert results["echo"].unranked_because == ("trained on test actors 1001",)
    assert "toy: 2 actors" in (tmp_path / "run/leaderboard.md").read_text()
    unknown = start(tmp_path / "b").both()["echo"]
    assert unknown.system.trained_on is None
    assert "trained on: unknown" in (tmp_path / "b/run/leaderboard.md").read_text()


@pytest.mark.slow
def test_an_oracle_is_marked_and_unranked(tmp_path: Path) -> None:
    text = SUITE.replace("resolution: 32}", "resolution: 32, oracle: [landmarks]}")
    result = start(tmp_path, text).both()["echo"]
    assert result.unranked_because == ("sees the target's landmarks",)
    missing = start(tmp_path / "b", text.replace("[landmarks]", "[gaze]")).both()["echo"]
    assert "no annotation 'gaze'" in missing.clips.failures[0].reason


def test_requests_hold_no_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import thbench_toys

    seen = []
    original = thbench_toys.Echo.generate

    def spy(self, requests):
        seen.extend(requests)
        return original(self, requests)

    monkeypatch.setattr(thbench_toys.Echo, "generate", spy)
    start(tmp_path).generate()
    assert len(seen) == CLIPS
    for request in seen:
        assert request.identity_frame.shape == (32, 32, 3)
        assert len(request.audio) == request.n_frames * 640
        assert request.oracle == {}
        assert request.seed == request_seed(7, request.clip_id)


def test_a_clip_too_short_for_the_identity_frame_is_counted(tmp_path: Path) -> None:
    results = start(tmp_path, SUITE.replace("seed: 7", "seed: 7\nidentity_frame: 8")).both()
    failures = results["echo"].clips.failures
    assert failures and all("identity frame 8 of a clip of" in f.reason for f in failures)
    assert results["ground-truth"].scores["brightness"].n == CLIPS
    assert results["still-identity"].clips.failed == results["echo"].clips.failed


def test_identity_frame_rules() -> None:
    assert identity_index("first", 5, 1) == 0
    assert identity_index(3, 5, 1) == 3
    assert identity_index(-1, 5, 1) == 4
    drawn = {identity_index("random", 50, request_seed(0, f"c{i}")) for i in range(40)}
    assert len(drawn) > 10
    assert all(0 <= i < 50 for i in drawn)


@pytest.mark.slow
def test_disk_full_loses_nothing_that_was_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thbench import video

    original, count = video.write_lossless, [0]

    def full(path, frames, audio):
        count[0] += 1
        if count[0] > 12:
            raise UserError(f"no space left while writing {path}", "free some")
        return original(path, frames, audio)

    monkeypatch.setattr(video, "write_lossless", full)
    with pytest.raises(UserError, match="no space left"):
        start(tmp_path).both()
    monkeypatch.setattr(video, "write_lossless", original)
    start(tmp_path).both()
    start(tmp_path / "calm").both()
    assert written(tmp_path / "run") == written(tmp_path / "calm" / "run")


@pytest.mark.slow
def test_a_changed_reference_is_read_again_with_all_that_came_from_it(tmp_path: Path) -> None:
    source = tmp_path / "brightness.txt"
    source.write_text("0")
    text = SUITE.replace("name: toy}", f"name: toy, root: {source}}}")
    start(tmp_path, text).both()
    before = written(tmp_path / "run")
    start(tmp_path, text).both()
    assert written(tmp_path / "run") == before
    source.write_text("20")
    start(tmp_path, text).both()
    after = written(tmp_path / "run")
    start(tmp_path / "fresh", text).both()
    assert after == written(tmp_path / "fresh" / "run")
    assert after != before


@pytest.mark.slow
def test_a_damaged_cache_entry_is_made_again(tmp_path: Path) -> None:
    from thbench.score.keys import observation_cache

    start(tmp_path).both()
    before = written(tmp_path / "run")
    for file in observation_cache().root.rglob("*.npz"):
        file.write_bytes(file.read_bytes()[:40])
    start(tmp_path).score()
    assert written(tmp_path / "run") == before


def test_no_litter_is_left(tmp_path: Path) -> None:
    start(tmp_path).both()
    assert not list((tmp_path / "run").rglob(".thbench-*"))


def test_what_a_metric_notes_stands_beside_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import thbench_toys

    def notes(self: object, observed: Observations) -> list[str]:
        return [f"small n: {len(observed.generated)} clips"]

    monkeypatch.setattr(thbench_toys.Brightness, "notes", notes, raising=False)
    result = start(tmp_path).both()["echo"]
    assert result.scores["brightness"].notes == ("small n: 9 clips",)
    assert "echo, brightness: small n: 9 clips" in (tmp_path / "run/leaderboard.md").read_text()
    assert start(tmp_path).both()["echo"] == result  # from the cache


@pytest.mark.slow
def test_another_checkpoint_under_the_same_name_is_another_system(tmp_path: Path) -> None:
    checkpoint = tmp_path / "best.safetensors"
    checkpoint.write_bytes(b"1")
    overrides = (f"systems.echo.checkpoint={checkpoint}",)
    result = start(tmp_path, overrides=overrides).both()["echo"]
    assert result.system.files == {"checkpoint": hashlib.sha256(b"1").hexdigest()}
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(b"1")
    start(tmp_path, overrides=(f"systems.echo.checkpoint={moved}",)).generate()
    moved.write_bytes(b"2")
    with pytest.raises(UserError, match="made with other files"):
        start(tmp_path, overrides=(f"systems.echo.checkpoint={moved}",)).generate()


@pytest.mark.slow
def test_a_quick_way_that_raises_leaves_the_slow_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import thbench_toys

    plain = start(tmp_path / "plain").both()["echo"].scores["spread"]

    def without_actors(self, observed):
        raise RuntimeError("toy shortcut fault")

    monkeypatch.setattr(thbench_toys.Brightness, "without_actors", without_actors, raising=False)
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cold"))
    assert start(tmp_path / "quick").both()["echo"].scores["spread"] == plain
