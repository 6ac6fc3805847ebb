"""A dataset that can be damaged on request, and a metric that may say of itself what is not true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from thbench.api import (
    SAMPLES_PER_FRAME,
    Clip,
    ClipFailure,
    Observation,
    Observations,
    Pair,
    Plugin,
    Score,
    Source,
    UserError,
    hookimpl,
    mean_of_rows,
)


@dataclass(frozen=True)
class DatasetOptions:
    damage: Annotated[Literal["none", "dim", "late"], "what is done to every clip"] = "none"
    strength: Annotated[float, "grey levels lost, or frames the sound is late"] = 0.0
    unreadable: Annotated[float | None, "clips cannot be loaded at this strength"] = None


class Corruptible:
    """Four grey clips with a click in the third frame."""

    version = "1"

    def __init__(self, options: DatasetOptions) -> None:
        self.options = options

    def missing(self) -> Sequence[object]:
        return []

    def clips(self) -> Sequence[Clip]:
        return [Clip(f"{a}_{s}", str(a), {"sentence": s}) for a in (1, 2) for s in "AB"]

    def load(self, clip: Clip, size: int) -> Source:
        options = self.options
        if options.unreadable is not None and options.strength == options.unreadable:
            raise ClipFailure("the toy is too weak")
        if clip.id == "1_A" and options.damage == "dim" and options.strength == 13:
            raise ClipFailure("one toy is too weak")
        dim = options.strength if options.damage == "dim" else 0.0
        late = options.strength if options.damage == "late" else 0.0
        level = 100 + 10 * int(clip.actor) + (clip.labels["sentence"] == "A") - dim
        audio = np.zeros(12 * SAMPLES_PER_FRAME, dtype=np.int16)
        audio[round((5 + late) * SAMPLES_PER_FRAME)] = 20_000
        return Source(np.full((12, size, size, 3), round(level), dtype=np.uint8), audio)


Claim = Literal["honest", "liar", "deaf", "raises", "nothing", "nan", "typo", "lacking", "unbuilt"]


@dataclass(frozen=True)
class ClaimOptions:
    claim: Annotated[Claim, "how well it knows itself"] = "honest"


_HONEST = {
    "grey": Score("nearer-reference", "grey levels", (0, 255), {"dim": "-"}, ("late",)),
    "click": Score("lower", "frames", (0, 12), {"late": "=1"}, ("dim",)),
    "loss": Score("lower", "grey levels", (0, 255), {"dim": "+"}, ("late",), set_level=True),
}
_LIES = {
    "grey": Score("lower", reacts_to={"dim": "+", "late": "-"}),
    "click": Score("lower", reacts_to={"late": "=-1"}, ignores=("late", "dim")),
    "loss": Score("lower", ignores=("dim",)),
}
_QUIET = {name: Score("lower") for name in _HONEST}
_TYPO = {**_HONEST, "click": Score("lower", reacts_to={"layt": "=1"})}


class Claims:
    """Mean grey level, when the click comes, and grey levels lost against the reference."""

    def __init__(self, options: ClaimOptions) -> None:
        self.claim = options.claim
        if self.claim == "unbuilt":
            raise RuntimeError("no such network")
        known: Mapping[str, Mapping[str, Score]] = {"liar": _LIES, "deaf": _QUIET, "typo": _TYPO}
        self.scores: Mapping[str, Score] = known.get(self.claim, _HONEST)

    def observe(self, pair: Pair) -> Observation:
        if self.claim == "raises":
            raise RuntimeError("toy fault")
        if self.claim == "lacking":
            raise UserError("the toy's lens is absent", "thbench weights import lens FILE")
        assert not pair.generated.annotations
        assert pair.generated.audio is not None
        click = float(np.argmax(pair.generated.audio)) / SAMPLES_PER_FRAME
        return Observation({"grey": float(pair.generated.frames.mean()), "click": click})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        if self.claim == "nothing":
            return {}
        grey = mean_of_rows(observed.generated, "grey")
        kept = {o.clip.id for o in observed.generated}
        clean = [o.rows["grey"] for o in observed.reference if o.clip.id in kept]
        return {
            "grey": float("nan") if self.claim == "nan" else grey,
            "click": mean_of_rows(observed.generated, "click"),
            "loss": float(np.mean(clean)) - grey,
        }


@hookimpl
def thbench_datasets() -> list[Plugin]:
    return [Plugin("toy-corruptible", DatasetOptions, lambda o, c: Corruptible(o))]


@hookimpl
def thbench_metrics() -> list[Plugin]:
    lies = ("liar", "deaf", "raises", "nothing", "nan", "typo", "lacking", "unbuilt")
    return [
        Plugin(
            "toy-claims",
            ClaimOptions,
            lambda o, c: Claims(o),
            variants={name: {"claim": name} for name in lies},
        ),
        Plugin(
            "toy-weighty",
            ClaimOptions,
            lambda o, c: Claims(o),
            weights=lambda o: ("syncnet",),
        ),
    ]
