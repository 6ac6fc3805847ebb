"""What the generator is told of head and lids: numbers of landmarks, and donors at generation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from thbench.api import Context, Generated, Request, Source, UserError
from thbench.training.checkpoint import write_checkpoint
from thbench.training.data import tensors
from thbench_gan.generator import GanGenerator
from thbench_gan.movement import (
    DONORS,
    LENGTH,
    LIDS,
    PARTS,
    RETURN,
    TYPICAL,
    about_the_start,
    movement,
    there_and_back,
)
from thbench_gan.networks import Generator
from thbench_gan.options import Architecture, Options
from thbench_gan.trainer import GanTrainer
from thbench_speech.encoders import heard

CONTEXT = cast(Context, SimpleNamespace(device="cpu"))
SMALL: dict[str, Any] = {
    "identity": "scratch", "identity_width": 8, "audio_code": 8, "noise": 2, "hidden": 16,
    "widest": 16, "narrowest": 8, "output": "identity",
}  # fmt: skip
MOVING = Architecture(**SMALL, movement=True)
SIZE = 32


def face(rng: np.random.Generator) -> np.ndarray:
    """[68, 2] with the eyes level, 10 px apart, and the nose below their middle."""
    points = rng.uniform(8, 24, (68, 2))
    for i, x in ((36, 9), (39, 13), (42, 19), (45, 23)):
        points[i] = (x, 12)
    for above, below in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[below] = points[above] + (0, 2)
    points[30] = (16, 18)
    return points


def test_each_part_is_what_it_is_called() -> None:
    """Against a picture that is shifted, enlarged and turned by known amounts."""
    start = face(np.random.default_rng(0))
    angle, scale, shift = 0.2, 1.5, np.array([3.0, -2.0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = np.array([16.0, 12.0])
    moved = (start - middle) @ turn * scale + middle + shift
    right, down, near, roll, yaw, pitch, lids = movement(np.stack([start, moved]))[1] * TYPICAL
    np.testing.assert_allclose([right, down], shift / 10, atol=1e-6)
    np.testing.assert_allclose([near, roll], [np.log(scale), angle], atol=1e-6)
    np.testing.assert_allclose([yaw, pitch, lids], 0, atol=1e-6)
    nodded = start.copy()
    nodded[30] += (0.5, 1.0)
    closed = nodded.copy()
    for above, below in ((37, 41), (38, 40), (43, 47), (44, 46)):
        closed[below] = closed[above]
    found = movement(np.stack([start, closed]))[1] * TYPICAL
    np.testing.assert_allclose(found, [0, 0, 0, 0, 0.05, 0.1, -0.2], atol=1e-6)


def test_a_donor_of_any_length_goes_there_and_back() -> None:
    assert there_and_back(3, 8).tolist() == [0, 1, 2, 1, 0, 1, 2, 1]
    assert there_and_back(1, 3).tolist() == [0, 0, 0]
    assert there_and_back(5, 2).tolist() == [0, 1]


def learner(**options: Any) -> GanTrainer:
    torch.manual_seed(0)
    return GanTrainer(
        Options(architecture=MOVING, frames=4, discriminator_width=4, **options), CONTEXT, SIZE
    )


def source(n: int = 9) -> Source:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8)
    points = np.stack([face(rng) + np.array([i, 0]) for i in range(n)]).astype(np.float32)
    return Source(
        frames, rng.integers(-9000, 9000, n * 640).astype(np.int16), {"landmarks": points}
    )


def batch_of(made: GanTrainer) -> Any:
    clip = made.prepare(source())
    cut = made.cut(clip, np.random.default_rng(0))
    return tensors({name: np.stack([a, a]) for name, a in cut.items()}, "cpu")


@pytest.mark.slow
def test_training_tells_the_clips_own_and_keeps_it_as_a_donor() -> None:
    made = learner(eye_weight=3.0)
    batch = batch_of(made)
    assert batch["moves"].shape == (2, 4, PARTS)
    told: list[torch.Tensor] = []
    features = made.generator.features
    made.generator.features = lambda c, z, moves=None: (told.append(moves), features(c, z, moves))[
        1
    ]
    made.loss("generator", batch)
    assert torch.equal(told[0], batch["moves"])
    whole = movement(source().annotations["landmarks"])[there_and_back(9, LENGTH)]
    assert np.array_equal(made.generator.donors[0].numpy(), whole)
    for _ in range(DONORS):
        made.loss("generator", batch)
    assert int(made.generator.given) == DONORS + 1
    with torch.no_grad():
        made.validate(batch)
    assert int(made.generator.given) == DONORS + 1  # actors of validation give none


def test_eyes_are_weighed_as_the_mouth_is() -> None:
    batch = batch_of(learner(eye_weight=3.0))
    found = [learner(eye_weight=w, mouth_weight=m) for w, m in ((3.0, 1.0), (1.0, 1.0))]
    fake, real = torch.rand(2, 2, 4, 3, SIZE, SIZE)
    weighed, plain = (t._pixels(batch, fake, real) for t in found)
    from thbench.training.mouth import mouth_mask

    eyes = mouth_mask(batch["eyes"], SIZE).amax(dim=2)
    weight = (1 + 2 * eyes).expand_as(fake)
    torch.testing.assert_close(weighed, (weight * (fake - real).abs()).sum() / weight.sum())
    assert 0 < eyes.mean() < 1
    assert plain != weighed


def test_a_generator_that_never_moved_goes_on_as_one_that_is_told(tmp_path: Path) -> None:
    """With the zeros that training starts from it draws exactly the frames it drew before."""
    still = Architecture(**SMALL)
    torch.manual_seed(1)
    network = Generator(still, SIZE)
    nn.init.normal_(network.cnn.out.weight)
    file = written(tmp_path / "still.safetensors", network, still)
    made = learner(init_from=file)
    assert {k: (v.dataset, set(v.actors)) for k, v in made.pretrained.items()} == {
        "init_from": ("toy", {"1"})
    }
    given = torch.rand(2, 3, SIZE, SIZE), torch.rand(2, 4, *_heard().shape[1:]), torch.rand(2, 2)
    moves = torch.rand(2, 4, PARTS)
    with torch.no_grad():
        before = network(*given)
        assert torch.equal(made.generator(*given, moves), before)
        nn.init.ones_(made.generator.moves.weight)
        assert not torch.equal(made.generator(*given, moves), before)
    assert int(made.generator.given) == 0
    with pytest.raises(UserError, match="architecture"):
        GanTrainer(
            Options(architecture=Architecture(**{**SMALL, "hidden": 8}), init_from=file),
            CONTEXT,
            SIZE,
        )


def written(file: Path, network: Generator, architecture: Architecture) -> Path:
    """The network as a checkpoint that one actor of a toy dataset has trained."""
    weights = {f"generator/{k}": v for k, v in network.state_dict().items()}
    about = {
        "generator": "gan", "size": SIZE, "step": 1, "pretrained": {},
        "architecture": architecture.described(), "trained_on": {"dataset": "toy", "actors": ["1"]},
    }  # fmt: skip
    write_checkpoint(file, weights, about)
    return file


def _heard() -> np.ndarray:
    return heard("mel", np.zeros(640 * 4, np.int16), 4)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    network = Generator(MOVING, SIZE)
    for i in range(3):
        network.keep(torch.full((LENGTH, PARTS), float(i + 1)) * torch.arange(LENGTH)[:, None])
    return written(tmp_path / "a.safetensors", network, MOVING)


def test_generation_takes_a_donor_by_the_seed(checkpoint: Path) -> None:
    made = GanGenerator(Options(checkpoint=checkpoint), CONTEXT)
    rng = np.random.default_rng
    slopes = set()
    for seed in range(30):
        moves = made._movement(rng(seed), 2 * LENGTH)[0]
        assert torch.equal(moves, made._movement(rng(seed), 2 * LENGTH)[0])
        assert not moves[0].any()  # the first frame is the identity frame
        assert torch.equal(moves[LENGTH - 2], moves[LENGTH])
        slopes.add(float(moves[1, LIDS]))
    assert slopes == {1.0, 2.0, 3.0}


def test_units_are_those_of_the_shipped_weights() -> None:
    """A network has learnt movements in these units: with others it moves by other amounts."""
    assert TYPICAL.tolist() == [0.08, 0.04, 0.01, 0.03, 0.02, 0.01, 0.04]


def test_a_head_moves_about_the_pose_it_starts_from() -> None:
    """A recording whose head turns away for good, at once: no longer after a second; lids are left alone."""
    course = torch.full((100, PARTS), 2.0)
    course[0] = 0
    middle = course[:, 0].mean()
    moved = about_the_start(course)
    assert not moved[0].any()
    assert torch.equal(moved[:, LIDS], course[:, LIDS])
    for part in range(LIDS):
        torch.testing.assert_close(moved[RETURN:, part], course[RETURN:, part] - middle)
        torch.testing.assert_close(moved[RETURN // 2, part], 2 - 0.47 * middle, atol=0.01, rtol=0)
    assert torch.equal(course[1:], torch.full((99, PARTS), 2.0))  # what a checkpoint carries stays


def test_a_head_that_stays_on_average_is_told_as_it_was() -> None:
    course = torch.tensor([0.0, 1.0, 0.0, -1.0]).repeat(25)[:, None].expand(-1, PARTS)
    assert torch.equal(about_the_start(course), course)


def test_videos_differ_by_donor_and_have_their_length(checkpoint: Path) -> None:
    made = GanGenerator(Options(checkpoint=checkpoint), CONTEXT)
    identity = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    asked = Request("a", identity, np.zeros(640 * 5, np.int16), 5, SIZE, 3)
    (answer,) = made.generate([asked])
    assert isinstance(answer, Generated)
    assert answer.frames is not None
    assert answer.frames.shape == (5, SIZE, SIZE, 3)


def test_a_checkpoint_without_it_says_nothing_of_it() -> None:
    assert "movement" not in Architecture(**SMALL).described()
    assert MOVING.described()["movement"] is True
