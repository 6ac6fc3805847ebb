"""I3D and VideoMAE against stored values of the peers' own code (see tests/tools), float64."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from random_i3d import REFERENCE, SIZES, random_state, window
from random_videomae import TINY, random_videomae_state
from thbench.api import UserError
from thbench_fvd import i3d, videomae, weights
from thbench_fvd.windows import prepare


@pytest.fixture(scope="module")
def reference() -> Iterator[dict[str, NDArray[Any]]]:
    with np.load(REFERENCE, allow_pickle=False) as stored:
        yield {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def network(reference: dict[str, NDArray[Any]]) -> i3d.I3d:
    return weights.folded(random_state(reference))


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_every_layer_equals_the_peer_through_the_resize(
    size: int, network: i3d.I3d, reference: dict[str, NDArray[Any]]
) -> None:
    x = prepare(window(size, size), i3d.SIDE, "stretch", torch.float64)[None]
    compared = 0
    with torch.inference_mode():
        for name, out in network.stages(x):
            if name == "logits":
                theirs = reference[f"logits.stretch.{size}"]
                np.testing.assert_allclose(out[0].numpy(), theirs, rtol=0, atol=1e-8)
            else:
                ours = out[0].mean(dim=(2, 3)).numpy().ravel()[:256]
                theirs = reference[f"layer.{name}.{size}"]
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8, err_msg=name)
            compared += 1
    assert compared == 13


@pytest.mark.slow
def test_tensorflows_resize_equals_its_definition(
    network: i3d.I3d, reference: dict[str, NDArray[Any]]
) -> None:
    size = SIZES[0]
    x = prepare(window(size, size), i3d.SIDE, "tf", torch.float64)[None]
    with torch.inference_mode():
        ours = network(x)[0].numpy()
    np.testing.assert_allclose(ours, reference[f"logits.tf.{size}"], rtol=0, atol=1e-7)
    assert np.abs(ours - reference[f"logits.stretch.{size}"]).max() > 1e-3, "another metric"


def test_random_weights_tell_windows_apart(reference: dict[str, NDArray[Any]]) -> None:
    a, b = (reference[f"logits.stretch.{size}"] for size in SIZES)
    assert np.linalg.norm(a - b) > 0.1 * np.linalg.norm(a), "collapsed features agree with anything"


def test_stretch_and_crop_differ_where_frames_are_not_square() -> None:
    wide = np.random.RandomState(0).randint(0, 256, (10, 40, 60, 3)).astype(np.uint8)
    stretched, cropped = (prepare(wide, 224, how) for how in ("stretch", "crop"))
    assert stretched.shape == cropped.shape == (3, 10, 224, 224)
    assert not torch.equal(stretched, cropped)
    # the crop is the middle of the short side's scale: 224 / 40, ceil(60 x 5.6) = 336 wide
    whole = torch.nn.functional.interpolate(
        torch.tensor(wide).permute(0, 3, 1, 2).float(), (224, 336), mode="bilinear"
    )
    middle = (2 * whole[..., 56:280] / 255 - 1).transpose(0, 1)
    torch.testing.assert_close(cropped, middle)
    square = wide[:, :, :40]
    assert torch.equal(prepare(square, 224, "stretch"), prepare(square, 224, "crop"))


@pytest.mark.slow
def test_float32_stays_near(network: i3d.I3d, reference: dict[str, NDArray[Any]]) -> None:
    single = weights.folded(random_state(reference)).float()
    with torch.inference_mode():
        ours = single(prepare(window(64, 64), i3d.SIDE, "stretch")[None])[0].double().numpy()
    theirs = reference["logits.stretch.64"]
    assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_videomae_equals_the_peer(reference: dict[str, NDArray[Any]], tmp_path: Path) -> None:
    torch.save(
        {"module": random_videomae_state() | {"head.weight": torch.zeros(3, 24)}},
        tmp_path / "v.pth",
    )
    network = videomae.load(tmp_path / "v.pth", TINY).double()
    x = torch.tensor(window(TINY.side, 5)).permute(3, 0, 1, 2).double() / 255
    x = torch.cat([x, x.flip(1)], 1)[:, : TINY.frames]
    with torch.inference_mode():
        ours = network(x[None])[0].numpy()
    np.testing.assert_allclose(ours, reference["videomae"], rtol=0, atol=1e-6)


def test_the_published_videomae_has_a_billion_parameters() -> None:
    with torch.device("meta"):
        network = videomae.VideoMae()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(1.01e9, rel=0.01)
    assert videomae.GIANT.cubes == 2048


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "page.pth").write_text("<html>")
    with pytest.raises(UserError, match="no file of PyTorch weights"):
        videomae.load(tmp_path / "page.pth", TINY)
    state = random_videomae_state()
    del state["blocks.1.attn.q_bias"]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(UserError, match=r"blocks\.1\.attn\.q_bias is missing"):
        videomae.load(tmp_path / "cut.pth", TINY)
