"""What checkpoints draw of validation clips, for eyes: samples.png at the end, progress.png on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from thbench.api import Clip, Dataset, Failure, Frames, Generated, Generator, Request, Source
from thbench.charts.grid import GridRow, draw_grid, write_png
from thbench.environment import Settings, apply_threads
from thbench.plugins.context import build
from thbench.plugins.discovery import Registry
from thbench.suite import Part, Suite, System
from thbench.suite.seeds import request_seed
from thbench.training.progress import Progress

SAMPLES = "samples.png"
CLIPS = 2
CELL = 128


def write_samples(
    folder: Path, checkpoint: Path, suite: Suite, system: System, part: Part, registry: Registry,
    settings: Settings, dataset: Dataset, clips: Sequence[Clip], frames: int,
) -> None:  # fmt: skip
    """The first `frames` frames of the first validation clips, ground truth above what is generated."""
    generator = _generator(checkpoint, part, registry, settings)
    sources = {c.id: dataset.load(c, system.resolution) for c in clips[:CLIPS]}
    requests = [_request(suite, system, clip, source, frames) for clip, source in sources.items()]
    answers = {a.clip_id: a for a in generator.generate(requests)}
    rows = []
    for request in requests:
        truth = list(sources[request.clip_id].frames[: request.n_frames])
        rows.append(GridRow(request.clip_id, "ground truth", truth))
        rows.append(GridRow("", "generated", _cells(answers.get(request.clip_id), len(truth))))
    size = system.resolution * max(1, -(-CELL // system.resolution))
    write_png(folder / SAMPLES, draw_grid([f"frame {i}" for i in range(frames)], rows, size))


def progress_of(
    folder: Path, suite: Suite, system: System, part: Part, registry: Registry, settings: Settings,
    dataset: Dataset, clip: Clip, frames: int,
) -> Progress:  # fmt: skip
    """Pictures of the first `frames` frames of one clip, at steps of a training."""
    source = dataset.load(clip, system.resolution)
    request = _request(suite, system, clip.id, source, frames)

    def draw(checkpoint: Path) -> list[Frames | str]:
        generator = _generator(checkpoint, part, registry, settings)
        answer = next(iter(generator.generate([request])), None)
        return _cells(answer, request.n_frames)

    return Progress(folder, list(source.frames[: request.n_frames]), draw)


def _generator(checkpoint: Path, part: Part, registry: Registry, settings: Settings) -> Generator:
    options = replace(part.options, checkpoint=checkpoint)
    generator: Generator = build(part.registered, options, registry, settings)
    apply_threads(settings.threads)  # building may have imported a library that threads
    return generator


def _request(suite: Suite, system: System, clip: str, source: Source, frames: int) -> Request:
    oracle = {k: v for k, v in source.annotations.items() if k in system.oracle}
    n = min(frames, len(source.frames))
    seed = request_seed(suite.seed, clip)
    return Request(clip, source.frames[0], source.audio, n, system.resolution, seed, oracle=oracle)


def _cells(answer: Generated | Failure | None, n: int) -> list[Frames | str]:
    if isinstance(answer, Generated) and answer.frames is not None:
        return list[Any](answer.frames)
    return [answer.reason if isinstance(answer, Failure) else "no frames"] * n
