"""One step against its definition, and everything that stops a training, in words."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from guards import some
from thbench.api import UserError
from thbench.training.checkpoint import read_checkpoint
from thbench.training.loop import learning_rate
from thbench.training.options import TrainingOptions
from thbench.training.state import Averaged, seed_step
from thbench_gan.trainer import GanTrainer
from trainings import SUITE, setting, trained


def rows(file: Path) -> list[dict[str, str]]:
    with file.open() as text:
        return list(csv.DictReader(text))


def test_learning_rate() -> None:
    constant = TrainingOptions(steps=100, warmup=4)
    assert [learning_rate(constant, 8.0, s) for s in (0, 1, 3, 50)] == [2.0, 4.0, 8.0, 8.0]
    cosine = TrainingOptions(steps=100, schedule="cosine")
    assert learning_rate(cosine, 1.0, 0) == 1.0
    assert learning_rate(cosine, 1.0, 50) == pytest.approx(0.5)
    assert learning_rate(cosine, 1.0, 99) == pytest.approx((1 + math.cos(0.99 * math.pi)) / 2)


def test_averaged_weights_follow_their_formula() -> None:
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    averaged = Averaged(network, 0.5)
    expected = float(averaged.values["0.weight"])
    for step in range(6):
        with torch.no_grad():
            network[0].weight.fill_(float(step))  # type: ignore[operator]
            network[1].running_mean.fill_(float(step))  # type: ignore[operator]
        averaged.update(network, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(averaged.values["0.weight"]) == pytest.approx(expected, rel=1e-6)
    assert float(averaged.values["1.running_mean"]) == 5.0  # buffers are copied


def test_noise_depends_on_seed_step_and_part_alone() -> None:
    def noise(*place: int) -> float:
        seed_step(*place)
        return float(torch.randn(()))

    assert noise(0, 1, 0) == noise(0, 1, 0)
    assert len({noise(0, 1, 0), noise(1, 1, 0), noise(0, 2, 0), noise(0, 1, 1)}) == 4


def test_a_folder_of_a_training_says_what_it_is(tmp_path: Path) -> None:
    run = trained(tmp_path, steps=6)
    best = read_checkpoint(run / "best.safetensors", "gan")
    assert best.about["trained_on"] == {"dataset": "toy", "actors": ["1001"]}
    assert best.about["validation_actors"] == ["1002"]
    assert best.about["chosen_by"]["name"] == "l1"
    assert best.about["pretrained"] == {}
    assert best.about["machine"] == {"device": "cpu", "threads": 1}
    assert {k.partition("/")[0] for k in best.tensors} == {"generator"}
    chosen = min(rows(run / "validation.csv"), key=lambda r: float(r["l1"]))
    assert int(chosen["step"]) == best.about["step"] == best.about["chosen_by"]["step"]
    assert [int(r["step"]) for r in rows(run / "train.csv")] == [1, 2, 3, 4, 5, 6]
    assert float(rows(run / "train.csv")[2]["epoch"]) == 2.0  # three clips, batches of two


@pytest.mark.slow
def test_a_line_of_the_log_is_the_mean_over_its_steps(tmp_path: Path) -> None:
    each = rows(trained(tmp_path, name="each", steps=12) / "train.csv")
    means = rows(trained(tmp_path, setting(log_every=4), name="means", steps=12) / "train.csv")
    assert [int(r["step"]) for r in means] == [4, 5, 8, 10, 12]  # saved every five steps
    expected = sum(float(r["l1"]) for r in each[5:8]) / 3
    assert float(means[2]["l1"]) == pytest.approx(expected, rel=1e-12)


def test_the_criterion_is_named(tmp_path: Path) -> None:
    run = trained(tmp_path, setting(criterion="snr", validate_every=1), steps=4)
    best = read_checkpoint(run / "best.safetensors", "gan").about["chosen_by"]
    highest = max(rows(run / "validation.csv"), key=lambda r: float(r["snr"]))
    assert (best["name"], best["step"]) == ("snr", int(highest["step"]))
    with pytest.raises(UserError, match="'fid' is unknown — one of: l1, l1_mouth, snr, last"):
        trained(tmp_path, setting(criterion="fid"), name="other", steps=5)


@pytest.mark.slow
def test_accumulated_halves_are_one_batch(tmp_path: Path) -> None:
    """The first update of two batches of one is that of one batch of two, where both see the same cuts."""
    seen: list[list[torch.Tensor]] = []
    for batch, accumulate in ((2, 1), (1, 2)):
        run = trained(
            tmp_path,
            [*setting(batch=batch, accumulate=accumulate, ema=0.0), "systems.gan.frames=20",
             "systems.gan.lead=0", "systems.gan.architecture.noise=0"],
            name=f"{batch}", steps=1,
        )  # fmt: skip
        tensors = read_checkpoint(run / "last.safetensors", "gan").tensors
        seen.append([tensors[k] for k in sorted(tensors)])
    for one, two in some(zip(*seen, strict=True)):
        torch.testing.assert_close(one, two, rtol=0, atol=2e-5)


@pytest.mark.slow
def test_mixed_precision_keeps_weights_in_single(tmp_path: Path) -> None:
    run = trained(tmp_path, setting(precision="bf16"), steps=2)
    tensors = read_checkpoint(run / "last.safetensors", "gan").tensors
    assert {t.dtype for t in tensors.values()} == {torch.float32}
    trained(tmp_path, setting(precision="bf16"), steps=3)
    with pytest.raises(UserError, match="fp16 needs an accelerator"):
        trained(tmp_path, setting(precision="fp16"), name="other", steps=1)


def test_a_loss_that_is_not_finite_stops_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: GanTrainer, phase: str, batch: Any) -> Any:
        loss = sum(p.sum() for p in self.networks[phase].parameters())
        return loss * float("nan"), {}

    monkeypatch.setattr(GanTrainer, "loss", broken)
    with pytest.raises(UserError, match="generator is not finite at step 1"):
        trained(tmp_path, steps=1)


def test_out_of_memory_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(self: GanTrainer, phase: str, batch: Any) -> Any:
        raise torch.OutOfMemoryError("no more")

    monkeypatch.setattr(GanTrainer, "loss", greedy)
    with pytest.raises(UserError, match=r"batches of 2 — halve training\.batch"):
        trained(tmp_path, steps=1)


def test_what_cannot_be_trained_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'toy-echo' of system 'echo' cannot be trained here"):
        trained(tmp_path, system="echo")
    with pytest.raises(UserError, match="is a control"):
        trained(tmp_path, system="still-identity")
    with pytest.raises(UserError, match="no system 'gen'"):
        trained(tmp_path, system="gen")


def test_media_that_are_not_here_are_named_with_their_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="training lacks toy media — make toys"):
        trained(tmp_path, ["dataset.absent=true"])
    crema = SUITE.replace("{name: toy}", "{name: crema_d}").replace(
        "{train: [1001], validation: [1002], test: [1003]}", "crema_d_dh10"
    ).replace("frames: 3", "frames: 2")  # fmt: skip
    with pytest.raises(UserError, match=r"thbench data fetch crema_d .*--split validation"):
        trained(
            tmp_path,
            [f"dataset.root={tmp_path / 'nothing'}", *setting(clips_per_actor=1)],
            text=crema,
        )


def test_a_split_must_name_whom_to_train_and_choose_on(tmp_path: Path) -> None:
    none = SUITE.replace("{train: [1001], validation: [1002], test: [1003]}", "all")
    with pytest.raises(UserError, match="no clips of training actors"):
        trained(tmp_path, text=none)
    unchosen = SUITE.replace("validation: [1002], ", "")
    with pytest.raises(UserError, match="no validation actors"):
        trained(tmp_path, text=unchosen)
    run = trained(tmp_path, setting(criterion="last"), text=unchosen, steps=1)
    assert not (run / "best.safetensors").exists()
    assert (run / "last.safetensors").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.stepz=3", "stepz"),
        ("training.batch=0", "greater than or equal to 1"),
        ("training.ema=1.5", "less than 1"),
        ("architecture.identity=vgg", "'imagenet' or 'scratch'"),
        ("architecture.depth=2", "depth"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_loaded(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        trained(tmp_path, [f"systems.gan.{override}"])


def test_tensorboard_is_optional(tmp_path: Path) -> None:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match=r'pip install "thbench\[tensorboard\]"'):
            trained(tmp_path, steps=1, tensorboard=True)
        return
    run = trained(tmp_path, steps=1, tensorboard=True)
    assert list((run / "tensorboard").iterdir())
