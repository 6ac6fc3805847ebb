"""The model for puppets that comes with the plugin: what it is, what it costs, whom it has seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

from denoisers import context, request
from ten_seconds import SAMPLING, by_second, drawn, long_takes
from thbench.api import Generated
from thbench.plugins import registry
from thbench.suite import find_suite, load_suite
from thbench.suite.split import known_manifests, load_manifest
from thbench.testing import check_generator
from thbench.training.checkpoint import read_checkpoint
from thbench_ddpm.generator import SHIPPED, DdpmGenerator
from thbench_ddpm.options import Options

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
def test_it_holds_what_every_generator_holds() -> None:
    check_generator("ddpm", {"steps": 2}, suite="puppet_models", frames=4)


def test_it_is_small() -> None:
    """At most 4 MB, and 0.5 G floating point operations for one row's evaluation (2 for a product and sum)."""
    assert SHIPPED.stat().st_size <= 4_000_000
    made = DdpmGenerator(Options(), context(1))
    size, wide = made.size, 4 * made.denoiser.unet.channels
    images = torch.zeros(1, 3, size, size), torch.zeros(1), torch.zeros(1, 6, size, size)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        made.denoiser(*images, {"audio": torch.zeros(1, wide)})
    assert 0.1e9 < counter.get_total_flops() <= 0.5e9


def test_it_says_whom_it_has_seen() -> None:
    about = read_checkpoint(SHIPPED, "ddpm").about
    seen = DdpmGenerator(Options(), context(1)).trained_on
    manifest = load_manifest(known_manifests()["puppet_v1"])
    assert seen is not None
    assert seen.dataset == manifest.dataset == "puppet"
    assert seen.actors == set(manifest.train)
    assert not seen.actors & set(manifest.test)
    assert (about["suite"], about["size"], about["pretrained"]) == (
        "puppet_models",
        64,
        {"init_from": "73 actors of puppet"},
    )
    assert all(bool(t.isfinite().all()) for t in load_file(SHIPPED).values())


def test_its_noise_is_the_seeds_and_is_seen() -> None:
    made = DdpmGenerator(Options(steps=2), context(1))
    videos = []
    for seed in (1, 1, 2):
        (answer,) = made.generate([request("a", 2, seed, 64)])
        assert isinstance(answer, Generated)
        videos.append(answer.frames)
    assert np.array_equal(videos[0], videos[1])
    assert not np.array_equal(videos[0], videos[2])


def test_ten_seconds_are_drawn_as_the_demo_draws() -> None:
    demo = load_suite(find_suite("demo"), registry(), [])
    part = next(s for s in demo.systems if s.name == "ddpm").part
    assert part is not None
    assert {name: getattr(part.options, name) for name in SAMPLING} == SAMPLING


@pytest.mark.slow
def test_ten_seconds_do_not_drift() -> None:
    """No fault adds up: past the first second neither brightness nor sharpness nor the face's place moves away."""
    made = by_second(list(drawn(long_takes(2, 10)).values()))
    moved = {k: v[7:].mean() - v[1:4].mean() for k, v in made.items()}
    assert abs(moved["brightness"]) < 1, made["brightness"]  # grey levels
    assert abs(moved["sharpness"]) < 0.1 * made["sharpness"].mean(), made["sharpness"]
    assert moved["landmarks"] < 0.5, made["landmarks"]  # pixels
