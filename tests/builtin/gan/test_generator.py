"""The generator behind the contract: conformance, wrong checkpoints, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from thbench.api import Context, Failure, Frames, Generated, Request, UserError
from thbench.testing import check_generator
from thbench.training.checkpoint import read_checkpoint, write_checkpoint
from thbench_gan.generator import CHUNK, SHIPPED, GanGenerator
from thbench_gan.options import Architecture, Options

CONTEXT = cast(Context, SimpleNamespace(device="cpu"))


@pytest.fixture(scope="module")
def shipped() -> GanGenerator:
    torch.set_num_threads(1)
    return GanGenerator(Options(), CONTEXT)


def request(n: int = 5, seed: int = 3, size: int = 64, **changes: Any) -> Request:
    rng = np.random.default_rng(0)
    identity = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    audio = rng.integers(-9000, 9000, n * 640).astype(np.int16)
    return replace(Request("clip", identity, audio, n, size, seed), **changes)


def video(generator: GanGenerator, asked: Request) -> Frames:
    (answer,) = generator.generate([asked])
    assert isinstance(answer, Generated)
    assert answer.frames is not None
    return answer.frames


@pytest.mark.slow
def test_it_holds_what_every_generator_holds() -> None:
    check_generator("gan", suite="puppet_models")


@pytest.mark.parametrize("n", [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 2])
def test_any_length_is_drawn_in_chunks_of_one_shape(shipped: GanGenerator, n: int) -> None:
    assert video(shipped, request(n)).shape == (n, 64, 64, 3)


def test_the_noise_is_the_seeds_and_is_seen(shipped: GanGenerator) -> None:
    one = video(shipped, request(seed=1))
    assert np.array_equal(one, video(shipped, request(seed=1)))
    assert shipped.network.noise > 0
    other = video(shipped, request(seed=2))
    assert not np.array_equal(one, other)


def test_what_it_cannot_draw_is_refused_in_words(shipped: GanGenerator) -> None:
    (wrong_size,) = shipped.generate([request(size=32)])
    assert isinstance(wrong_size, Failure)
    assert "32 px asked for, the checkpoint was trained at 64 px" in wrong_size.reason
    (silent,) = shipped.generate([request(audio=np.zeros(0, np.int16))])
    assert isinstance(silent, Failure)
    assert "no sound" in silent.reason


def test_values_that_are_not_finite_fail_that_clip_alone(
    shipped: GanGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = shipped.network.features

    def odd(condition: Any, z: Any, moves: Any = None) -> Any:
        found = features(condition, z, moves)
        return found * float("nan") if condition.code.shape[1] == 7 else found

    monkeypatch.setattr(shipped.network, "features", odd)
    answers = list(shipped.generate([request(7), request(5)]))
    assert isinstance(answers[0], Failure)
    assert "not finite" in answers[0].reason
    assert isinstance(answers[1], Generated)


def test_the_shipped_model_says_what_it_has_seen(shipped: GanGenerator) -> None:
    about = read_checkpoint(SHIPPED, "gan").about
    assert shipped.trained_on is not None
    assert shipped.trained_on.dataset == "puppet"
    assert len(shipped.trained_on.actors) == 73
    assert "1005" not in shipped.trained_on.actors
    assert about["suite"] == "puppet_models"
    assert all(bool(t.isfinite().all()) for t in load_file(SHIPPED).values())


def changed(tmp_path: Path, **about: Any) -> Path:
    whole = read_checkpoint(SHIPPED, "gan")
    file = tmp_path / "changed.safetensors"
    write_checkpoint(file, whole.tensors, {**whole.about, **about})
    return file


def test_wrong_checkpoints_are_one_line_for_a_person(tmp_path: Path) -> None:
    def build(file: Path | None, **options: Any) -> GanGenerator:
        return GanGenerator(Options(checkpoint=file, **options), CONTEXT)

    with pytest.raises(UserError, match=r"another architecture: .*hidden \(wanted 512, has"):
        build(None, architecture=Architecture())
    with pytest.raises(UserError, match="is of generator 'ddpm', not 'gan'"):
        build(changed(tmp_path, generator="ddpm"))
    with pytest.raises(UserError, match=r"another kind of network \(depth\)"):
        about = read_checkpoint(SHIPPED, "gan").about
        build(changed(tmp_path, architecture={**about["architecture"], "depth": 3}))
    with pytest.raises(UserError, match="do not fit"):
        wider = {**read_checkpoint(SHIPPED, "gan").about["architecture"], "hidden": 64}
        build(changed(tmp_path, architecture=wider))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(SHIPPED.read_bytes()[:-4])
    with pytest.raises(UserError, match="damaged or cut off"):
        build(cut)
    torch.save(load_file(SHIPPED), tmp_path / "model.pt")
    with pytest.raises(UserError, match="is a pickle"):
        build(tmp_path / "model.pt")
    bad = dict(read_checkpoint(SHIPPED, "gan").tensors)
    bad["generator/cnn.start.bias"] = bad["generator/cnn.start.bias"] * float("nan")
    write_checkpoint(tmp_path / "nan.safetensors", bad, read_checkpoint(SHIPPED, "gan").about)
    with pytest.raises(UserError, match="holds NaN"):
        build(tmp_path / "nan.safetensors")


def test_a_checkpoint_that_is_not_trained_yet_is_missing_not_an_error() -> None:
    from thbench.environment import Settings
    from thbench.plugins.discovery import registry
    from thbench.run.plan import lacks
    from thbench.suite import find_suite, load_suite

    suite = load_suite(
        find_suite("puppet_train"), registry(), ["systems.gan.checkpoint=/nowhere/best.safetensors"]
    )
    lines = [lack.line() for lack in lacks(suite, Settings())]
    assert any("thbench train" in line for line in lines)
