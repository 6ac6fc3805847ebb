"""The training of puppet-v1: what is compared, what is damaged, and that it is repeatable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from thbench_speech.mfcc import mfcc
from thbench_syncnet.augment import augmented, louder
from thbench_syncnet.distance import window_count
from thbench_syncnet.features import sound_windows
from thbench_syncnet.puppet import PuppetNet, five_in_a_row
from thbench_syncnet.train_puppet import Example, Recipe, batch, contrastive, delayed, train

TINY = Recipe(clips_per_step=3, windows_per_clip=8, steps=3)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    rng = np.random.default_rng(0)
    made = []
    for _ in range(4):
        mouths = rng.integers(0, 256, (20, 48, 48, 3), dtype=np.uint8)
        audio = rng.integers(-999, 999, 20 * 640, dtype=np.int16)
        made.append(Example(mouths, mfcc(audio), window_count(20, len(audio))))
    return made


def test_loss_is_small_only_where_each_window_is_nearest_its_own_sound() -> None:
    recipe = Recipe(clips_per_step=2, windows_per_clip=4)
    right = torch.eye(8)
    assert contrastive(right, right, recipe) < 0.01
    assert contrastive(right, right.roll(1, 0), recipe) > 3
    # Sounds of the other clip are no rivals: what only tells the clips apart is worth nothing.
    clips = torch.eye(2).repeat_interleave(4, 0)
    assert contrastive(clips, clips, recipe).item() == pytest.approx(np.log(4))


def test_batch_holds_the_frames_and_columns_of_the_same_moments(examples: list[Example]) -> None:
    lips, sounds = batch(examples, TINY, np.random.default_rng(2))
    assert lips.shape == (3 * 12, 3, 48, 48)
    assert sounds.shape == (3 * 8, 1, 13, 20)
    every = [sound_windows_of(e) for e in examples]
    first = sounds[0, 0, 1:]  # the energy row is made louder
    starts = [i for windows in every for i, w in enumerate(windows) if torch.equal(w[1:], first)]
    assert len(starts) == 1


def sound_windows_of(example: Example) -> torch.Tensor:
    return torch.from_numpy(example.columns).unfold(0, 20, 4).float()


def test_windows_used_in_training_are_those_used_in_scoring(examples: list[Example]) -> None:
    audio = np.random.default_rng(7).integers(-999, 999, 20 * 640, dtype=np.int16)
    scored = sound_windows(audio, 15)[:, 0]
    trained = torch.from_numpy(mfcc(audio)).unfold(0, 20, 4)[:15]
    assert torch.equal(scored, trained)
    seen = torch.arange(20.0)[:, None].expand(20, 64)
    assert five_in_a_row(seen)[3, :, 0].tolist() == [3, 4, 5, 6, 7]


def test_training_is_repeatable(examples: list[Example]) -> None:
    first, second = train(examples, TINY).state_dict(), train(examples, TINY).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    untouched = PuppetNet().state_dict()
    assert not torch.equal(first["mean"], untouched["mean"])


def test_damage_is_seeded_and_keeps_shape_and_range() -> None:
    frames = np.full((6, 48, 48, 3), 128, np.uint8)
    frames[:, 20:30, 15:33] = 40
    made = [augmented(frames, np.random.default_rng(seed)) for seed in range(30)]
    for one in made:
        assert one.shape == frames.shape
        assert one.dtype == np.uint8
    assert np.array_equal(made[4], augmented(frames, np.random.default_rng(4)))
    assert len({one.tobytes() for one in made}) == 30
    np.testing.assert_array_equal(frames[0, 0, 0], [128, 128, 128])


def test_loudness_is_known_to_the_energy_only() -> None:
    columns = np.random.default_rng(0).normal(0, 1, (30, 13))
    changed = louder(columns, np.random.default_rng(1))
    np.testing.assert_array_equal(changed[:, 1:], columns[:, 1:])
    assert np.ptp(changed[:, 0] - columns[:, 0]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n", [-3, 0, 3])
def test_delay_moves_sound_later_at_the_same_length(n: int) -> None:
    audio = np.arange(1, 10 * 640 + 1, dtype=np.int16)
    moved = delayed(audio, n)
    assert moved.shape == audio.shape
    assert moved[5 * 640] == audio[(5 - n) * 640]
