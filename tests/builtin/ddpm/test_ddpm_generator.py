"""Sampling: what decides a clip's bytes, and what fails a clip without ending the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from denoisers import SIZE, TINY, checkpoint, context, request
from guards import some
from thbench.api import Failure, Frames, Generated, Request, UserError
from thbench_ddpm.generator import DdpmGenerator
from thbench_ddpm.options import PAPER, Architecture, Options

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("plain") / "tiny.safetensors")


@pytest.fixture(scope="module")
def with_landmarks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landmarks")
    return checkpoint(folder / "tiny.safetensors", landmarks=True)


def generator(file: Path, rows: int = 4, **options: Any) -> DdpmGenerator:
    return DdpmGenerator(Options(**{"checkpoint": file, "steps": 3, **options}), context(rows))


def videos(made: DdpmGenerator, asked: Sequence[Request]) -> dict[str, Frames]:
    answers = list(made.generate(asked))
    assert all(isinstance(a, Generated) for a in answers), answers
    return {
        a.clip_id: a.frames for a in answers if isinstance(a, Generated) and a.frames is not None
    }


ASKED = [request("a", 2), request("b", 6), request("c", 1), request("d", 3)]


def test_every_clip_is_answered_with_its_length(file: Path) -> None:
    found = videos(generator(file), ASKED)
    assert {k: v.shape for k, v in found.items()} == {
        r.clip_id: (r.n_frames, SIZE, SIZE, 3) for r in ASKED
    }


@pytest.mark.slow
def test_neither_order_nor_partition_nor_place_changes_a_byte(file: Path) -> None:
    made = generator(file)
    expected = videos(made, ASKED)
    assert np.mean(np.isin(expected["b"], (0, 255), invert=True)) * 100 > 10  # not all saturated
    for order in list(permutations(ASKED))[::5]:
        for cut in (1, 3):
            found = videos(made, order[:cut]) | videos(made, order[cut:])
            assert all(np.array_equal(found[clip], expected[clip]) for clip in expected)


@pytest.mark.slow
def test_more_requests_than_rows_take_the_places_of_finished_ones(file: Path) -> None:
    many = [request(f"clip-{i}", 1 + i % 4) for i in range(9)]
    made = generator(file)
    together = videos(made, many)
    assert list(together) != [r.clip_id for r in many]  # short ones are answered first
    for asked in many:
        assert np.array_equal(together[asked.clip_id], videos(made, [asked])[asked.clip_id])


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_the_noise_is_the_clips_own(file: Path, eta: float) -> None:
    made = generator(file, eta=eta)
    one, again, other = (
        videos(made, [request("a", 2, seed)])["a"] for seed in (1, 1, 2)
    )  # fmt: skip
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def distance(frames: Frames) -> float:
    """Mean distance between consecutive frames, in grey levels."""
    return float(np.abs(np.diff(frames.astype(float), axis=0)).mean())


@pytest.mark.slow
def test_frames_that_share_their_noise_differ_less(file: Path) -> None:
    asked = [request("a", 6)]
    found = {
        n: distance(videos(generator(file, frame_noise=n, silence_audio=True), asked)["a"])
        for n in ("independent", 0.0, 0.9, "shared", 1.0)
    }
    assert found["independent"] == found[0.0] > found[0.9] > found["shared"] == found[1.0]


@pytest.mark.slow
@pytest.mark.parametrize("noise", [{"frame_noise": 0.7, "motion_level": 0.3, "eta": 0.5}])
def test_noise_of_any_kind_is_the_clips_own(file: Path, noise: dict[str, Any]) -> None:
    made = generator(file, 2, **noise)
    expected = videos(made, ASKED)
    for order in (ASKED[::-1], [ASKED[1], ASKED[0], *ASKED[2:]]):
        found = videos(made, order)
        assert all(np.array_equal(found[clip], expected[clip]) for clip in expected)
    alone = videos(generator(file, 2, **noise), ASKED[1:2])["b"]
    assert np.array_equal(alone, expected["b"])


def test_frames_begin_with_noise_of_the_temperature(file: Path) -> None:
    """And what `eta` adds on the way is not scaled."""
    begins: dict[float, torch.Tensor] = {}
    for temperature in (1.0, 0.4, 0.0):
        made = generator(file, temperature=temperature, eta=1.0, steps=2)
        seen: list[torch.Tensor] = []
        network = made.denoiser.forward
        made._network = lambda x, *rest, seen=seen, network=network: (
            seen.append(x.clone()),
            torch.zeros_like(network(x, *rest)),
        )[1]
        videos(made, [request("a", 1)])
        begins[temperature] = seen[0][0]
    assert begins[1.0].std().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(begins[0.4], 0.4 * begins[1.0])
    assert not begins[0.0].any()
    drawn, other = (
        videos(generator(file, temperature=0.0, eta=1.0, steps=2), [request("a", 1, seed)])["a"]
        for seed in (1, 2)
    )
    assert not np.array_equal(drawn, other)


def test_the_steps_are_those_of_the_spacing(file: Path) -> None:
    assert [s.t for s in generator(file, steps=4, spacing="quadratic").steps] == [249, 140, 62, 16]
    assert [s.t for s in generator(file, steps=4).steps] == [249, 166, 83, 0]
    with pytest.raises(ValueError, match="39 steps with quadratic spacing: beyond 38"):
        Options(steps=39, spacing="quadratic")


def test_the_motion_frame_is_disturbed_as_much_as_asked(file: Path, tmp_path: Path) -> None:
    """First motion frame: the identity frame; the noise on it leaves what the frame begins with as it is."""
    signal = checkpoint(tmp_path / "signal.safetensors", motion_signal=True)
    asked, begins = request("a", 1), []
    for level, deviation in ((0.0, 0.0), (0.4, 0.4), ("none", None)):
        made = generator(signal if level == "none" else file, motion_level=level)
        seen: list[tuple[torch.Tensor, torch.Tensor]] = []
        network = made.denoiser.forward
        made._network = lambda x, t, stills, signals, seen=seen, network=network: (
            seen.append((x.clone(), stills.clone())),
            network(x, t, stills, signals),
        )[1]
        videos(made, [asked])
        x, stills = seen[0]
        begins.append(x[0])
        motion = stills[0, 3:]
        if deviation is None:
            assert not motion.any()
        else:
            assert (motion - stills[0, :3]).std().item() == pytest.approx(deviation, abs=0.02)
    assert torch.equal(begins[0], begins[1])


def test_a_model_that_never_did_without_a_motion_frame_refuses_to(file: Path) -> None:
    with pytest.raises(UserError, match="never trained without a motion frame"):
        generator(file, motion_level="none")


NAMED = {"frame_noise": 0.8, "motion_level": "none"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "stored, asked, expected",
    [
        (NAMED, {}, NAMED),
        (NAMED, {"frame_noise": "shared", "motion_level": 0.1}, {"frame_noise": "shared", "motion_level": 0.1}),
        (NAMED, {"motion_level": 0.0}, {"frame_noise": 0.8, "motion_level": 0.0}),
        ({}, {}, PAPER),
        (None, {}, PAPER),
        ({"frame_noise": "trained", "temperature": "trained"}, {}, PAPER),
        (NAMED | {"temperature": 0.4}, {}, NAMED | {"temperature": 0.4}),
        ({"temperature": 0.4}, {"temperature": 1.0}, PAPER),
    ],
)  # fmt: skip
def test_frames_are_drawn_as_in_training_unless_named(
    tmp_path: Path, stored: Any, asked: dict[str, Any], expected: dict[str, Any]
) -> None:
    file = checkpoint(tmp_path / "tiny.safetensors", options=stored, motion_signal=True)
    made, plainly = generator(file, **asked), generator(file, **expected)
    assert {k: getattr(made.options, k) for k in expected} == expected
    assert np.array_equal(videos(made, ASKED[:1])["a"], videos(plainly, ASKED[:1])["a"])


@pytest.mark.parametrize(
    "stored", [{"frame_noise": 2.0}, {"temperature": 2.0}, {"motion_level": "much"}, []]
)
def test_a_checkpoint_that_names_what_cannot_be_is_refused(tmp_path: Path, stored: Any) -> None:
    file = checkpoint(tmp_path / "tiny.safetensors", options=stored, motion_signal=True)
    with pytest.raises(UserError, match="no valid frame_noise, temperature or motion_level"):
        generator(file)


def test_the_signal_of_the_motion_frames_noise_is_heard(tmp_path: Path) -> None:
    made = generator(checkpoint(tmp_path / "signal.safetensors", motion_signal=True))
    said = [
        DdpmGenerator(replace(made.options, motion_level=level), context())
        ._signals(request("a", 2), torch.zeros(3, SIZE, SIZE))["motion"]
        for level in (0.0, 0.4, "none")
    ]  # fmt: skip
    assert not torch.equal(said[0], said[1])
    assert not torch.equal(said[0], said[2])


def test_steps_and_eta_are_used(file: Path) -> None:
    asked = [request("a", 2)]
    base = videos(generator(file), asked)["a"]
    assert not np.array_equal(base, videos(generator(file, steps=4), asked)["a"])
    assert not np.array_equal(base, videos(generator(file, eta=1.0), asked)["a"])


def test_a_frame_follows_from_the_one_before(file: Path) -> None:
    """The motion frame of the first is the identity frame: another identity changes both ways."""
    made = generator(file)
    seen: list[torch.Tensor] = []
    network = made.denoiser.forward
    made._network = lambda x, t, stills, signals: (
        seen.append(stills.clone()),
        network(x, t, stills, signals),
    )[1]
    asked = request("a", 3)
    frames = videos(made, [asked])["a"]
    from thbench.training.pictures import to_network

    stills = seen[:: len(made.steps)]
    before = [asked.identity_frame, *frames[:-1]]
    for still, motion in some(zip(stills, before, strict=True)):
        assert torch.equal(still[0, :3], to_network(torch.from_numpy(asked.identity_frame.copy())))
        assert torch.equal(still[0, 3:], to_network(torch.from_numpy(motion.copy())))


# -- what goes wrong ----------------------------------------------------------------------------------


def test_values_that_are_not_finite_fail_that_clip_alone(file: Path) -> None:
    made = generator(file)
    network = made.denoiser.forward

    def odd(x: Any, t: Any, stills: Any, signals: Any) -> Any:
        output = network(x, t, stills, signals)
        output[1] = float("nan")
        return output

    expected = videos(made, ASKED)
    made._network = odd
    answers = {a.clip_id: a for a in made.generate(ASKED)}
    failed = answers.pop("b")
    assert isinstance(failed, Failure)
    assert failed.reason == "frame 0 has values that are not finite"
    for clip in ("a", "d"):
        answer = answers[clip]
        assert isinstance(answer, Generated)
        assert answer.frames is not None
        assert np.array_equal(answer.frames, expected[clip])


def test_what_it_cannot_draw_is_refused_in_words(file: Path) -> None:
    asked = [
        request("large", size=64), replace(request("mute"), audio=np.zeros(0, np.int16)),
        request("fine"),
    ]  # fmt: skip
    answers = {a.clip_id: a for a in generator(file).generate(asked)}
    large, mute = answers["large"], answers["mute"]
    assert isinstance(large, Failure)
    assert "64 px asked for, the checkpoint was trained at 32 px" in large.reason
    assert isinstance(mute, Failure)
    assert "no sound" in mute.reason
    assert isinstance(answers["fine"], Generated)


def test_a_checkpoint_of_another_kind_is_one_line(file: Path, tmp_path: Path) -> None:
    from thbench_gan.generator import SHIPPED

    with pytest.raises(UserError, match="is of generator 'gan', not 'ddpm'"):
        generator(SHIPPED)
    with pytest.raises(UserError, match=r"channels \(wanted 64, has 32\)"):
        generator(file, architecture=Architecture(**{**TINY, "channels": 64}))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(UserError, match="damaged or cut off"):
        generator(cut)


def test_it_says_what_it_was_trained_on(file: Path) -> None:
    trained_on = generator(file).trained_on
    assert trained_on is not None
    assert (trained_on.dataset, trained_on.actors) == ("toy", {"1001", "1002"})


# -- landmarks ----------------------------------------------------------------------------------------


def oracle(asked: Request) -> Request:
    points = np.random.default_rng(5).uniform(0, SIZE, (asked.n_frames, 68, 2)).astype(np.float32)
    return replace(asked, oracle={"landmarks": points})


@pytest.mark.slow
def test_each_source_of_landmarks_gives_another_video(with_landmarks: Path) -> None:
    asked = oracle(request("a", 2))
    found = [
        videos(generator(with_landmarks, landmark_source=source), [asked])["a"]
        for source in ("oracle", "predicted", "none")
    ]
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[1], found[2])
    blind = generator(with_landmarks, landmark_source="predicted")
    assert np.array_equal(videos(blind, [request("a", 2)])["a"], found[1])  # saw no target


@pytest.mark.slow
def test_one_poisoned_request_fails_alone_in_any_place(with_landmarks: Path) -> None:
    made = generator(with_landmarks, rows=2, landmark_source="oracle")
    asked = [oracle(r) for r in ASKED]
    expected = videos(made, asked)
    points = asked[3].oracle["landmarks"].copy()
    points[1] = np.nan
    poisoned = replace(asked[3], oracle={"landmarks": points})
    for order in ([poisoned, *asked[:3]], [*asked[:3], poisoned]):
        answers = {a.clip_id: a for a in made.generate(order)}
        failed = answers.pop("d")
        assert isinstance(failed, Failure)
        assert failed.reason == "frame 1 has values that are not finite"
        for clip, answer in answers.items():
            assert isinstance(answer, Generated)
            assert answer.frames is not None
            assert np.array_equal(answer.frames, expected[clip])


def test_an_oracle_that_is_not_there_fails_the_clip_with_the_remedy(with_landmarks: Path) -> None:
    made = generator(with_landmarks, landmark_source="oracle")
    (answer,) = made.generate([request("a", 2)])
    assert isinstance(answer, Failure)
    assert "oracle: [landmarks]" in answer.reason


def test_an_oracle_that_the_checkpoint_has_no_use_for_is_refused(file: Path) -> None:
    with pytest.raises(UserError, match="was trained without landmarks"):
        generator(file, landmark_source="oracle")


def test_a_signal_can_be_silenced(with_landmarks: Path) -> None:
    asked = request("a", 2)
    quiet = generator(with_landmarks, silence_audio=True, landmark_source="none")
    louder = replace(asked, audio=np.full_like(asked.audio, 3000))
    assert np.array_equal(videos(quiet, [asked])["a"], videos(quiet, [louder])["a"])
    heard = generator(with_landmarks, landmark_source="none")
    assert not np.array_equal(videos(heard, [asked])["a"], videos(heard, [louder])["a"])


# -- arithmetic ---------------------------------------------------------------------------------------


def test_bf16_is_near_fp32(file: Path) -> None:
    asked = [request("a", 1)]
    fp32, bf16 = (
        videos(generator(file, precision=p), asked)["a"].astype(float) for p in ("fp32", "bf16")
    )
    assert 0 < np.abs(fp32 - bf16).mean() < 4


@pytest.mark.long
def test_compiled_is_near_plain(file: Path) -> None:
    asked = [request("a", 1)]
    plain, compiled = (
        videos(generator(file, compile=c), asked)["a"].astype(int) for c in (False, True)
    )
    assert np.abs(plain - compiled).max() <= 1
