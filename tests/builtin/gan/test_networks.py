"""Shapes, parameter counts, frozen parts, published weights by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from thbench.api import UserError
from thbench.training.pictures import to_network, to_pixels
from thbench_gan.generator import SHIPPED
from thbench_gan.networks import Discriminator, Generator, code_length
from thbench_gan.options import Architecture
from thbench_gan.resnet import ResNet18, load_imagenet
from thbench_gan.upsampling import bend, channels_of

SMALL = Architecture(
    identity="scratch", identity_width=8, audio_code=8, noise=2, hidden=16, widest=16, narrowest=8
)  # fmt: skip


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameter_counts_are_those_of_the_docs() -> None:
    """Stated in docs/gan.md; ResNet-18's is the published 11,689,512 less the classifier's 513,000."""
    paper = Architecture()
    assert count(ResNet18()) == 11_689_512 - 513_000
    assert count(Generator(paper, 64)) == 19_734_275
    assert count(Generator(paper, 128)) == 19_743_587
    assert count(Discriminator(code_length(paper), 64, 32)) == 2_092_009
    assert count(Discriminator(code_length(paper), 128, 32)) == 5_237_993


def test_the_shipped_model_has_its_count() -> None:
    about = json.loads(SHIPPED.with_suffix(".json").read_text())
    assert count(Generator(Architecture(**about["architecture"]), 64)) == 887_746
    assert SHIPPED.stat().st_size <= 4_000_000


@pytest.mark.parametrize("output", ["plain", "identity"])
@pytest.mark.parametrize("size", [32, 64, 128])
def test_frames_have_the_size_asked_for(output: str, size: int) -> None:
    a = replace(SMALL, output=output)  # type: ignore[arg-type]
    g = Generator(a, size)
    frames = g(torch.zeros(2, 3, size, size), torch.zeros(2, 3, 40, 20), torch.zeros(2, 2))
    assert frames.shape == (2, 3, 3, size, size)
    assert frames.abs().max().item() <= 1
    d = Discriminator(code_length(a), size, 4)
    assert d(frames, torch.zeros(2, 3, code_length(a))).shape == (2,)


def test_sizes_that_doubling_does_not_reach_are_refused() -> None:
    with pytest.raises(UserError, match="gan cannot draw 96 px"):
        Generator(SMALL, 96)
    assert channels_of(64, 96, 16) == [96, 48, 24, 16, 16]


def test_training_starts_from_the_identity_frame() -> None:
    """Bent and painted over by the same little everywhere, whatever is said."""
    torch.manual_seed(0)
    g = Generator(replace(SMALL, output="identity"), 32)
    identity = torch.rand(1, 3, 32, 32) * 2 - 1
    frames = g(identity, torch.randn(1, 2, 40, 20), torch.randn(1, 2))
    assert torch.equal(frames[:, 0], frames[:, 1])
    steady = torch.full_like(identity, 0.5)
    made = g(steady, torch.randn(1, 1, 40, 20), torch.randn(1, 2))
    share = torch.sigmoid(torch.tensor(-2.0))
    paint = torch.tanh(g.cnn.out.bias[:3]).view(3, 1, 1)
    torch.testing.assert_close(made[0, 0], share * paint + (1 - share) * steady[0])


def test_every_part_hears_and_sees() -> None:
    """Frames depend on the identity frame, on their own sound, on the noise; not on later sound."""
    torch.manual_seed(0)
    g = Generator(SMALL, 32).eval()
    identity, audio, z = torch.randn(1, 3, 32, 32), torch.randn(1, 4, 40, 20), torch.randn(1, 2)
    base = g(identity, audio, z)
    assert not torch.equal(base, g(-identity, audio, z))
    assert not torch.equal(base, g(identity, audio, -z))
    changed = audio.clone()
    changed[:, 2] += 1
    other = g(identity, changed, z)
    assert torch.equal(base[:, :2], other[:, :2])
    assert not torch.equal(base[:, 2:], other[:, 2:])


def test_the_discriminator_is_conditional() -> None:
    torch.manual_seed(0)
    d = Discriminator(5, 32, 4)
    x = torch.randn(1, 3, 3, 32, 32)
    assert not torch.equal(d(x, torch.zeros(1, 3, 5)), d(x, torch.ones(1, 3, 5)))


def test_bending_by_nothing_is_nothing_and_moves_as_told() -> None:
    image = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    assert torch.allclose(bend(image, torch.zeros(1, 2, 8, 8, dtype=torch.float64)), image)
    right = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    right[:, 0] = 2 / 8  # one pixel, as the whole width is 2
    assert torch.allclose(bend(image, right)[..., :-1], image[..., 1:])


def test_pixels_come_back() -> None:
    frames = torch.randint(0, 256, (2, 4, 4, 3), dtype=torch.uint8)
    assert (to_pixels(to_network(frames)) == frames.numpy()).all()


def test_frozen_parts_stay_as_they_were_published() -> None:
    g = Generator(replace(SMALL, identity="imagenet", identity_width=8), 32).train()
    before = {k: v.clone() for k, v in g.identity.state_dict().items()}
    g(torch.randn(2, 3, 32, 32), torch.randn(2, 2, 40, 20), torch.zeros(2, 2)).sum().backward()
    assert all(torch.equal(v, before[k]) for k, v in g.identity.state_dict().items())
    assert all(p.grad is None for p in g.identity.parameters())
    assert all(p.grad is not None for p in g.lstm.parameters())


def test_the_published_resnet_loads_under_its_own_names(tmp_path: Path) -> None:
    state = ResNet18().state_dict()
    assert {"conv1.weight", "bn1.running_var", "layer2.0.downsample.1.num_batches_tracked",
            "layer4.1.conv2.weight"} <= set(state)  # fmt: skip
    file = tmp_path / "resnet18-f37072fd.pth"
    torch.save({**state, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}, file)
    other = ResNet18()
    load_imagenet(other, file)
    assert all(torch.equal(v, state[k]) for k, v in other.state_dict().items())
    torch.save({"conv1.weight": torch.zeros(1)}, file)
    with pytest.raises(UserError, match="weights do not fit"):
        load_imagenet(other, file)
    file.write_bytes(b"nonsense")
    with pytest.raises(UserError, match="no file of PyTorch weights"):
        load_imagenet(other, file)
