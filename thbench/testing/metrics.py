"""What every metric must hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, get_args

import numpy as np

from thbench.api import Better, ClipFailure, Observation, Observed, Pair, Score
from thbench.errors import in_one_line
from thbench.score.observe import observe_once
from thbench.score.reduce import ObservedSets
from thbench.testing.checks import Checks, disturb_global_randomness, fail, require
from thbench.testing.digests import named_digest, observation, observations
from thbench.video import MemoryVideo

NOT_OPTIMAL = 1e-3
"""A perfect video may be this part of a bad one's distance away from the best value."""
_REACTIONS = re.compile(r"\+|-|=[+-]?\d+(\.\d+)?")


class MetricChecks(Checks):
    """The contract of api.Metric."""

    work = "observations"
    gates = (*Checks.gates, "check_observations")

    @cached_property
    def _pairs(self) -> list[Pair]:
        return self.material.pairs()

    @cached_property
    def _seen(self) -> list[str]:
        disturb_global_randomness(1)
        return observations(self.built, self._pairs)

    def material_for_worker(self) -> list[Pair]:
        return self._pairs

    def expected_of_worker(self) -> list[str]:
        return self._seen

    def check_scores(self) -> None:
        """every score says what it means"""
        scores: Mapping[str, Score] = self.built.scores
        require(bool(scores), "it has no scores")
        for name, score in scores.items():
            require(score.better in get_args(Better), f"{name}: better is {score.better!r}")
            require(score.range[0] < score.range[1], f"{name}: range is {score.range}")
            for corruption, sign in score.reacts_to.items():
                known = bool(_REACTIONS.fullmatch(sign))
                require(known, f"{name}: reacts_to {corruption} is {sign!r}, not +, - or =n")

    def check_observations(self) -> None:
        """observations are finite numbers and plain arrays, and not every clip is refused"""
        reasons = []
        for pair in self._pairs:
            try:
                require_observation(self.built.observe(pair))
            except ClipFailure as failure:
                reasons.append(f"{pair.clip.id}: {failure.reason}")
        other = f"at {self.material.size} px; --size and --on choose other clips"
        require(len(reasons) < len(self._pairs), f"refused {'; '.join(reasons)} ({other})")

    def check_pure(self) -> None:
        """the same pair gives the same bytes, also from a fresh instance, and is left as it was"""
        pairs = self.material.pairs()
        before = [_bytes_of(pair) for pair in pairs]
        disturb_global_randomness(2)
        require(observations(self.built, pairs) == self._seen, "seen again it differs")
        disturb_global_randomness(3)
        fresh = observations(self.subject.build(), pairs)
        require(fresh == self._seen, "a fresh instance differs")
        require([_bytes_of(p) for p in pairs] == before, "it writes into the pair's arrays")

    def check_order(self) -> None:
        """neither order nor neighbours change a clip's observation"""
        turned = observations(self.built, self._pairs[::-1])[::-1]
        require(turned == self._seen, "in reverse order it differs")
        alone = [observation(self.subject.build(), pair) for pair in self._pairs]
        require(alone == self._seen, "each clip alone differs")

    def check_reduce(self) -> None:
        """reduce gives every score, finite and in its range, the same each time"""
        bad = corrupted(self._pairs)
        for what, pairs in (("perfect", self._pairs), ("noisy", bad)):
            values = self._reduced(pairs)
            if values is None:
                continue
            require(values.keys() == self.built.scores.keys(), f"it names {', '.join(values)}")
            for name, value in values.items():
                low, high = self.built.scores[name].range
                # A perfect video may be infinitely good (PSNR), a noisy one is a plain number.
                finite = math.isfinite(value) or (pairs is not bad and not math.isnan(value))
                require(finite, f"{name} of {what} videos is {value}")
                require(low <= value <= high, f"{name} is {value}, its range is {low}..{high}")
            require(self._reduced(pairs) == values, "reduce gives another value the second time")

    def check_optimum(self) -> None:
        """a perfect video scores the end of the range, where the metric looks at the reference"""
        best, bad = self._reduced(self._pairs), self._reduced(corrupted(self._pairs))
        if best is None or bad is None:
            return
        for name, score in self.built.scores.items():
            end = score.range[0 if score.better == "lower" else 1]
            if score.better == "nearer-reference" or not math.isfinite(end):
                continue
            if self._needs_reference(name, best[name]):
                allowed = NOT_OPTIMAL * abs(bad[name] - end) + 1e-6
                off = abs(best[name] - end)
                require(off <= allowed, f"{name} of perfect videos is {best[name]}, best is {end}")

    def check_degenerate(self) -> None:
        """one frame, a still picture, silence, no audio track: observed or refused with a reason"""
        for name, pair in degenerate(self._pairs[0]).items():
            try:
                seen = self.built.observe(pair)
            except ClipFailure as failure:
                require(bool(failure.reason), f"{name}: refused without a reason")
                continue
            except Exception as error:
                fail(f"{name}: it raised {in_one_line(error)}; raise ClipFailure(reason)")
            require_observation(seen, finite=False)

    def check_nothing(self) -> None:
        """a set without clips has no value"""
        try:
            values = self.built.reduce(ObservedSets([], []))
        except ClipFailure:
            return
        bad = [name for name, value in values.items() if math.isfinite(value)]
        require(not bad, f"the mean of nothing is a number: {', '.join(bad)}")

    def _reduced(
        self, pairs: Sequence[Pair], references: Sequence[Pair] | None = None
    ) -> dict[str, float] | None:
        """Values of a set, or None where two clips have none (FID of few features, say)."""
        truth = [replace(p, generated=p.reference) for p in references or pairs]
        try:
            sets = ObservedSets(self._observed(pairs), self._observed(truth))
            return {k: float(v) for k, v in self.built.reduce(sets).items()}
        except ClipFailure as failure:
            require(bool(failure.reason), "a ClipFailure without a reason")
            return None

    def _observed(self, pairs: Sequence[Pair]) -> list[Observed]:
        """What the harness would hand to `reduce`: refused clips and values without end are left out."""
        found = []
        for pair in pairs:
            entry = observe_once(self.built, pair)
            if isinstance(entry, str):
                fail(entry)
            if entry.reason is None:
                found.append(Observed(pair.clip, entry.rows, entry.arrays))
        if not found:
            raise ClipFailure("no clip was scored")
        return found

    def _needs_reference(self, name: str, value: float) -> bool:
        """Whether other references change the value of the same videos."""
        videos = [p.generated for p in self._pairs]
        others = [
            replace(p, generated=v)
            for p, v in zip(corrupted(self._pairs, True), videos, strict=True)
        ]
        values = self._reduced(others)
        return values is not None and values[name] != value


def require_observation(seen: Any, finite: bool = True) -> None:
    """Rows are finite floats, arrays are numeric. A harness turns a value that is not finite into a reason."""
    require(isinstance(seen, Observation), f"observe gave a {type(seen).__name__}")
    require(bool(seen.rows or seen.arrays), "an observation of nothing")
    for name, value in seen.rows.items():
        require(not finite or math.isfinite(float(value)), f"row {name} is {value}")
    for name, array in seen.arrays.items():
        require(np.asarray(array).dtype != object, f"array {name} holds Python objects")


def corrupted(pairs: Sequence[Pair], reference: bool = False) -> list[Pair]:
    """Noise over picture and sound of the generated videos, or of the references and their landmarks."""
    return [_noisy(pair, i, reference) for i, pair in enumerate(pairs)]


def _noisy(pair: Pair, seed: int, reference: bool) -> Pair:
    rng = np.random.default_rng(seed)
    source = pair.reference if reference else pair.generated
    frames = np.clip(source.frames + rng.normal(0, 40, source.frames.shape), 0, 255)
    audio = None
    if source.audio is not None:
        audio = rng.integers(-8000, 8000, len(source.audio)).astype(np.int16)
    moved = {
        name: (array + rng.normal(0, 3, array.shape)).astype(array.dtype)
        for name, array in source.annotations.items()
    }
    video = MemoryVideo(frames.astype(np.uint8), audio, moved)
    return replace(pair, reference=video) if reference else replace(pair, generated=video)


def degenerate(pair: Pair) -> dict[str, Pair]:
    """Videos that real systems deliver and metrics trip over."""
    frames, audio = pair.generated.frames, pair.generated.audio
    still = np.repeat(frames[:1], len(frames), axis=0)
    silent = None if audio is None else np.zeros_like(audio)
    one: Any = pair.reference
    return {
        "one frame": Pair(
            pair.clip, MemoryVideo(frames[:1], None if audio is None else audio[:640]), one.cut(1)
        ),
        "a still picture": replace(pair, generated=MemoryVideo(still, audio)),
        "black": replace(pair, generated=MemoryVideo(np.zeros_like(frames), audio)),
        "silence": replace(pair, generated=MemoryVideo(frames, silent)),
        "no audio track": replace(pair, generated=MemoryVideo(frames, None)),
    }


def _bytes_of(pair: Pair) -> str:
    arrays: dict[str, Any] = {}
    for side, video in (("g", pair.generated), ("r", pair.reference)):
        arrays[f"{side} frames"] = video.frames
        if video.audio is not None:
            arrays[f"{side} audio"] = video.audio
        arrays.update({f"{side} {name}": array for name, array in video.annotations.items()})
    return named_digest(arrays)
