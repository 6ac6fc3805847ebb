"""Trains `puppet-v1` on the puppets' training actors.

python -m thbench_syncnet.train_puppet OUT.safetensors --split benchmarks/splits/puppet_v1.yaml

Contrastive (van den Oord et al. 2018, InfoNCE): each lip window has to find its audio window among
those of the same clip, and the reverse. Negatives come from the same clip only, so that who speaks
is of no use. Seeded; the same machine and threads give the same file.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from thbench.api import SAMPLES_PER_FRAME, Clip, Context, Dataset, Frames, Waveform
from thbench_puppet import thbench_datasets
from thbench_speech.mfcc import mfcc
from thbench_syncnet.augment import augmented, louder
from thbench_syncnet.distance import synchrony, window_count
from thbench_syncnet.features import MFCC_PER_FRAME
from thbench_syncnet.networks import LIP_FRAMES, MFCC_COLUMNS
from thbench_syncnet.puppet import SEEN, PuppetNet, five_in_a_row, mouth_region, puppet_features


@dataclass(frozen=True)
class Recipe:
    """What was done to make `puppet-v1`."""

    clips_per_actor: int = 8
    clips_per_step: int = 10
    windows_per_clip: int = 36
    steps: int = 600
    learning_rate: float = 2e-3
    temperature: float = 0.07
    size: int = 128
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Example:
    """[T, 48, 48, 3] mouth regions and [columns, 13] MFCC of one clip."""

    mouths: Frames
    columns: NDArray[np.float64]
    windows: int


def puppets(cache: Path) -> Dataset:
    """The puppet dataset outside a run."""
    context = SimpleNamespace(
        cache=cache, threads=1, batch=32, device="cpu", offline=True,
        source=lambda *modules: "0" * 64,  # the cache is this training's own, of one code
    )  # fmt: skip
    (plugin,) = thbench_datasets()
    return plugin.build(plugin.options(), cast(Context, context))


def chosen(dataset: Dataset, actors: Sequence[str], per_actor: int, seed: int) -> list[Clip]:
    """So many clips of each actor, drawn without replacement."""
    rng = np.random.default_rng(seed)
    clips: list[Clip] = []
    for actor in actors:
        own = [clip for clip in dataset.clips() if clip.actor == actor]
        clips += [own[i] for i in sorted(rng.permutation(len(own))[:per_actor])]
    return clips


def example(dataset: Dataset, clip: Clip, size: int) -> Example:
    source = dataset.load(clip, size)
    windows = window_count(len(source.frames), len(source.audio))
    return Example(mouth_region(source.frames), mfcc(source.audio), windows)


def batch(
    examples: Sequence[Example], recipe: Recipe, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """[clips * (windows + 4), 3, 48, 48] uint8 and [clips * windows, 1, 13, 20] float32, damaged."""
    lips, sounds = [], []
    for i in rng.choice(len(examples), recipe.clips_per_step, replace=False):
        one, windows = examples[int(i)], recipe.windows_per_clip
        start = int(rng.integers(0, one.windows - windows + 1))
        lips.append(augmented(one.mouths[start : start + windows + LIP_FRAMES - 1], rng))
        sounds.append(_sounds_at(louder(one.columns, rng), start + np.arange(windows)))
    return (
        torch.from_numpy(np.concatenate(lips)).permute(0, 3, 1, 2),
        torch.from_numpy(np.concatenate(sounds).astype(np.float32))[:, None],
    )


def _sounds_at(columns: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    index = starts[:, None] * MFCC_PER_FRAME + np.arange(MFCC_COLUMNS)
    return np.asarray(columns[index].transpose(0, 2, 1))


def contrastive(lip: Tensor, sound: Tensor, recipe: Recipe) -> Tensor:
    """InfoNCE both ways within each clip of [clips * windows, D] unit vectors."""
    shape = (recipe.clips_per_step, recipe.windows_per_clip, -1)
    near = lip.view(shape) @ sound.view(shape).transpose(1, 2) / recipe.temperature
    right = torch.arange(recipe.windows_per_clip).expand(recipe.clips_per_step, -1)
    loss = nn.functional.cross_entropy
    return (loss(near, right) + loss(near.transpose(1, 2), right)) / 2


def train(examples: Sequence[Example], recipe: Recipe) -> PuppetNet:
    """The trained network in evaluation mode."""
    torch.manual_seed(recipe.seed)
    network = PuppetNet()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _centre(network, examples)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=1e-2)
    course = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, recipe.steps, pct_start=0.1
    )
    usable = [e for e in examples if e.windows >= recipe.windows_per_clip]
    bar = tqdm(_batches(usable, recipe), total=recipe.steps, mininterval=5)
    for lips, sounds in bar:
        seen = network.see(lips).view(recipe.clips_per_step, -1, SEEN)
        lip = network.lip(five_in_a_row(seen).flatten(0, 1))
        loss = contrastive(lip, network.sound(sounds), recipe)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        course.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")
    return network.eval().requires_grad_(False)


def _batches(examples: Sequence[Example], recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(recipe.seed)
    for _ in range(recipe.steps):
        yield batch(examples, recipe, rng)


def _centre(network: PuppetNet, examples: Sequence[Example]) -> None:
    columns = np.concatenate([e.columns for e in examples])
    network.mean.copy_(torch.from_numpy(columns.mean(axis=0))[:, None])
    network.scale.copy_(torch.from_numpy(1 / columns.std(axis=0))[:, None])


def delayed(audio: Waveform, frames: int) -> Waveform:
    """The sound `frames` later (earlier where negative), silence filling in, at its old length."""
    shift = frames * SAMPLES_PER_FRAME
    padded = np.pad(audio, (max(0, shift), max(0, -shift)))
    return padded[max(0, -shift) :][: len(audio)]


def agreement(
    dataset: Dataset, clips: Sequence[Clip], network: PuppetNet, size: int
) -> dict[str, float]:
    """How the offset follows planted delays of -10..10 frames.

    Shares of (clip, delay) pairs whose offset moved by exactly -delay, of clips with offset 0, and
    the mean confidence with their own sound and with that of the next clip.
    """
    moved: list[bool] = []
    plain: list[int] = []
    own: list[float] = []
    other: list[float] = []
    sources = [dataset.load(clip, size) for clip in clips]
    for source, next_ in zip(sources, [*sources[1:], sources[0]], strict=True):

        def hear(audio: Waveform, frames: Frames = source.frames) -> Any:
            return synchrony(*puppet_features(frames, audio, network, 64), edge="valid")

        base = hear(source.audio)
        plain.append(base.offset)
        own.append(base.confidence)
        other.append(hear(np.resize(next_.audio, len(source.audio))).confidence)
        moved += [hear(delayed(source.audio, n)).offset == base.offset - n for n in range(-10, 11)]
    return {
        "moved by exactly -n": float(np.mean(moved)),
        "offset 0": float(np.mean(np.array(plain) == 0)),
        "confidence, own sound": float(np.mean(own)),
        "confidence, another's": float(np.mean(other)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--split", type=Path, required=True, help="YAML with `train` and `validation`"
    )
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = Recipe(steps=arguments.steps)
    split = yaml.safe_load(arguments.split.read_text())
    with tempfile.TemporaryDirectory() as cache:
        dataset = puppets(Path(cache))
        names = [str(name) for name in split["train"]]
        clips = chosen(dataset, names, recipe.clips_per_actor, recipe.seed)
        examples = [example(dataset, clip, recipe.size) for clip in tqdm(clips, desc="render")]
        network = train(examples, recipe)
        held_out = chosen(dataset, [str(name) for name in split["validation"]], 2, recipe.seed)
        print(agreement(dataset, held_out, network, recipe.size))
    save_file(
        {name: value.contiguous() for name, value in network.state_dict().items()}, arguments.out
    )


if __name__ == "__main__":
    main()
