"""Each corruption does what it says, to what it says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from thbench.api import Clip, Dataset, Source
from thbench_puppet.corruptions import CORRUPTIONS, PICTURE, corrupt
from thbench_puppet.dataset import make

CLIP = "1017_IOM_FEA_XX"


@pytest.fixture(scope="module")
def clean() -> Source:
    return make(CLIP, 64)


def truth_equal(a: Source, b: Source, names: tuple[str, ...] = PICTURE) -> bool:
    return all(np.array_equal(a.annotations[n], b.annotations[n]) for n in names)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_pure_deterministic_and_off_at_zero(clean: Source, kind: str) -> None:
    before = clean.frames.tobytes(), clean.audio.tobytes(), clean.annotations["phonemes"].tobytes()
    amount = {"freeze": 0.5, "drop": 0.3}.get(kind, 3.0)
    one, two = corrupt(clean, kind, amount, CLIP), corrupt(clean, kind, amount, CLIP)
    assert np.array_equal(one.frames, two.frames) and np.array_equal(one.audio, two.audio)
    assert not (np.array_equal(one.frames, clean.frames) and np.array_equal(one.audio, clean.audio))
    assert one.frames.shape == clean.frames.shape and one.audio.shape == clean.audio.shape
    assert one.frames.dtype == np.uint8 and one.audio.dtype == np.int16
    assert corrupt(clean, kind, 0, CLIP) is clean
    assert before == (
        clean.frames.tobytes(),
        clean.audio.tobytes(),
        clean.annotations["phonemes"].tobytes(),
    )


@pytest.mark.parametrize("n", [-4, 3])
def test_delay_moves_audio_and_phonemes_only(clean: Source, n: int) -> None:
    late = corrupt(clean, "delay", n, CLIP)
    assert np.array_equal(late.frames, clean.frames) and truth_equal(late, clean)
    k = n * 640
    if n > 0:
        assert not late.audio[:k].any() and np.array_equal(late.audio[k:], clean.audio[:-k])
    else:
        assert not late.audio[k:].any() and np.array_equal(late.audio[:k], clean.audio[-k:])
    moved = late.annotations["phonemes"][:, :2] - clean.annotations["phonemes"][:, :2]
    np.testing.assert_allclose(moved, n * 0.04, atol=1e-12)


def test_delay_beyond_the_clip_is_silence(clean: Source) -> None:
    assert not corrupt(clean, "delay", 1000, CLIP).audio.any()
    assert not corrupt(clean, "delay", -1000, CLIP).audio.any()


def test_blur_is_given_at_128_px(clean: Source) -> None:
    def sharpness(source: Source) -> float:
        return float(np.abs(np.diff(source.frames.astype(float), axis=2)).mean())

    values = [sharpness(corrupt(clean, "blur", a, CLIP)) for a in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True) and values[-1] < 0.7 * values[0]
    large = corrupt(make(CLIP, 128), "blur", 4, CLIP).frames
    averaged = large.reshape(len(large), 64, 2, 64, 2, 3).mean(axis=(2, 4))
    assert np.abs(averaged - corrupt(clean, "blur", 4, CLIP).frames).mean() < 1.5


def test_freeze_repeats_the_last_frame_and_its_truth(clean: Source) -> None:
    n = len(clean.frames)
    frozen = corrupt(clean, "freeze", 0.5, CLIP)
    kept = n - round(0.5 * n)
    assert np.array_equal(frozen.frames[:kept], clean.frames[:kept])
    assert (frozen.frames[kept:] == clean.frames[kept - 1]).all()
    assert (
        frozen.annotations["landmarks"][kept:] == clean.annotations["landmarks"][kept - 1]
    ).all()
    assert np.array_equal(frozen.audio, clean.audio)
    assert (corrupt(clean, "freeze", 1.0, CLIP).frames == clean.frames[0]).all()


def test_drop_holds_predecessors(clean: Source) -> None:
    n = len(clean.frames)
    dropped = corrupt(clean, "drop", 0.4, CLIP)
    held = (dropped.frames[1:] == dropped.frames[:-1]).all(axis=(1, 2, 3))
    assert held.sum() == round(0.4 * (n - 1))
    assert np.array_equal(dropped.frames[1:][~held], clean.frames[1:][~held])
    assert (corrupt(clean, "drop", 1.0, CLIP).frames == clean.frames[0]).all()
    other = corrupt(clean, "drop", 0.4, "another clip")
    assert not np.array_equal(other.frames, dropped.frames)


def test_brightness_drifts_evenly(clean: Source) -> None:
    gained = corrupt(clean, "brightness", 20, CLIP).frames.astype(int) - clean.frames
    assert not gained[0].any()
    unclipped = clean.frames[-1] < 235
    assert (gained[-1][unclipped] == 20).all()
    means = gained.mean(axis=(1, 2, 3))
    assert (np.diff(means) > -0.01).all() and means[-1] > 15
    assert corrupt(clean, "brightness", -20, CLIP).frames.mean() < clean.frames.mean()


def test_noise_has_its_sigma_and_is_fresh_in_every_frame(clean: Source) -> None:
    grain = corrupt(clean, "noise", 6, CLIP).frames.astype(float) - clean.frames
    middle = (clean.frames > 30) & (clean.frames < 225)
    assert abs(grain[middle].std() - 6) < 0.2 and abs(grain[middle].mean()) < 0.1
    assert abs(np.corrcoef(grain[0].ravel(), grain[1].ravel())[0, 1]) < 0.05


def test_the_dataset_corrupts_after_its_cache(
    puppet: Callable[..., Dataset], clips: dict[str, Clip], clean: Source
) -> None:
    for kind, amount in (("delay", 2.0), ("noise", 5.0), ("freeze", 0.3)):
        loaded = puppet(corruption=kind, amount=amount).load(clips[CLIP], 64)
        wanted = corrupt(clean, kind, amount, CLIP)
        assert np.array_equal(loaded.frames, wanted.frames) and np.array_equal(
            loaded.audio, wanted.audio
        )
    plain = puppet().load(clips[CLIP], 64)
    assert np.array_equal(plain.frames, clean.frames) and np.array_equal(plain.audio, clean.audio)
