"""The network and its resizes against stored values of the peers' own code (see make_reference.py)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import thbench_fid
from random_inception import (
    KEPT,
    REFERENCE,
    checksum,
    frames_of,
    random_state,
    spread,
    synthetic_frames,
)
from thbench.api import ClipFailure, UserError
from thbench_fid import resize, weights
from thbench_fid.frechet import fid_from_features
from thbench_fid.inception import InceptionFeatures, extract, padded_batches
from thbench_fid.network import Conv, Inception2015
from thbench_fid.quick import quick_or_plain
from thbench_fid.resize import Resize, clean, legacy_pytorch, prepare, tensorflow1

VALUES = json.loads(REFERENCE.with_suffix(".json").read_text())
RESIZES: tuple[Resize, ...] = ("tf", "legacy_pytorch", "clean")


@pytest.fixture(scope="module")
def reference() -> Iterator[dict[str, NDArray[Any]]]:
    with np.load(REFERENCE, allow_pickle=False) as stored:
        yield {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def state(reference: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    state = random_state(reference)
    assert checksum(state) == VALUES["state"], "not the weights the peers ran with"
    return state


@pytest.fixture(scope="module")
def network(state: dict[str, Tensor]) -> Inception2015:
    return weights.folded(state)


@pytest.mark.slow
@pytest.mark.parametrize("resize", RESIZES)
def test_features_and_fid_equal_the_peer_in_float64(
    resize: Resize, network: Inception2015, reference: dict[str, NDArray[Any]]
) -> None:
    """Two frames each of 64, 128 and 512 px, so that every resize really resizes."""
    generated, real = (
        np.concatenate([extract(network, f, resize, 2, torch.float64) for f in frames_of(part)])
        for part in ("generated", "reference")
    )
    ours = np.concatenate([generated, real])
    theirs = reference[f"features.{resize}"]
    assert spread(ours) > 0.1, "collapsed features would agree with anything"
    np.testing.assert_allclose(ours[:, ::KEPT], theirs, rtol=0, atol=1e-8)
    for peer, value in VALUES["fid"][resize].items():
        assert fid_from_features(generated, real) == pytest.approx(value, rel=1e-5), peer


@pytest.mark.parametrize("way", RESIZES)
@pytest.mark.parametrize("size", [64, 320])
def test_frames_resized_some_at_a_time_are_those_resized_at_once(
    way: Resize, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = synthetic_frames(7, size, seed=1)
    found = []
    for at_once in (7, 4, 1):
        monkeypatch.setattr(resize, "AT_ONCE", at_once)
        found.append(prepare(frames, way, torch.float32))
        assert found[-1].shape == (7, 3, 299, 299)
        assert found[-1].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_the_three_resizes_are_three_metrics(reference: dict[str, NDArray[Any]]) -> None:
    a, b, c = (reference[f"features.{r}"] for r in RESIZES)
    assert min(np.abs(a - b).max(), np.abs(b - c).max(), np.abs(a - c).max()) > 1e-2


@pytest.mark.parametrize(
    "dtype, allowed",
    [(torch.float32, 2e-4), pytest.param(torch.bfloat16, 0.2, marks=pytest.mark.slow)],
    ids=["float32", "bf16"],
)
def test_other_precisions_stay_near_float64(
    network: Inception2015, reference: dict[str, NDArray[Any]], dtype: torch.dtype, allowed: float
) -> None:
    exact = reference["features.tf"][:2]
    found = extract(copy_of(network, dtype), frames_of("generated")[0], "tf", 2, dtype)
    assert found.dtype == np.float32
    assert np.abs(found[:, ::KEPT] - exact).max() / np.abs(exact).max() < allowed


def copy_of(network: Inception2015, dtype: torch.dtype) -> Inception2015:
    out = Inception2015()
    out.load_state_dict(network.state_dict())
    return out.to(dtype).to(memory_format=torch.channels_last).eval()


@pytest.mark.slow
def test_a_frame_never_depends_on_the_rest_of_its_clip(network: Inception2015) -> None:
    """Bitwise: alone, at the front, in a padded last batch."""
    single = copy_of(network, torch.float32)
    frames = synthetic_frames(3, 64, seed=5)
    together = extract(single, frames, "tf", 2)
    assert np.array_equal(extract(single, frames[:2], "tf", 2), together[:2])
    assert np.array_equal(extract(single, frames[2:], "tf", 2), together[2:])


def test_padded_batches_have_one_shape() -> None:
    frames = synthetic_frames(5, 64, seed=6)
    batches = list(padded_batches(frames, 2))
    assert [(rows.shape[0], n) for rows, n in batches] == [(2, 2), (2, 2), (2, 1)]
    assert np.array_equal(np.concatenate([rows[:n] for rows, n in batches]), frames)


@pytest.mark.parametrize("numbered", [False, True], ids=["published", "pytorch-fid-module"])
def test_both_namings_load_from_a_file(
    numbered: bool, state: dict[str, Tensor], network: Inception2015, tmp_path: Path
) -> None:
    named = {v: k for k, v in weights.NUMBERED.items()}
    if numbered:
        state = {
            named[k.split(".")[0]] + k[k.index(".") :]: v
            for k, v in state.items()
            if not k.startswith("fc.")
        }
        assert "blocks.3.2.branch_pool.bn.running_var" in state
    counters = {k.replace("running_var", "num_batches_tracked"): torch.tensor(0) for k in state}
    torch.save({**counters, **state}, tmp_path / "w.pth")
    loaded = weights.load(tmp_path / "w.pth")
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)


@pytest.fixture(scope="module")
def weights_file(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(state, path)
    return path


def extractor(path: Path, **options: Any) -> InceptionFeatures:
    context: Any = SimpleNamespace(
        device="cpu",
        batch=2,
        weights=lambda name: path,
        same_bytes=lambda way, module, check: check(),
    )
    built = thbench_fid.build_inception(thbench_fid.InceptionOptions(**options), context)
    assert isinstance(built, InceptionFeatures)
    return built


@pytest.mark.slow
def test_the_extractor_reads_its_weights_and_gives_float32(weights_file: Path) -> None:
    frames = frames_of("generated")[0]
    video: Any = SimpleNamespace(frames=frames, n_frames=len(frames))
    found = extractor(weights_file)(video)
    assert found.shape == (len(frames), 2048) and found.dtype == np.float32
    nothing: Any = SimpleNamespace(frames=frames[:0], n_frames=0)
    with pytest.raises(ClipFailure, match="no frames"):
        extractor(weights_file)(nothing)


@pytest.mark.slow
def test_the_quick_way_gives_the_bytes_of_the_plain_one_or_is_not_taken(
    weights_file: Path,
) -> None:
    """Two whole batches and three frames, checked and then taken, are those of padded batches of sixteen.

    The first batch is the plain way's, and the frame by which the second one is checked.
    """
    frames = synthetic_frames(35, 64, seed=8)
    built = extractor(weights_file)
    expected = extract(built.network, frames, "tf", 16)
    answers: dict[str, bool] = {}

    def asked(way: str, check: Callable[[], bool | None]) -> bool:
        if way not in answers and (answer := check()) is not None:
            answers[way] = answer
        return answers.get(way, False)

    for _ in range(2):
        found = extract(built.network, frames, "tf", 16, same_bytes=asked)
        assert found.tobytes() == expected.tobytes()
    whole, one, three = (
        f"convolution and ReLU in one, {n} images instead of 16" for n in (16, 1, 3)
    )
    ways = [whole, one, three] if answers[whole] else [whole, three]
    if answers[three] and one not in ways:
        ways.append(one)
    assert list(answers) == ways
    assert not any(m.fused for m in built.network.modules() if isinstance(m, Conv))


@pytest.mark.parametrize("equal", [True, False])
def test_each_length_is_compared_once_and_padded_where_it_differs(equal: bool) -> None:
    seen: list[int] = []
    network: Any = SimpleNamespace(fuse=lambda fused: None)

    def forward(rows: NDArray[np.uint8]) -> NDArray[np.float64]:
        seen.append(len(rows))
        return rows.mean(axis=(1, 2, 3))[:, None] + (0 if equal or len(rows) == 16 else 1e-9)

    known: dict[str, bool] = {}

    def asked(way: str, check: Callable[[], bool]) -> bool:
        return known[way] if way in known else known.setdefault(way, check())

    frames = synthetic_frames(5, 64, seed=9)
    found = [quick_or_plain(network, forward, frames, 16, asked) for _ in range(3)]
    assert seen == ([16, 5, 5, 5] if equal else [16, 5, 16, 16])
    assert all(f.tobytes() == frames.mean(axis=(1, 2, 3))[:, None].tobytes() for f in found)


@pytest.mark.parametrize("equal", [True, False])
def test_whole_batches_are_checked_by_a_frame_of_the_one_before(equal: bool) -> None:
    """The first batch asks nothing; one image more of the second is computed, and none of the third."""
    seen: list[tuple[int, bool]] = []
    network: Any = SimpleNamespace(fused=False)
    network.fuse = lambda fused: setattr(network, "fused", fused)

    def forward(rows: NDArray[np.uint8]) -> NDArray[np.float64]:
        seen.append((len(rows), network.fused))
        off = 1e-9 if network.fused and not equal else 0
        return rows.mean(axis=(1, 2, 3))[:, None] + off

    answers: dict[str, bool] = {}

    def asked(way: str, check: Callable[[], bool | None]) -> bool:
        if way not in answers and (answer := check()) is not None:
            answers[way] = answer
        return answers.get(way, False)

    frames = synthetic_frames(12, 64, seed=9)
    expected = frames.mean(axis=(1, 2, 3))[:, None]
    for i in (0, 4, 8):
        known = (frames[i - 1], expected[i - 1]) if i else None
        found = quick_or_plain(network, forward, frames[i : i + 4], 4, asked, known)
        assert found.tobytes() == expected[i : i + 4].tobytes()
    plain, quick, one = (4, False), (4, True), (1, True)
    assert seen == ([plain, quick, one, one, quick] if equal else [plain, quick, plain, plain])
    assert answers["convolution and ReLU in one, 4 images instead of 4"] is equal


@pytest.mark.parametrize("equal", [True, False])
def test_a_length_after_a_whole_batch_is_checked_by_one_frame_of_it(equal: bool) -> None:
    """A pass of five of which one is known, then the fifth alone: six images where 21 would be the plain way's."""
    seen: list[int] = []
    network: Any = SimpleNamespace(fuse=lambda fused: None)

    def forward(rows: NDArray[np.uint8]) -> NDArray[np.float64]:
        seen.append(len(rows))
        return rows.mean(axis=(1, 2, 3))[:, None] + (0 if equal or len(rows) == 16 else 1e-9)

    answers: dict[str, bool] = {}

    def asked(way: str, check: Callable[[], bool]) -> bool:
        if way not in answers:
            answers[way] = check()
        return answers[way]

    frames = synthetic_frames(6, 64, seed=9)
    expected = frames.mean(axis=(1, 2, 3))[:, None]
    known = (frames[5], expected[5])
    found = [quick_or_plain(network, forward, frames[:5], 16, asked, known) for _ in range(3)]
    assert seen == ([5, 1, 1, 5, 5] if equal else [5, 16, 16, 16])
    assert list(answers.values()) == [equal] * (2 if equal else 1)
    assert all(f.tobytes() == expected[:5].tobytes() for f in found)


def test_identity_names_everything_that_moves_the_number(
    weights_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.pth"
    other.write_bytes(weights_file.read_bytes() + b"0")
    identities = [
        extractor(weights_file).identity,
        extractor(other).identity,
        extractor(weights_file, resize="clean").identity,
        extractor(weights_file, precision="bf16").identity,
    ]
    assert len(set(identities)) == 4
    assert identities[0] == extractor(weights_file).identity
    assert "\n" not in identities[0]


class Odd(nn.Module):
    """Pickled whole: what `weights_only=True` must refuse."""


WRONG = {
    "text": b"no weights at all",
    "empty": b"",
    "truncated": None,
    "module": Odd(),
    "list": [torch.zeros(2)],
    "another network": {"conv1.weight": torch.zeros(64, 3, 7, 7)},
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_is_refused_with_the_command(
    kind: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    path, content = tmp_path / "w.pth", WRONG[kind]
    if content is None:
        torch.save(state, path)
        path.write_bytes(path.read_bytes()[:100_000])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(UserError, match="thbench weights fetch inception-2015"):
        weights.load(path)


def test_a_nearly_right_state_dict_is_refused_by_its_key(state: dict[str, Tensor]) -> None:
    first = "Conv2d_1a_3x3.conv.weight"
    wrong = {
        f"{first} is missing": {k: v for k, v in state.items() if k != first},
        "not \\(32, 3, 3, 3\\)": {**state, first: torch.zeros(32, 3, 5, 5)},
        "AuxLogits.fc.bias": {**state, "AuxLogits.fc.bias": torch.zeros(1000)},
        "1000 classes": {**state, "fc.weight": torch.zeros(1000, 2048)},
    }
    for message, changed in wrong.items():
        with pytest.raises(UserError, match=message):
            weights.folded(changed)


def test_tensorflow1_samples_without_half_pixels() -> None:
    """Doubling: even outputs are inputs, odd ones the mean of two; the last repeats the edge."""
    x = torch.tensor([[0.0, 4.0], [8.0, 12.0]]).view(1, 1, 2, 2)
    expected = [[0, 2, 4, 4], [4, 6, 8, 8], [8, 10, 12, 12], [8, 10, 12, 12]]
    assert tensorflow1(x, 4)[0, 0].tolist() == expected


def test_legacy_pytorch_samples_with_half_pixels() -> None:
    x = torch.tensor([[0.0, 4.0]]).expand(2, 2).reshape(1, 1, 2, 2)
    assert legacy_pytorch(x, 4)[0, 0, 0].tolist() == [0, 1, 3, 4]


def test_clean_antialiases_and_stays_in_range() -> None:
    """One-pixel stripes shrunk 8 times are grey for `clean`, noise for the others."""
    stripes = np.zeros((1, 512, 512, 3), np.uint8)
    stripes[:, :, ::2] = 255
    inner = clean(stripes, 64)[0, 8:-8, 8:-8]
    assert inner.std() < 1 and 0 <= clean(stripes, 1024).min() <= clean(stripes, 1024).max() <= 255
    assert float(tensorflow1(torch.tensor(stripes).permute(0, 3, 1, 2).float(), 64).std()) < 1
    assert float(prepare(stripes, "tf", torch.float32).std()) > 0.5


@pytest.mark.parametrize("resize", RESIZES)
def test_black_and_white_reach_the_ends_of_the_range(resize: Resize) -> None:
    frames = np.stack([np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)])
    black, white = prepare(frames, resize, torch.float64)
    top = 1.0 if resize == "legacy_pytorch" else 127 / 128
    assert black.shape == (3, 299, 299)
    assert black.max() == -1 and white.min() == pytest.approx(top, abs=1e-12)
