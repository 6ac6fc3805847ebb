"""The GAN learns: one clip by heart (slow), and the trainer's pieces."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from thbench.api import Context, Source
from thbench.training.data import tensors
from thbench_gan.options import Architecture, Options
from thbench_gan.trainer import GanTrainer

CONTEXT = cast(Context, SimpleNamespace(device="cpu"))
SMALL = Architecture(
    identity="scratch", identity_width=8, audio_code=32, noise=2, hidden=64, widest=32,
    narrowest=16, output="identity",
)  # fmt: skip


def trainer(**options: Any) -> GanTrainer:
    torch.manual_seed(0)
    return GanTrainer(
        Options(architecture=SMALL, frames=4, discriminator_width=4, **options), CONTEXT, 32
    )


def source(n: int = 9, landmarks: bool = True) -> Source:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    points = np.tile(np.linspace(4, 28, 68, dtype=np.float32)[None, :, None], (n, 1, 2))
    audio = rng.integers(-9000, 9000, n * 640).astype(np.int16)
    return Source(frames, audio, {"landmarks": points} if landmarks else {})


def batch_of(learner: GanTrainer, n: int = 9) -> Any:
    clip = learner.prepare(source(n))
    cut = learner.cut(clip, np.random.default_rng(0))
    return tensors({name: np.stack([a, a]) for name, a in cut.items()}, "cpu")


def test_a_cut_is_a_window_of_sound_and_picture_that_belong_together() -> None:
    learner = trainer(lead=3)
    clip = learner.prepare(source(20))
    for seed in range(20):
        cut = learner.cut(clip, np.random.default_rng(seed))
        shown = [
            int(np.flatnonzero((clip["frames"] == f).all((1, 2, 3)))[0]) for f in cut["frames"]
        ]
        assert shown == list(range(shown[0], shown[0] + 4))
        offset = int(cut["offset"])
        for i, frame in enumerate(shown):
            assert np.array_equal(cut["audio"][offset + i], clip["audio"][frame])
        assert np.array_equal(cut["identity"], clip["frames"][0])
        assert cut["audio"].shape[0] == 7


def test_a_clip_shorter_than_the_window_repeats_its_last_frame() -> None:
    learner = trainer(lead=3)
    cut = learner.cut(learner.prepare(source(2)), np.random.default_rng(0))
    assert cut["frames"].shape[0] == 4
    assert np.array_equal(cut["frames"][-1], source(2).frames[1])


def test_the_generator_loss_is_the_papers() -> None:
    from thbench.training.pictures import to_network
    from thbench_gan.losses import adversarial_loss, pixel_loss

    learner = trainer(lambda_pixel=7.0)
    batch = batch_of(learner)
    torch.manual_seed(5)
    loss, logged = learner.loss("generator", batch)
    torch.manual_seed(5)
    drawn = learner.draw(batch)
    fake = drawn.frames
    real = to_network(batch["frames"])
    expected = adversarial_loss(learner.discriminator(fake, drawn.code)) + 7 * pixel_loss(
        fake, real
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert logged["l1"].item() == pytest.approx((fake - real).abs().mean().item(), rel=1e-6)


def test_each_phase_teaches_its_own_network_alone() -> None:
    learner = trainer()
    batch = batch_of(learner)
    for phase, other in (("generator", "discriminator"), ("discriminator", "generator")):
        for name, network in learner.networks.items():
            network.requires_grad_(name == phase)
            network.zero_grad(set_to_none=True)
        learner.loss(phase, batch)[0].backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None for p in learner.networks[phase].parameters())
        assert all(p.grad is None for p in learner.networks[other].parameters())


def test_both_phases_of_a_step_judge_the_same_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = trainer()
    batches = [batch_of(learner), batch_of(learner)]  # as with training.accumulate: 2
    drawn = [learner.draw(batches[0]), learner.draw(batches[1])]
    answers = iter(drawn)
    monkeypatch.setattr(learner, "draw", lambda _: next(answers))
    for batch in batches:
        learner.loss("generator", batch)
    judged: list[torch.Tensor] = []
    monkeypatch.setattr(
        learner.discriminator, "forward", lambda x, code: judged.append(x) or x.mean((1, 2, 3, 4))
    )
    for batch in batches:
        learner.loss("discriminator", batch)
    assert torch.equal(judged[1], drawn[0].frames)
    assert torch.equal(judged[3], drawn[1].frames)
    assert not judged[1].requires_grad


def test_stabilisers_are_off_by_default_and_on_by_name() -> None:
    plain = trainer()
    batch = batch_of(plain)
    torch.manual_seed(5)
    base, logged = plain.loss("discriminator", batch)
    assert "r1" not in logged
    for options in ({"r1": 10.0}, {"label_smoothing": 0.2}):
        learner = trainer(**options)
        torch.manual_seed(5)
        loss, logged = learner.loss("discriminator", batch)
        assert loss.item() != base.item()
        loss.backward()  # type: ignore[no-untyped-call]
    rates = [p.learning_rate for p in trainer(discriminator_rate=4e-4).phases]
    assert rates == [2e-4, 4e-4]


def test_mouth_weight_asks_for_landmarks_where_there_are_none() -> None:
    assert trainer().prepare(source(landmarks=False))["mouth"].shape == (9, 4)
    found: list[int] = []
    learner = trainer(mouth_weight=4.0)
    learner._landmarks = lambda frames: (  # type: ignore[assignment]
        found.append(len(frames)) or source().annotations["landmarks"]
    )
    kept = learner.prepare(source(landmarks=False))["mouth"]
    assert found == [9]
    assert np.array_equal(kept, learner.prepare(source())["mouth"]) and found == [9]


@pytest.mark.long
def test_one_clip_is_learnt_by_heart() -> None:
    """L1 of one real-looking clip falls below 0.02 (values in -1..1; the still frame has more than twice that)."""

    from thbench_puppet.dataset import make

    torch.manual_seed(0)
    architecture = Architecture(
        identity="scratch", identity_width=8, audio_code=32, noise=0, hidden=64, widest=64,
        narrowest=16, output="plain",
    )  # fmt: skip
    options = Options(architecture=architecture, frames=16, discriminator_width=4,
                      generator_rate=2e-3)  # fmt: skip
    learner = GanTrainer(options, CONTEXT, 32)
    clip = learner.prepare(make("1001_IEO_ANG_HI", 32))
    optimisers = {
        p.name: torch.optim.Adam(learner.networks[p.network].parameters(), p.learning_rate, p.betas)
        for p in learner.phases
    }
    rng, l1 = np.random.default_rng(0), []
    for _ in range(400):
        batch = tensors({k: v[None] for k, v in learner.cut(clip, rng).items()}, "cpu")
        for phase in learner.phases:
            for name, network in learner.networks.items():
                network.requires_grad_(name == phase.network)
            loss, logged = learner.loss(phase.name, batch)
            optimisers[phase.name].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimisers[phase.name].step()
            l1 += [float(logged["l1"])] if "l1" in logged else []
    assert np.mean(l1[-20:]) < 0.04
    assert np.mean(l1[-20:]) < np.mean(l1[:5]) / 8
