"""Batches are a pure function of (seed, step); every clip comes once per epoch."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any, cast

import numpy as np
import pytest

from thbench.api import Clip, Source, UserError
from thbench.training.contract import Example, Trainer
from thbench.training.data import ClipStore, Sampler, ahead, stacked, validation_batches


class Cutter:
    """Only what loading asks of a trainer."""

    def prepare(self, source: Source) -> Example:
        return {"frames": source.frames}

    def cut(self, clip: Example, rng: np.random.Generator) -> Example:
        at = int(rng.integers(len(clip["frames"])))
        return {"frame": clip["frames"][at], "at": np.int64(at)}


TRAINER = cast(Trainer, Cutter())


def store(memory: int = 10**9, **options: Any) -> ClipStore:
    from thbench_toys import DatasetOptions, ToyDataset  # on the path while tests run

    dataset = ToyDataset(DatasetOptions(**options))
    return ClipStore(dataset, dataset.clips(), 16, TRAINER, memory)


def sampler(batch: int = 2, accumulate: int = 1, seed: int = 0, **options: Any) -> Sampler:
    return Sampler(store(**options), TRAINER, seed, batch, accumulate)


def test_every_clip_once_per_epoch() -> None:
    clips = store(n_actors=4)  # 12 clips
    seen: Counter[bytes] = Counter()
    draw = Sampler(clips, TRAINER, 0, 3, 2)
    for step, part in product(range(4), range(2)):  # 4 steps x 2 x 3 = 2 epochs
        for frame in draw(step, part)["frame"]:
            seen[frame[0, -1].tobytes()] += 1  # the background colour tells toys apart
    assert sorted(seen.values()) == [2] * 12
    assert draw.epoch(4) == 2.0


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    one, again, other = sampler()(7, 0), sampler()(7, 0), sampler(seed=1)(7, 0)
    assert all(np.array_equal(one[k], again[k]) for k in one)
    assert not np.array_equal(one["frame"], other["frame"])


def test_little_memory_changes_nothing() -> None:
    small, large = sampler(memory=1), sampler()
    for step in range(6):
        assert np.array_equal(small(step, 0)["frame"], large(step, 0)["frame"])
    assert len(small.store._kept) == 1
    assert len(large.store._kept) > 1


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order_however_they_are_made(workers: int) -> None:
    calls = [(step, 0) for step in range(9)]
    draw = sampler()
    found = [b["frame"] for b in ahead(draw, iter(calls), workers)]
    assert all(np.array_equal(f, draw(*c)["frame"]) for f, c in zip(found, calls, strict=True))


def test_an_error_while_loading_ahead_reaches_the_loop() -> None:
    draw = sampler(bad=("1001_AAA",), n_actors=1)
    with pytest.raises(UserError, match="training clip 1001_AAA cannot be used: the toy is broken"):
        list(ahead(draw, ((step, 0) for step in range(9)), 1))


def test_validation_cuts_are_always_the_same_and_all_there() -> None:
    clips = store(n_actors=3)
    small = list(validation_batches(clips, TRAINER, 0, 4))
    large = list(validation_batches(clips, TRAINER, 0, 100))
    assert [n for n, _ in small] == [4, 4, 1]
    parts = stacked([{"at": at} for _, b in small for at in b["at"]])
    assert np.array_equal(parts["at"], large[0][1]["at"])


def test_clip_choice_depends_on_seed_and_names_alone() -> None:
    from thbench.suite.split import Split
    from thbench.training.clips import training_clips
    from thbench.training.options import TrainingOptions

    clips = [Clip(f"{a}_{i}", a) for a in ("1", "2", "3") for i in range(5)]
    split = Split("s", "toy", "", (clips[0],), frozenset({"2"}), frozenset({"3"}), {"2_0": "bad"})
    options = TrainingOptions(clips_per_actor=2, validation_clips=1)
    training, validation = training_clips(clips, split, options)
    assert training == training_clips(clips[::-1], split, options)[0]
    assert [c.actor for c in training] == ["2", "2"]
    assert "2_0" not in {c.id for c in training_clips(clips, split, TrainingOptions())[0]}
    assert [c.actor for c in validation] == ["3"]
    leaking = Split("s", "toy", "", (clips[0],), frozenset({"1"}), frozenset(), {})
    with pytest.raises(UserError, match="training actors 1 are test actors"):
        training_clips(clips, leaking, options)
