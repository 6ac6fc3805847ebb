"""Training: what an example is, the losses, and that resuming changes no byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from denoisers import SIZE, TINY, checkpoint, context, request, source, trainer
from thbench.api import Generated, UserError
from thbench.training.checkpoint import read_checkpoint
from thbench.training.data import tensors
from thbench_ddpm.generator import DdpmGenerator
from thbench_ddpm.options import Architecture, Options
from trainings import SUITE as GAN_SUITE
from trainings import bytes_of, trained

pytestmark = pytest.mark.usefixtures("one_thread")

START = GAN_SUITE[: GAN_SUITE.index("systems:")]
END = "metrics: [toy-brightness]\n"


def suite(landmarks: bool = False, more: str = "", resolution: int = SIZE) -> str:
    return f"""{START}systems:
  ddpm:
    generator: ddpm
    resolution: {resolution}
    steps: 2
    architecture:
      {{channels: 32, multiples: [1], blocks: 1, heads: 2, dropout: 0.1, patch: 4, audio: mel,
       audio_code: 4, landmarks: {str(landmarks).lower()}, predicts: v}}
    motion_noise: 0.1
    {more}
    training: {{steps: 20, batch: 2, ema: 0.9, validate_every: 5, save_every: 5, log_every: 1}}
{END}"""


def batch_of(learner: Any) -> Any:
    clip = learner.prepare(source())
    cuts = [learner.cut(clip, np.random.default_rng(i)) for i in range(2)]
    return tensors({k: np.stack([c[k] for c in cuts]) for k in cuts[0]}, "cpu")


# -- examples -----------------------------------------------------------------------------------------


def test_a_cut_is_one_frame_and_what_it_is_drawn_from() -> None:
    learner = trainer()
    clip = learner.prepare(source(6))
    frames, audio = clip["frames"], clip["audio"]
    seen = set()
    for seed in range(60):
        cut = learner.cut(clip, np.random.default_rng(seed))
        k = int(np.flatnonzero((frames == cut["frame"]).all((1, 2, 3)))[0])
        seen.add(k)
        assert np.array_equal(cut["identity"], frames[0])
        assert np.array_equal(cut["motion"], frames[max(k - 1, 0)])
        around = [min(max(k + d, 0), 5) for d in (-2, -1, 0, 1, 2)]
        assert np.array_equal(cut["audio"], audio[around])
        assert np.array_equal(cut["mouth"], clip["mouth"][k])
    assert seen == set(range(6))


def test_a_cut_holds_what_its_motion_frame_is_drawn_from() -> None:
    learner = trainer(motion_own=0.5, eye_weight=4.0, architecture={"landmarks": True})
    clip = learner.prepare(source(6))
    frames = clip["frames"]
    for seed in range(20):
        cut = learner.cut(clip, np.random.default_rng(seed))
        k = int(np.flatnonzero((frames == cut["frame"]).all((1, 2, 3)))[0])
        before = max(k - 1, 0)
        assert np.array_equal(cut["motion"], frames[before])
        assert np.array_equal(cut["motion_motion"], frames[max(before - 1, 0)])
        around = [min(max(before + d, 0), 5) for d in (-2, -1, 0, 1, 2)]
        assert np.array_equal(cut["motion_audio"], clip["audio"][around])
        assert np.array_equal(cut["motion_landmarks"], clip["landmarks"][before])
        assert np.array_equal(cut["eyes"], clip["eyes"][k])
    assert clip["eyes"].shape == (6, 2, 4)
    assert "motion_motion" not in trainer().cut(clip, np.random.default_rng(0))


def test_landmarks_are_found_where_they_are_needed_and_not_there() -> None:
    for options in ({}, {"architecture": {"landmarks": True}, "mouth_weight": 1.0}):
        learner = trainer(**options)
        asked: list[int] = []
        learner._on_demand = lambda frames, asked=asked: (  # type: ignore[assignment]
            asked.append(len(frames)) or source(len(frames)).annotations["landmarks"]
        )
        learner.prepare(source(landmarks=False))
        assert asked
    kept = trainer(mouth_weight=1.0).prepare(source(3, landmarks=False))
    assert kept["mouth"].tolist() == [[0, 0, SIZE, SIZE]] * 3


def test_landmarks_reach_from_minus_one_to_one_over_the_image() -> None:
    kept = trainer(architecture={"landmarks": True}).prepare(source(2))
    assert kept["landmarks"].shape == (2, 136)
    assert kept["landmarks"][0, 0] == pytest.approx(4 / SIZE * 2 - 1)


# -- losses -------------------------------------------------------------------------------------------


def test_the_loss_weighs_the_mouth_and_reports_both_parts() -> None:
    """A fresh network puts out zeros: the error is the target itself, noise of variance 1."""
    batches = []
    for weight in (1.0, 1.2):
        learner = trainer(architecture={"predicts": "noise"}, mouth_weight=weight)
        batch = batch_of(learner)
        torch.manual_seed(3)
        batches.append(learner.loss("denoiser", batch))
    (plain, logged), (weighted, _) = batches
    assert plain.item() == pytest.approx(logged["mse"].item())
    assert logged["mse"].item() == pytest.approx(1, abs=0.1)
    left, top, right, bottom = batch["mouth"][0].tolist()
    n = sum(left <= x <= right for x in range(SIZE)) * sum(top <= y <= bottom for y in range(SIZE))
    share = n / SIZE**2
    assert 0 < share < 1
    expected = logged["mse"] + 0.2 * share * logged["lip"]
    assert weighted.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_loss_weighs_the_eyes_where_asked() -> None:
    batches = []
    for weight in (1.0, 5.0):
        learner = trainer(architecture={"predicts": "noise"}, mouth_weight=1.0, eye_weight=weight)
        batch = batch_of(learner)
        torch.manual_seed(3)
        batches.append(learner.loss("denoiser", batch)[0].item())
    assert ("eyes" in batch, batches[1] > batches[0]) == (True, True)


@pytest.mark.parametrize("own", [0.0, 0.5])
def test_own_motion_frames_and_missing_ones_say_so(own: float) -> None:
    """What the network is given: the noise's deviation where there is a motion frame, else its absence."""
    learner = trainer(
        architecture={"motion_signal": True}, motion_noise=0.6, motion_dropout=0.5, motion_own=own
    )
    said, stills = [], []
    embed, network = learner.denoiser.unet.embedded, learner.denoiser.forward
    learner.denoiser.unet.embedded = lambda raw: (said.append(raw["motion"]), embed(raw))[1]
    learner.denoiser.forward = lambda x, t, s, e: (stills.append(s), network(x, t, s, e))[1]
    clip = learner.prepare(source())
    cuts = [learner.cut(clip, np.random.default_rng(i)) for i in range(16)]
    batch = tensors({k: np.stack([c[k] for c in cuts]) for k in cuts[0]}, "cpu")
    torch.manual_seed(3)
    learner.loss("denoiser", batch)
    signal, motion = said[-1], stills[-1][:, 3:]
    none = signal[:, 1] == 1
    assert 0 < int(none.sum()) < 16
    assert not motion[none].any()
    assert not signal[none, 0].any()
    there = signal[~none, 0]
    assert 0 < there.min() < there.max() <= 0.6
    if not own:
        from thbench.training.pictures import to_network

        off = (motion - to_network(batch["motion"]))[~none].flatten(1).std(dim=1)
        assert torch.allclose(off, there, rtol=0.1)
    else:
        assert len(said) == 2
        assert len(stills) == 4


def test_a_motion_frame_of_its_own_is_no_way_for_gradients() -> None:
    learner = trainer(motion_own=0.9)
    batch = batch_of(learner)
    torch.manual_seed(3)
    identity = motion = torch.zeros(2, 3, SIZE, SIZE)
    drawn = learner._own(batch, identity, motion, torch.randn(motion.shape))
    assert drawn.any()
    assert not drawn.requires_grad
    assert not motion.any()


def test_weights_of_a_network_without_the_motion_signal_draw_the_same_with_it(
    tmp_path: Path,
) -> None:
    start = checkpoint(tmp_path / "start.safetensors", dropout=0.0)
    with_signal = {"motion_signal": True, "dropout": 0.0}
    learner = trainer(architecture=with_signal, init_from=start, motion_noise=0.3)
    plain = trainer(architecture={"dropout": 0.0}, init_from=start, motion_noise=0.3)
    batch = batch_of(learner)
    losses = []
    for one in (plain, learner):
        torch.manual_seed(3)
        losses.append(one.loss("denoiser", batch)[0].item())
    assert losses[0] == losses[1]
    assert learner.architecture["motion_signal"] is True
    assert "motion_signal" not in plain.architecture


def test_leaving_out_the_motion_frame_needs_its_signal() -> None:
    with pytest.raises(ValueError, match="motion_dropout needs `motion_signal: true`"):
        Options(motion_dropout=0.1)


def test_every_weight_of_the_denoiser_learns() -> None:
    learner = trainer(architecture={"landmarks": True, "dropout": 0.0}, landmark_dropout=0.5)
    batch = batch_of(learner)
    optimiser = torch.optim.Adam(learner.denoiser.parameters(), 1e-2)
    for _ in range(3):  # last layers start at 0, and hide those before them in the first step
        optimiser.zero_grad(set_to_none=True)
        learner.loss("denoiser", batch)[0].backward()
        optimiser.step()
    still = [
        n for n, p in learner.denoiser.named_parameters() if p.grad is None or not p.grad.any()
    ]
    assert still == []


def test_the_predictor_learns_where_landmarks_are() -> None:
    learner = trainer(architecture={"landmarks": True})
    batch = batch_of(learner)
    optimiser = torch.optim.Adam(learner.networks["predictor"].parameters(), 1e-2)
    errors = []
    for _ in range(30):
        optimiser.zero_grad(set_to_none=True)
        loss, logged = learner.loss("predictor", batch)
        loss.backward()
        optimiser.step()
        errors.append(logged["landmark_error"].item())
    assert errors[-1] < errors[0] / 4
    assert all(p.grad is None for p in learner.denoiser.parameters())


# -- whole trainings ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("landmarks", [False, True])
def test_twenty_steps_are_ten_and_ten_more_byte_for_byte(tmp_path: Path, landmarks: bool) -> None:
    text = suite(landmarks)
    whole = trained(tmp_path, system="ddpm", text=text, name="whole")
    trained(tmp_path, system="ddpm", text=text, name="parts", steps=10)
    parts = trained(tmp_path, system="ddpm", text=text, name="parts")
    assert bytes_of(parts) == bytes_of(whole)
    assert (whole / "best.safetensors").is_file()


@pytest.mark.slow
def test_saving_memory_changes_no_byte_of_a_resumed_training(tmp_path: Path) -> None:
    """Blocks computed again draw the same dropout, also where batches are accumulated and resumed."""
    assert trainer(gradient_checkpointing=True).denoiser.unet.checkpointing
    whole, parts = suite(), suite(more="gradient_checkpointing: true")
    twice = ["systems.ddpm.training.accumulate=2"]
    plain = trained(tmp_path, twice, system="ddpm", text=whole, name="whole", steps=10)
    trained(tmp_path, twice, system="ddpm", text=parts, name="parts", steps=5)
    saving = trained(tmp_path, twice, system="ddpm", text=parts, name="parts", steps=10)
    weights = [read_checkpoint(run / "last.safetensors", "ddpm").tensors for run in (plain, saving)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(v, weights[1][k]) for k, v in weights[0].items())
    once = trained(tmp_path, system="ddpm", text=whole, name="once", steps=10)
    other = read_checkpoint(once / "last.safetensors", "ddpm").tensors
    assert not all(torch.equal(v, other[k]) for k, v in weights[0].items())


@pytest.mark.slow
def test_what_was_trained_can_be_sampled(tmp_path: Path) -> None:
    run = trained(tmp_path, ["systems.ddpm.training.published=fp16"], system="ddpm", text=suite())
    made = DdpmGenerator(Options(checkpoint=run / "last.safetensors", steps=2), context())
    (answer,) = made.generate([request("a", 2)])
    assert isinstance(answer, Generated)
    assert made.trained_on is not None
    assert made.trained_on.actors == {"1001"}
    stored = read_checkpoint(run / "last.safetensors", "ddpm").tensors.values()
    assert {v.dtype for v in stored if v.is_floating_point()} == {torch.float16}


@pytest.mark.slow
def test_fine_tuning_starts_from_the_weights_of_another_resolution(tmp_path: Path) -> None:
    small = trained(tmp_path, system="ddpm", text=suite(), name="small", steps=5)
    start = small / "last.safetensors"
    text = suite(more=f"init_from: {start}", resolution=64)
    tuned = trained(tmp_path, ["systems.ddpm.training.ema=0"], system="ddpm", text=text, steps=5,
                    name="tuned")  # fmt: skip
    about = read_checkpoint(tuned / "last.safetensors", "ddpm").about
    assert (about["size"], about["pretrained"]) == (64, {"init_from": "1 actors of toy"})
    learner = trainer(64, {**TINY, **_architecture(start)}, init_from=start)
    before = read_checkpoint(start, "ddpm").tensors
    assert all(
        torch.equal(v, before[f"denoiser/{k}"]) for k, v in learner.denoiser.state_dict().items()
    )


def _architecture(file: Path) -> dict[str, Any]:
    about = read_checkpoint(file, "ddpm").about["architecture"]
    return {**about, "multiples": tuple(about["multiples"])}


@pytest.mark.slow
def test_actors_of_what_a_training_starts_from_count_as_seen(tmp_path: Path) -> None:
    start = checkpoint(tmp_path / "start.safetensors", multiples=(1,), patch=4, audio_code=4)
    text = suite(more=f"init_from: {start}")
    run = trained(tmp_path, system="ddpm", text=text, steps=5)
    seen = read_checkpoint(run / "last.safetensors", "ddpm").trained_on
    assert seen is not None
    assert seen.actors == {"1001", "1002"}  # 1002 by `start`, though it validates here


@pytest.mark.slow
def test_who_was_seen_in_another_dataset_is_unknown(tmp_path: Path) -> None:
    strangers = {"dataset": "crema-d", "actors": ["1001"]}
    start = checkpoint(
        tmp_path / "start.safetensors", SIZE, strangers, multiples=(1,), patch=4, audio_code=4
    )
    run = trained(tmp_path, system="ddpm", text=suite(more=f"init_from: {start}"), steps=5)
    tuned = read_checkpoint(run / "last.safetensors", "ddpm")
    assert tuned.about["pretrained"] == {"init_from": "unknown"}
    assert tuned.trained_on is None


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    start = checkpoint(tmp_path / "start.safetensors")
    with pytest.raises(UserError, match="another architecture"):
        trained(tmp_path, system="ddpm", text=suite(more=f"init_from: {start}"))


def test_a_resolution_that_does_not_halve_is_refused() -> None:
    with pytest.raises(UserError, match="resolution 100 is no multiple of 16"):
        trainer(100, {"multiples": (1, 1, 2, 2)})
    assert trainer(48, {"multiples": (1, 1, 2, 2)}).size == 48


def test_the_published_encoder_is_frozen_and_its_actors_unknown(tmp_path: Path) -> None:
    from thbench_speech.encoders import SdaEncoder

    torch.manual_seed(1)
    encoder = SdaEncoder()
    file = tmp_path / "crema.dat"
    torch.save({"encoder": encoder.state_dict()}, file)
    from types import SimpleNamespace

    from thbench_ddpm.trainer import DdpmTrainer

    a = Architecture(**{**TINY, "audio": "sda-crema", "audio_code": 256})
    served: Any = SimpleNamespace(device="cpu", batch=4, weights=lambda name: file)
    learner = DdpmTrainer(Options(architecture=a), served, SIZE)
    assert learner.pretrained == {"sda-crema": "unknown"}
    learner.denoiser.train()
    clip = learner.prepare(source())
    assert clip["audio"].shape == (9, 256)
    frozen = [p for n, p in learner.denoiser.named_parameters() if n.startswith("audio.")]
    assert frozen
    assert not any(p.requires_grad for p in frozen)
    assert not learner.denoiser.audio.training
