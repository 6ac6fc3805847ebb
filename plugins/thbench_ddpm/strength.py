"""Relative strength of the audio and the landmark signal (figure 10): videos from one signal alone.

    python -m thbench_ddpm.strength SUITE SYSTEM --clips 4 --frames 5,20 -o strength.png

The same clips, noise and identity frames four times: with both signals, audio alone, landmarks alone,
neither. A signal's strength is how far its video is from the one that had neither: the mean of
|one - neither| over pixels and frames, in grey levels of 0..255. Validation clips only; the true landmarks
are given, as in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from thbench.api import Failure, Frames, Generated, Request, Source, UserError, shown
from thbench.training.examples import HeldOut, held_out
from thbench_ddpm.generator import DdpmGenerator
from thbench_ddpm.options import Options

SIGNALS: Mapping[str, Mapping[str, object]] = {
    "both": {"landmark_source": "oracle"},
    "audio alone": {"landmark_source": "none"},
    "landmarks alone": {"landmark_source": "oracle", "silence_audio": True},
    "neither": {"landmark_source": "none", "silence_audio": True},
}
LABEL = 110
"""Pixels left of a row for its name."""


@dataclass(frozen=True)
class Strength:
    """Means over pixels, frames and clips, in grey levels: the pixels themselves, their distance from those
    drawn without any signal, and between consecutive frames."""

    magnitude: float
    effect: float
    motion: float


def videos(options: Options, held: HeldOut) -> dict[str, list[Frames]]:
    """The videos of every clip by signals given. Raises UserError where the model has no landmarks or a
    clip fails."""
    requests = [_request(*clip, held.size) for clip in held.sources()]
    found: dict[str, list[Frames]] = {}
    for name, changes in SIGNALS.items():
        generator = DdpmGenerator(replace(options, **changes), held.context)  # type: ignore[arg-type]
        drawn = shown(name, generator.generate(requests), len(requests))
        answers = {answer.clip_id: answer for answer in drawn}
        found[name] = [_frames(answers[r.clip_id]) for r in requests]
    return found


def _request(clip: str, seed: int, source: Source, size: int) -> Request:
    oracle = {k: v for k, v in source.annotations.items() if k == "landmarks"}
    n = len(source.frames)
    return Request(clip, source.frames[0], source.audio, n, size, seed, oracle=oracle)


def _frames(answer: Generated | Failure) -> Frames:
    if isinstance(answer, Failure):
        raise UserError(f"clip {answer.clip_id} failed: {answer.reason}", "fix it, or take others")
    assert answer.frames is not None  # the generator gives frames, never files
    return answer.frames


def strengths(found: Mapping[str, Sequence[Frames]]) -> dict[str, Strength]:
    """Of every row of SIGNALS; clips count by their frames."""
    return {name: _strength(drawn, found["neither"]) for name, drawn in found.items()}


def _strength(drawn: Sequence[Frames], silent: Sequence[Frames]) -> Strength:
    here = [v.astype(np.float64) for v in drawn]
    return Strength(
        float(np.concatenate(here).mean()),
        float(np.concatenate([np.abs(a - b) for a, b in zip(here, silent, strict=True)]).mean()),
        float(np.concatenate([np.abs(np.diff(v, axis=0)) for v in here]).mean()),
    )


def sheet(found: Mapping[str, Sequence[Frames]], frames: Sequence[int]) -> NDArray[np.uint8]:
    """One row per signals, one column per frame of every clip (the last where a clip is shorter), BGR."""
    rows = []
    for name, drawn in found.items():
        cells = [v[min(f, len(v) - 1)] for v in drawn for f in frames]
        row = np.concatenate(cells, axis=1)[..., ::-1]
        label = np.full((row.shape[0], LABEL, 3), 255, np.uint8)
        at = (4, row.shape[0] // 2)
        cv2.putText(label, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
        rows.append(np.concatenate((label, row), axis=1))
    return np.concatenate(rows)


@click.command()
@click.argument("suite")
@click.argument("system")
@click.option("--set", "overrides", multiple=True, help="KEY.PATH=VALUE, as of `thbench run`.")
@click.option("--clips", type=click.IntRange(1), default=2, show_default=True)
@click.option("--frames", default="5,20", show_default=True, help="Shown in the picture.")
@click.option("--device", default="cpu", show_default=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="PNG to write.")
def main(
    suite: str, system: str, overrides: tuple[str, ...], clips: int, frames: str, device: str,
    out: Path | None,
) -> None:  # fmt: skip
    """Strength of the audio and the landmark signal of SYSTEM of SUITE, as a table and a picture."""
    try:
        shown = [int(f) for f in frames.split(",")]
    except ValueError:
        raise click.BadParameter(f"'{frames}' is no list of frame numbers") from None
    try:
        held = held_out(suite, system, "ddpm", overrides, clips, device)
        found = videos(held.options, held)
    except UserError as error:
        raise click.UsageError(str(error)) from None
    measured = strengths(found)
    click.echo(f"{'signals':<16} {'mean pixel':>10} {'effect':>8} {'motion':>8}")
    for name, value in measured.items():
        click.echo(f"{name:<16} {value.magnitude:10.3f} {value.effect:8.3f} {value.motion:8.3f}")
    if out is not None:
        cv2.imwrite(str(out), sheet(found, shown))
        click.echo(out)


if __name__ == "__main__":
    main()
