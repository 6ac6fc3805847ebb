"""`thbench selftest --reference`: do the official weights, read by this code, give the published numbers?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from thbench.api import ClipFailure, Context, PublishedValue, UserError, WeightsFile
from thbench.plugins import weights

__all__ = ["Outcome", "as_text", "check", "sample_folder"]

Verdict: TypeAlias = Literal["ok", "DIFFERS", "missing", "FAILED"]


@dataclass(frozen=True)
class Outcome:
    """One published number: what was printed, what came out, or what is missing and how to get it."""

    name: str
    source: str
    verdict: Verdict
    printed: float | None = None
    measured: float | None = None
    about: str = ""


def sample_folder(given: Path | None) -> Path:
    """Where published samples are looked for: the folder given, else `samples` beside the weights."""
    return given if given is not None else weights.store() / "samples"


def check(
    values: Iterable[PublishedValue],
    known: Mapping[str, WeightsFile],
    samples: Path,
    context: Context,
) -> Iterator[Outcome]:
    """Compute every published value whose weights and samples are here, in the order given."""
    for value in values:
        absent = [*_lacking_weights(value, known), *_lacking_samples(value, samples)]
        if absent:
            yield Outcome(value.name, value.source, "missing", about="; ".join(absent))
        else:
            yield from _measured(value, known, samples, context)


def _lacking_weights(value: PublishedValue, known: Mapping[str, WeightsFile]) -> Iterator[str]:
    for name in value.weights:
        if missing := weights.missing(name, known):
            yield f"{missing.what}: `{missing.command}`"


def _lacking_samples(value: PublishedValue, samples: Path) -> Iterator[str]:
    for file, origin in value.samples.items():
        if not (samples / file).exists():
            yield f"{samples / file}: {origin}"


def _measured(
    value: PublishedValue, known: Mapping[str, WeightsFile], samples: Path, context: Context
) -> Iterator[Outcome]:
    files = {name: weights.path(name, known) for name in value.weights}
    try:
        found = value.measure(files, samples, context)
    except (UserError, ClipFailure) as error:
        yield Outcome(value.name, value.source, "FAILED", about=str(error))
        return
    for name, printed in value.printed.items():
        measured = found.get(name, math.nan)
        near = abs(measured - printed) <= value.tolerance.get(name, 0.0)
        yield Outcome(
            f"{value.name}: {name}", value.source, "ok" if near else "DIFFERS", printed, measured
        )


def as_text(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """One line per number: printed and measured side by side, or what is missing."""
    for found in outcomes:
        if found.printed is None or found.measured is None:
            yield f"{found.verdict:<8} {found.name}: {found.about}"
        else:
            both = f"printed {found.printed:.9g}, measured {found.measured:.9g}"
            yield f"{found.verdict:<8} {found.name}: {both} ({found.source})"
