"""What a generator may give: frames or a file, whole or trimmed, its own sound or the request's; nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runs import EVERY_CONTROL, Run, start
from thbench import video
from thbench.api import ClipFailure, Failure, Generated, Request, UserError
from thbench.generate import answers
from thbench.generate.answers import _answers, _store_answer, _with_likeness, answer_batch
from thbench.run.folder import reference_mark

N, SIZE = 12, 32


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return start(tmp_path)


def request() -> Request:
    rng = np.random.default_rng(1)
    return Request(
        clip_id="1001_AAA",
        identity_frame=np.zeros((SIZE, SIZE, 3), np.uint8),
        audio=rng.integers(-900, 900, N * 640, dtype=np.int16),
        n_frames=N,
        size=SIZE,
        seed=1,
    )


def frames(n: int = N, size: int = SIZE, dtype: Any = np.uint8) -> Any:
    return np.random.default_rng(2).integers(0, 256, (n, size, size, 3)).astype(dtype)


def stored(run: Run, answer: Any) -> dict[str, Any]:
    return dict(_store_answer(run.job.run.system("echo"), request(), answer, "exact")[0])


def test_all_frames_are_stored_losslessly_with_the_requests_sound(run: Run) -> None:
    record = stored(run, Generated("1001_AAA", frames()))
    assert "failure" not in record and "trimmed" not in record
    assert (record["store"], record["track"], record["n_frames"]) == ("lossless", "request", N)
    opened = run.job.run.system("echo").open(record)
    assert np.array_equal(opened.frames, frames())
    assert np.array_equal(opened.audio, request().audio)
    assert record["digest"] == opened.digest


def test_sound_of_its_own_is_kept(run: Run) -> None:
    own = np.arange(N * 640, dtype=np.int16)
    record = stored(run, Generated("1001_AAA", frames(), audio=own))
    assert record["track"] == "own"
    assert np.array_equal(run.job.run.system("echo").open(record).audio, own)


def test_a_video_trimmed_on_purpose_is_marked_and_a_whole_one_is_not(run: Run) -> None:
    assert stored(run, Generated("1001_AAA", frames(N - 1), trimmed=True))["trimmed"] is True
    assert "trimmed" not in stored(run, Generated("1001_AAA", frames(N), trimmed=True))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Generated("1001_AAA", frames(N - 1)), "the generator gave 11 frames, 12 needed"),
        (Generated("1001_AAA", frames(N + 1)), "the generator gave 13 frames, 12 needed"),
        (Generated("1001_AAA", frames(N + 1), trimmed=True), "13 frames, 12 needed"),
        (Generated("1001_AAA", frames(size=30)), "the generator gave 30 x 30 px frames, 32 x 32 needed"),
        (Generated("1001_AAA", frames(dtype=np.float32)), "the generator gave float32 frames, uint8 needed"),
        (Generated("1001_AAA"), "neither frames nor a file, or both"),
        (Generated("1001_AAA", frames(), file=Path("x.mp4")), "neither frames nor a file, or both"),
        ("a text", "neither frames nor a file, or both"),
        (Generated("1001_AAA", frames(), audio=np.zeros(9)), "sound that is not mono 16-bit"),
        (Generated("1001_AAA", frames(), audio=np.zeros((9, 2), np.int16)), "not mono 16-bit"),
        (Generated("1001_AAA", file=Path("absent.mp4")), "the delivered file absent.mp4 does not exist"),
        (Failure("1001_AAA", "no\n  face"), "no face"),
    ],
)  # fmt: skip
def test_everything_else_is_a_counted_failure(run: Run, answer: Any, says: str) -> None:
    record = stored(run, answer)
    assert set(record) == {"clip", "failure"}
    assert says in record["failure"]
    assert not list(run.job.run.system("echo").path.rglob("*.mkv"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_delivered_file_is_kept_byte_for_byte(run: Run, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"given{suffix.upper()}"
    write = video.write_h264 if suffix == ".mp4" else video.write_lossless
    write(file, frames(), request().audio)
    record = stored(run, Generated("1001_AAA", file=file))
    kept = run.job.run.system("echo").path / "videos" / f"1001_AAA{suffix}"
    assert kept.read_bytes() == file.read_bytes()
    assert record["track"] == "own" and record["store"].startswith("delivered ")


def test_a_silent_file_has_no_track(run: Run, tmp_path: Path) -> None:
    video.write_lossless(tmp_path / "a.mkv", frames(), None)
    assert stored(run, Generated("1001_AAA", file=tmp_path / "a.mkv"))["track"] == "none"


def test_a_delivered_link_is_not_followed(run: Run, tmp_path: Path) -> None:
    video.write_lossless(tmp_path / "a.mkv", frames(), None)
    (tmp_path / "link.mkv").symlink_to(tmp_path / "a.mkv")
    record = stored(run, Generated("1001_AAA", file=tmp_path / "link.mkv"))
    assert "link.mkv does not exist" in record["failure"]


@pytest.mark.parametrize(("n", "trimmed"), [(N + 1, False), (N + 1, True), (N - 1, False)])
def test_a_delivered_file_of_another_length_is_a_failure(
    run: Run, tmp_path: Path, n: int, trimmed: bool
) -> None:
    video.write_lossless(tmp_path / "a.mkv", frames(n), None)
    record = stored(run, Generated("1001_AAA", file=tmp_path / "a.mkv", trimmed=trimmed))
    assert f"{n} frames, {N} needed" in record["failure"]


def test_the_digest_is_of_what_is_seen_and_heard_not_of_the_file(run: Run) -> None:
    one = stored(run, Generated("1001_AAA", frames()))
    other = stored(run, Generated("1001_AAA", frames(), audio=request().audio.copy()))
    assert one["digest"] == other["digest"]
    changed = frames()
    changed[3, 4, 5, 1] ^= 1
    assert stored(run, Generated("1001_AAA", changed))["digest"] != one["digest"]


@pytest.mark.parametrize(
    ("n", "given", "covered"), [(20, 18, True), (20, 17, False), (10, 9, True)]
)
def test_nine_tenths_of_the_frames_must_be_there(
    run: Run, n: int, given: int, covered: bool
) -> None:
    asked = replace(request(), n_frames=n)
    answer = Generated("1001_AAA", frames(given), trimmed=True)
    record = _store_answer(run.job.run.system("echo"), asked, answer, "exact")[0]
    if covered:
        assert record["trimmed"] is True and record["n_frames"] == given
    else:
        assert record["failure"] == f"{given} of {n} frames: below 90% it is not covered"


@pytest.mark.parametrize(
    ("rate", "kept"), [(25.0, True), (25.0099, True), (25.02, False), (30.0, False)]
)
def test_a_delivered_file_runs_at_25_frames_per_second(
    run: Run, tmp_path: Path, rate: float, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    video.write_lossless(tmp_path / "a.mkv", frames(), None)
    probe = video.MediaReader.probe
    monkeypatch.setattr(
        video.MediaReader, "probe", lambda self, path: replace(probe(self, path), fps=rate)
    )
    record = stored(run, Generated("1001_AAA", file=tmp_path / "a.mkv"))
    assert ("failure" not in record) is kept
    if not kept:
        assert record["failure"] == f"delivered at {rate:.2f} frames per second, 25 needed"


def test_what_was_done_to_a_video_and_how_it_was_decoded_is_recorded(
    run: Run, tmp_path: Path
) -> None:
    record = stored(run, Generated("1001_AAA", frames(), changes=("resized  from\n64 px",)))
    assert record["changes"] == ["resized from 64 px"] and "decode" not in record
    assert "changes" not in stored(run, Generated("1001_AAA", frames()))
    video.write_lossless(tmp_path / "a.mkv", frames(), None)
    answer = Generated("1001_AAA", file=tmp_path / "a.mkv")
    assert "decode" not in stored(run, answer)
    folder = run.job.run.system("echo")
    assert _store_answer(folder, request(), answer, "fast")[0]["decode"] == "fast"


# -- batches --------------------------------------------------------------------------------------


class Asked:
    """A generator that answers by a rule of the clips it is asked at once, and notes them."""

    trained_on = None

    def __init__(self, rule: Callable[[list[str]], Sequence[str]]) -> None:
        self.rule = rule
        self.batches: list[list[str]] = []

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated]:
        ids = [r.clip_id for r in requests]
        self.batches.append(ids)
        for clip in self.rule(ids):
            yield Generated(clip)


def asked_of(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    rule: Callable[[list[str]], Sequence[str]],
    n: int = 5,
) -> tuple[dict[str, Any], list[list[str]], list[str]]:
    """Records of clips a, b, ... in batches of 4 at first; the batches; the events."""
    generator = Asked(rule)
    monkeypatch.setattr(answers, "generator_of", lambda job, name: generator)
    monkeypatch.setattr(
        answers, "_registered", lambda job, folder, r, reference, answer: {"clip": answer.clip_id}
    )
    limit = [4]
    monkeypatch.setattr(answers, "batch_limit", lambda job, name: limit)
    ids = "abcdefgh"[:n]
    requests = [replace(request(), clip_id=c) for c in ids]
    events: list[str] = []
    found = _answers(run.job, run.suite.systems[0], requests, {c: {} for c in ids}, events)
    records = {r["clip"]: r for r in found}
    assert sorted(records) == list(ids)
    return {c: r.get("failure") for c, r in records.items()}, generator.batches, events


def raising(error: BaseException, when: Callable[[list[str]], bool]) -> Callable[[list[str]], Any]:
    def rule(ids: list[str]) -> Iterator[str]:
        if when(ids):
            raise error
        return iter(ids)

    return rule


def test_clips_are_asked_in_batches(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failures, batches, events = asked_of(run, monkeypatch, lambda ids: ids)
    assert set(failures.values()) == {None} and events == []
    assert batches == [["a", "b", "c", "d"], ["e"]]


def test_out_of_memory_halves_batches_for_good(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = raising(MemoryError("full"), lambda ids: len(ids) > 2)
    failures, batches, events = asked_of(run, monkeypatch, rule)
    assert set(failures.values()) == {None}
    assert [len(b) for b in batches] == [4, 2, 2, 1]
    assert events == ["batch of 4 raised MemoryError: full; next batch 2"]
    assert answers.batch_limit(run.job, "echo") == [2]


def test_memory_that_is_short_for_one_clip_ends_the_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="generator echo, clip a"):
        asked_of(run, monkeypatch, raising(MemoryError("full"), lambda ids: True))


def test_any_other_error_leaves_one_by_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = raising(ValueError("odd"), lambda ids: "b" in ids)
    failures, batches, events = asked_of(run, monkeypatch, rule)
    assert failures == {
        "a": None,
        "b": "the generator raised ValueError: odd",
        "c": None,
        "d": None,
        "e": None,
    }
    assert [len(b) for b in batches] == [4, 1, 1, 1, 1, 1]
    assert events == ["batch of 4 raised ValueError: odd; next batch 1"]
    assert answers.batch_limit(run.job, "echo") == [4]


def test_a_full_disk_ends_the_command_whatever_the_batch(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = OSError(28, "No space left on device")
    with pytest.raises(UserError, match="generator echo, clip a and 3 more"):
        asked_of(run, monkeypatch, raising(error, lambda ids: True))


def test_a_users_mistake_ends_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="wrong option"):
        asked_of(run, monkeypatch, raising(UserError("wrong option"), lambda ids: True))


def test_a_clip_without_an_answer_is_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failures, batches, events = asked_of(run, monkeypatch, lambda ids: ids[:-1])
    silent = "the generator gave no answer"
    assert failures == {"a": None, "b": None, "c": None, "d": silent, "e": silent}
    assert len(batches) == 2 and events == []


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (lambda ids: [*ids, ids[-1]], "it answered clip a twice"),
        (lambda ids: ["stranger"], "it answered a clip it was not asked for: 'stranger'"),
    ],
)
def test_an_answer_too_many_is_an_error_of_the_generator(
    run: Run, monkeypatch: pytest.MonkeyPatch, rule: Callable[[list[str]], Sequence[str]], says: str
) -> None:
    if "twice" in says:
        failures, batches, _ = asked_of(run, monkeypatch, rule, 1)
        assert failures == {"a": None} and len(batches) == 1  # the answer it gave first stays
    else:
        failures, _, _ = asked_of(run, monkeypatch, rule, 1)
        assert failures == {"a": f"the generator raised RuntimeError: {says}"}


# -- whole batches --------------------------------------------------------------------------------


def test_every_clip_of_a_batch_ends_as_a_record_in_its_order(tmp_path: Path) -> None:
    text = EVERY_CONTROL.replace("{name: toy}", "{name: toy, n_actors: 2}")
    run = start(tmp_path, f"{text}controls: [ground-truth]\nidentity_frame: 7\n")
    run.generate()
    stored_ = run.job.run.references(32).stored()
    references = [stored_[c] for c in sorted(stored_, reverse=True)]
    made, timing = answer_batch(run.job, ("echo", tuple(references), None))
    assert [r["clip"] for r in made] == [r["clip"] for r in references]
    assert [r["reference"] for r in made] == [reference_mark(r) for r in references]
    assert timing["clips"] == [r["clip"] for r in made] and "events" not in timing
    short = [r["n_frames"] < 8 for r in references]
    assert ["failure" in r for r in made] == short and len(set(short)) == 2
    assert all(0 <= r["likeness"] < 1 for r in made if "failure" not in r)


def test_a_copy_of_the_reference_is_wholly_alike(run: Run) -> None:
    folder, system = run.job.run.system("echo"), run.suite.systems[0]
    same = {"clip": "a", "frames_digest": "x"}
    assert _with_likeness(folder, system, same, {"frames_digest": "x"})["likeness"] == 1.0
    failed = {"clip": "a", "failure": "refused"}
    assert _with_likeness(folder, system, failed, {"frames_digest": "x"}) == failed


@pytest.mark.parametrize(("given", "expected"), [("image", 0.25), ("recording", 0.5)])
def test_what_counts_of_an_edit_is_its_least_alike_part(
    run: Run, monkeypatch: pytest.MonkeyPatch, given: Any, expected: float
) -> None:
    monkeypatch.setattr(answers, "likeness", lambda a, b: 0.25)
    monkeypatch.setattr(answers, "least_likeness", lambda a, b: 0.5)
    folder, system = run.job.run.system("echo"), replace(run.suite.systems[0], given=given)
    record = stored(run, Generated("1001_AAA", frames()))
    truth = Generated("1001_AAA", frames()[::-1].copy())
    reference = _store_answer(run.job.run.references(SIZE), request(), truth, "exact")[0]
    assert _with_likeness(folder, system, record, reference)["likeness"] == expected

    def refused(a: Any, b: Any) -> float:
        raise ClipFailure("too short")

    monkeypatch.setattr(answers, "likeness", refused)
    monkeypatch.setattr(answers, "least_likeness", refused)
    found = _with_likeness(folder, system, record, reference)
    assert found == {"clip": "1001_AAA", "failure": "too short"}
