"""`thbench score --videos`: folders of videos as people have them, and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thbench.video import write_lossless

SIZE = 32


def person(seed: int, n: int = 20) -> np.ndarray:
    """[n, 32, 32, 3] a blob that moves, more and more: no two spans of it move alike."""
    y, x = np.mgrid[:SIZE, :SIZE]
    at = 10 + 5 * np.sin(np.arange(n) ** 1.5 / 6 + seed)
    blob = np.exp(-((x - at[:, None, None]) ** 2 + (y - 16.0) ** 2) / 30)
    return (blob[..., None] * [200, 150 + seed, 100]).astype(np.uint8)


def speech(n: int = 20) -> np.ndarray:
    return (np.sin(np.arange(n * 640) / 5) * 9000).astype(np.int16)


def write(root: Path, name: str, frames: np.ndarray) -> None:
    root.mkdir(parents=True, exist_ok=True)
    write_lossless(root / f"{name}.mkv", frames, speech(len(frames)))


@pytest.fixture
def score(thbench: Any, tmp_path: Path) -> Callable[..., Any]:
    """Score tmp_path/mine against tmp_path/refs, in two metrics; with `metrics=None` in all there are."""
    for i, name in enumerate(["anna_1", "anna_2", "bo_1"]):
        write(tmp_path / "refs", name, person(i))
        write(tmp_path / "mine", name, person(i))

    def call(*words: str, out: str = "run", metrics: str | None = "psnr,f_mse") -> Any:
        base = ["score", "--videos", f"mine={tmp_path / 'mine'}", "--dataset", "clips"]
        base += ["--root", str(tmp_path / "refs"), "--out", str(tmp_path / out)]
        sizes = ["--set", f"systems.mine.resolution={SIZE}"]
        if not any(w.startswith("dataset.actor") for w in words):
            sizes += ["--set", "dataset.actor={actor}_{clip}"]
        chosen = ["--metrics", metrics] if metrics else []
        return thbench(*base, *sizes, *chosen, *words)

    call.thbench = thbench  # type: ignore[attr-defined]
    return call


def result(tmp_path: Path, system: str = "mine", out: str = "run") -> dict[str, Any]:
    found = next((tmp_path / out).rglob(f"{system}/result.json"))
    return dict(json.loads(found.read_text()))


# -- retrying -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_video_that_was_missing_is_found_when_it_has_come(
    score: Callable[..., Any], tmp_path: Path
) -> None:
    hidden = tmp_path / "hidden.mkv"
    (tmp_path / "mine" / "bo_1.mkv").rename(hidden)
    assert score().code == 0
    assert result(tmp_path)["clips"]["failed"] == 1
    hidden.rename(tmp_path / "mine" / "bo_1.mkv")
    assert score().code == 0
    assert result(tmp_path)["clips"]["failed"] == 0


@pytest.mark.slow
def test_a_reference_that_was_damaged_is_read_when_it_is_whole(
    score: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "refs" / "bo_1.mkv"
    whole = path.read_bytes()
    path.write_bytes(b"")
    score()
    assert result(tmp_path)["clips"]["n"] == 2
    path.write_bytes(whole)
    score()
    clips = result(tmp_path)["clips"]
    assert (clips["n"], clips["failed"]) == (3, 0)


@pytest.mark.slow
def test_the_same_failure_changes_no_byte(score: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine" / "bo_1.mkv").unlink()
    score()
    first = result(tmp_path)
    score()
    assert result(tmp_path) == first


def test_score_has_retry_failed(score: Callable[..., Any], thbench: Any, suite: Path) -> None:
    assert score("--retry-failed").code == 0
    done = thbench("score", suite, "--retry-failed")
    assert done.code == 2
    assert "--retry-failed" in done.err.rpartition("—")[2]


# -- exit codes -----------------------------------------------------------------------------------


def test_a_system_without_any_clip_is_an_error(score: Callable[..., Any], tmp_path: Path) -> None:
    for file in (tmp_path / "mine").iterdir():
        file.unlink()
    done = score()
    assert done.code == 1
    assert "mine: no clip was scored" in done.err


# -- duplicates -----------------------------------------------------------------------------------


def test_a_name_given_twice_is_an_error(score: Callable[..., Any], tmp_path: Path) -> None:
    done = score("--videos", f"mine={tmp_path}")
    assert done.code == 2
    assert "'mine' is" in done.err
    assert "already" in done.err


def test_a_key_set_twice_is_an_error(score: Callable[..., Any]) -> None:
    done = score("--set", "seed=1", "--set", "seed=2")
    assert done.code == 2
    assert "--set seed is given twice" in done.err


# -- what an attempt leaves -----------------------------------------------------------------------


@pytest.mark.slow
def test_a_wrong_checksum_does_not_poison_the_folder(
    thbench: Any, suite: Path, tmp_path: Path
) -> None:
    """The right one is taken in the same run folder."""
    import hashlib

    (tmp_path / "model.pth").write_bytes(b"weights")
    text = suite.read_text().replace("generator: toy-echo", "generator: command")
    call = [
        "run",
        str(suite),
        "--out",
        str(tmp_path / "run"),
        "--set",
        "systems.echo.argv=['true']",
    ]
    call += ["--set", f"systems.echo.root={tmp_path}"]
    suite.write_text(text)
    wrong = thbench(*call, "--set", f"systems.echo.sha256={{model.pth: {'f' * 64}}}")
    assert wrong.code == 2
    assert "model.pth has SHA-256" in wrong.err
    right = hashlib.sha256(b"weights").hexdigest()
    done = thbench(*call, "--set", f"systems.echo.sha256={{model.pth: {right}}}")
    assert "was made with other" not in done.err
    assert "the program wrote no" in done.err


# -- what was done to videos is said ----------------------------------------------------------------


def board(tmp_path: Path) -> str:
    return (tmp_path / "run" / "leaderboard.md").read_text()


def test_a_video_a_little_shorter_is_marked(score: Callable[..., Any], tmp_path: Path) -> None:
    write(tmp_path / "mine", "bo_1", person(2)[:19])
    score()
    assert "1 of 3 videos are shorter than their clips" in board(tmp_path)
    assert result(tmp_path)["clips"]["trimmed"] == 1


@pytest.mark.slow
def test_a_shorter_video_is_near_to_the_ground_truth_of_its_own_span(
    score: Callable[..., Any], tmp_path: Path
) -> None:
    """The recordings themselves, one cut: no distance; and the ground truth is that of cut recordings."""
    for folder, out in (("mine", "run"), ("refs", "cut")):
        write(tmp_path / folder, "bo_1", person(2)[:19])
        assert score(out=out).code == 0
    ours, cut = (result(tmp_path, out=o)["scores"] for o in ("run", "cut"))
    truth = result(tmp_path, "ground-truth")["scores"]
    near = [name for name, score in ours.items() if score["better"] == "nearer-reference"]
    for name in near:
        assert ours[name]["distance_from_reference"] == 0
        assert ours[name]["reference_over_span"] == cut[name]["value"] != truth[name]["value"]
        assert "reference_over_span" not in cut[name] | truth[name]
    assert near


def test_trimming_does_not_pay(score: Callable[..., Any], tmp_path: Path) -> None:
    """Half of a clip is not covered, and its system is not ranked."""
    write(tmp_path / "mine", "bo_1", person(2)[:10])
    score()
    clips = result(tmp_path)["clips"]
    assert (clips["generated"], clips["failed"]) == (2, 1)
    assert clips["failures"][0]["reason"] == "10 of 20 frames: below 90% it is not covered"
    assert not result(tmp_path)["ranked"]


@pytest.mark.slow
def test_resized_and_longer_videos_are_marked(score: Callable[..., Any], tmp_path: Path) -> None:
    large = np.repeat(np.repeat(person(2, 25), 2, axis=1), 2, axis=2)
    write(tmp_path / "mine", "bo_1", large)
    score()
    assert result(tmp_path)["clips"]["changes"] == {
        "64 -> 32 px": 1,
        "longer than its clip, cut": 1,
    }
    assert "1 of 3 videos: 64 -&gt; 32 px" in board(tmp_path)


def test_unknown_actors_are_said(score: Callable[..., Any], tmp_path: Path) -> None:
    done = score("--set", "dataset.actor=null")
    assert "each of 3 files counts as an actor of its own" in done.err
    assert "actors are unknown" in done.out
    assert "actors are unknown" in board(tmp_path)
    found = result(tmp_path)
    assert found["dataset"]["actors_unknown"] is True
    notes = [s["interval"]["note"] for s in found["scores"].values() if s["interval"]]
    assert notes and all("actors are unknown" in note for note in notes)


def test_of_known_actors_nothing_is_said(score: Callable[..., Any], tmp_path: Path) -> None:
    done = score(metrics=None)
    assert "actors are unknown" not in done.err + done.out + board(tmp_path)
    assert "actors_unknown" not in result(tmp_path)["dataset"]
    assert "actors are unknown" not in json.dumps(result(tmp_path))


def test_the_pattern_that_would_find_a_file_is_shown(
    score: Callable[..., Any], tmp_path: Path
) -> None:
    for file in list((tmp_path / "mine").iterdir()):
        file.rename(file.with_name(f"{file.stem}_generated.mkv"))
    done = score()
    assert "found anna_1_generated.mkv, set pattern: '{clip}_generated'" in done.err
    assert done.code == 1


@pytest.mark.slow
def test_files_that_belong_to_no_clip_are_listed(score: Callable[..., Any], tmp_path: Path) -> None:
    mine, refs = tmp_path / "mine", tmp_path / "refs"
    for name in ("anna_2", "bo_1"):
        (mine / f"{name}.mkv").rename(mine / f"spk_{name}_out.mkv")
    (mine / "deep").mkdir()
    (mine / "anna_1.mkv").rename(mine / "deep" / "zoe_7.mkv")
    for i in range(4):
        (mine / f"log{i}.txt").write_text("")
    (refs / "notes.txt").write_text("")
    said = score("--limit", "2").err
    assert (
        f"mine: {mine}: 3 video(s) belong to no clip: deep/zoe_7.mkv, spk_anna_2_out.mkv, "
        "spk_bo_1_out.mkv: --pattern 'spk_{clip}_out' finds"
    ) in said
    assert f"mine: {mine}: 4 file(s) are no videos: log0.txt, log1.txt, log2.txt and 1 more" in said
    assert f"{refs}: 1 file(s) are no videos, and belong to no clip: notes.txt" in said
    said = score("--pattern", "spk_{clip}_out", out="found").err
    assert f"mine: {mine}: 1 video(s) belong to no clip: deep/zoe_7.mkv\n" in said


def test_where_all_files_are_used_nothing_is_listed(score: Callable[..., Any]) -> None:
    assert "belong to no clip" not in score("--limit", "1").err


def test_files_that_the_manifest_does_not_name_are_listed(
    score: Callable[..., Any], tmp_path: Path
) -> None:
    manifest = tmp_path / "refs" / "clips.csv"
    manifest.write_text("file,actor\nanna_1.mkv,anna\nbo_1.mkv,bo\n")
    said = score("--manifest", str(manifest), "--set", "dataset.actor=null").err
    assert "refs: 1 file(s) are not in the manifest, and belong to no clip: anna_2.mkv" in said
    assert "mine: 1 video(s) belong to no clip: anna_2.mkv" in said


@pytest.mark.slow
def test_decoding_as_ffmpeg_does_makes_other_columns(
    score: Callable[..., Any], tmp_path: Path
) -> None:
    from thbench.video import write_h264

    for folder in ("refs", "mine"):
        write_h264(tmp_path / folder / "cy_1.mp4", person(3), speech())
    score()
    assert score("--decode", "ffmpeg-default", out="usual").code == 0
    exact, usual = (result(tmp_path, out=out) for out in ("run", "usual"))
    ours, theirs = exact["scores"]["f_mse"], usual["scores"]["f_mse"]
    assert theirs["identity"]["decode"] == "ffmpeg-default"
    assert ours["identity_digest"] != theirs["identity_digest"]
    assert ours["value"] != theirs["value"]
    assert usual["scores"]["psnr"]["value"] == 100
    assert "decode" in score("--decode", "ffmpeg-default").err


@pytest.mark.slow
def test_shards_and_their_merge_decode_alike(score: Callable[..., Any], tmp_path: Path) -> None:
    from thbench.video import write_h264

    for folder in ("refs", "mine"):
        write_h264(tmp_path / folder / "cy_1.mp4", person(3), speech())
    usual = ("--decode", "ffmpeg-default")
    assert score(*usual, out="whole").code == 0
    for shard in ("1/2", "2/2"):
        done = score(*usual, "--shard", shard)
    assert done.code == 0 and "thbench merge" in done.out
    merged = score.thbench("merge", str(tmp_path / "run"))  # type: ignore[attr-defined]
    assert merged.code == 0, merged.err
    whole, joined = (result(tmp_path, out=out) for out in ("whole", "run"))
    assert joined["scores"]["f_mse"]["identity"]["decode"] == "ffmpeg-default"
    assert joined["scores"] == whole["scores"]


# -- what the videos were made from ---------------------------------------------------------------


def test_programs_that_edit_the_recording_have_a_table_of_their_own(
    score: Callable[..., Any], tmp_path: Path
) -> None:
    done = score("--given", "recording")
    assert result(tmp_path)["system"]["given"] == "recording"
    assert "systems that edit the" in " ".join(done.out.split())
    assert "systems.mine.given" in "".join(result(tmp_path)["suite"]["overrides"])


def test_another_claim_is_another_run(score: Callable[..., Any], tmp_path: Path) -> None:
    """Copies are found otherwise, so that what was stored for one claim is not taken for the other."""
    assert score().code == 0
    done = score("--given", "recording")
    assert done.code == 2 and "given" in done.err


# -- files that are gone --------------------------------------------------------------------------


@pytest.mark.slow
def test_a_deleted_video_stays_scored_and_is_named(
    score: Callable[..., Any], tmp_path: Path
) -> None:
    assert "gone" not in score().err
    (tmp_path / "mine" / "anna_2.mkv").unlink()
    done = score()
    assert "mine: 1 video(s) were read by an earlier command and are gone from" in done.err
    assert "anna_2.mkv" in done.err
    assert result(tmp_path)["clips"]["generated"] == 3
    done = score(out="other")
    assert result(tmp_path, out="other")["clips"]["failed"] == 1 and "gone" not in done.err


# -- the alignment sheet --------------------------------------------------------------------------


@pytest.mark.slow
def test_scoring_writes_the_alignment_sheet(score: Callable[..., Any], tmp_path: Path) -> None:
    """What was scored of every video, those that failed or lie beyond first, without a second command."""
    done = score()
    assert (
        f"3 of 3 clips framed as their reference, 0 not: {tmp_path}/run/alignment.html" in done.out
    )
    page = (tmp_path / "run/alignment.html").read_text()
    assert page.count("<section>") == 3 and page.count("<img") == 15
    write(tmp_path / "mine", "bo_1", person(2)[:5])
    assert "2 of 3 clips framed" in score().out
    first = (tmp_path / "run/alignment.html").read_text().split("<section>")[1]
    assert "bo_1" in first and "5 of 20 frames" in first
