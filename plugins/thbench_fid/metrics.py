"""The metrics `fid`, `kid` and `precision_recall`: features per clip, one value per set.

`SetMetric` and `Frechet` serve features of anything: `thbench_fvd` has one vector per window of video.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from thbench.api import ClipFailure, Extractor, Observation, Observations, Observed, Pair, Score
from thbench_fid import frames, frechet, kid, moments, neighbours

__all__ = ["Fid", "Frechet", "Kid", "PrecisionRecall", "SetMetric", "small_n"]

IGNORES = ("delay",)  # frames are pooled: what happens in time or in the sound cannot be seen
REACTS = {"blur": "+", "noise": "+", "brightness": "+", "freeze": "+", "drop": "+"}

FEW_FRAMES = (
    "Biased upwards by few frames; below as many frames as features the covariance is singular."
)
RESIZE = (
    "The resize before the network moves it by up to 8 (docs/fid.md): it is part of the identity."
)


class SetMetric:
    """What they share: one array of features per clip, and the vectors they are pooled over.

    A vector stands for one of `unit` ("frames"); the row `NAME_UNIT` holds how many a clip has, and
    `max_frames` 0 takes all.
    """

    def __init__(
        self,
        name: str,
        extractor: Extractor,
        max_frames: int,
        values: Mapping[str, Score],
        unit: str = "frames",
    ) -> None:
        self.extractor, self.max_frames, self.unit = extractor, max_frames, unit
        self.frames_row = f"{name}_{unit}"
        self.scores: Mapping[str, Score] = values

    def observe(self, pair: Pair) -> Observation:
        found = np.asarray(self.extractor(pair.generated), dtype=np.float32)
        return Observation({self.frames_row: float(len(found))}, {frames.FEATURES: found})

    def counts(self, observed: Observations) -> Mapping[str, int]:
        """How many frames enter on the generated side: api.Counts."""
        return {self.unit: self.n_of(observed.generated)}

    def n_of(self, observed: Sequence[Observed]) -> int:
        """Frames of a set that enter."""
        total = sum(int(o.rows[self.frames_row]) for o in observed)
        return min(total, self.max_frames) if self.max_frames else total

    def features(self, observed: Sequence[Observed]) -> NDArray[np.floating]:
        """[n, d] of a set. Raises ClipFailure where it is empty."""
        found = frames.stacked(frames.frame_parts(observed, self.frames_row, self.max_frames))
        if not len(found):
            raise ClipFailure("no clip was scored")
        return found

    def parts(self, observed: Sequence[Observed]) -> Iterator[frames.FramePart]:
        return frames.frame_parts(observed, self.frames_row, self.max_frames)


class Frechet(SetMetric):
    """Fréchet distance between the pooled features of a system and of the reference: one score, `name`."""

    def __init__(
        self,
        name: str,
        score: Score,
        extractor: Extractor,
        max_frames: int = 0,
        unit: str = "frames",
    ) -> None:
        self.name = name
        super().__init__(name, extractor, max_frames, {name: score}, unit)

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        """Singular values of the features where both sets have at most d frames, else moments."""
        generated, reference = observed.generated, observed.reference
        most = max(self.n_of(generated), self.n_of(reference))
        with threadpool_limits(limits=1, user_api="blas"):
            first = next(self.parts(generated), None)
            if first is None:
                raise ClipFailure("no clip was scored")
            if most <= first.features.shape[1]:
                value = frechet.fid_from_features(
                    self.features(generated), self.features(reference)
                )
            else:
                value = frechet.fid_from_moments(
                    self.set_moments(generated), self.set_moments(reference)
                )
        return {self.name: value}

    def notes(self, observed: Observations) -> Sequence[str]:
        """What a person must know next to the value: sets with too few frames, each in one line."""
        sides = {"generated": observed.generated, "reference": observed.reference}
        marks = [
            small_n(side, self.n_of(of), part.features.shape[1], self.unit)
            for side, of in sides.items()
            for part in itertools.islice(self.parts(of), 1)
        ]
        return [mark for mark in marks if mark]

    def set_moments(self, observed: Sequence[Observed]) -> moments.Moments:
        """Moments of the set, summed clip by clip in the order given."""
        return moments.summed(self.parts(observed))

    def actor_moments(self, observed: Sequence[Observed]) -> dict[str, moments.Moments]:
        """Actor -> moments, of the same frames that `reduce` sees; for intervals clustered by actor."""
        return moments.actor_moments(self.parts(observed))

    def without_actors(self, observed: Observations) -> Mapping[str, Mapping[str, float]] | None:
        """From moments per actor; None where `reduce` would choose other frames or another way."""
        if self.max_frames or not self._has_enough(observed.generated):
            return None
        with threadpool_limits(limits=1, user_api="blas"):
            ours, theirs = (
                self.actor_moments(observed.generated),
                self.actor_moments(observed.reference),
            )
            whole, reference = moments.pooled(ours), moments.pooled(theirs)
            if ours.keys() != theirs.keys():
                return None
            return {
                actor: {
                    self.name: frechet.fid_from_moments(
                        whole - ours[actor], reference - theirs[actor]
                    )
                }
                for actor in sorted(ours)
            }

    def _has_enough(self, observed: Sequence[Observed]) -> bool:
        """Whether more vectors than features stay without any one actor; no array is read for it."""
        by_actor: Counter[str] = Counter()
        for o in observed:
            by_actor[o.clip.actor] += int(o.rows[self.frames_row])
        first = next(self.parts(observed), None)
        left = by_actor.total() - max(by_actor.values(), default=0)
        return first is not None and left > first.features.shape[1]


class Fid(Frechet):
    """Fréchet distance between the pooled frames of a system and of the reference."""

    def __init__(self, extractor: Extractor, max_frames: int) -> None:
        score = Score(
            better="lower",
            range=(0.0, float("inf")),
            reacts_to=REACTS,
            ignores=IGNORES,
            set_level=True,
            description="Fréchet distance between Gaussians fitted to the features of all frames",
            source="Heusel et al. 2017, eq. 6",
            formula="|m₁ − m₂|² + tr(S₁ + S₂ − 2 (S₁ S₂)^½); m, S: mean and covariance of the features of "
            "all frames, 1 generated, 2 reference",
            biases=FEW_FRAMES
            + " "
            + RESIZE
            + " Frames of one clip are alike: the number of actors and "
            "clips limits it more than that of frames. Order in time does not enter.",
        )
        super().__init__("fid", score, extractor, max_frames)


class Kid(SetMetric):
    """Kernel distance between the frames of a system and of the reference."""

    def __init__(self, extractor: Extractor, max_frames: int) -> None:
        score = Score(
            better="lower",
            reacts_to=REACTS,
            ignores=IGNORES,
            set_level=True,
            description="unbiased squared MMD, cubic kernel, mean over 100 subsets of 1,000 frames",
            source="Binkowski et al. 2018",
            formula="mean over 100 subsets of m = 1,000 frames of Σ_{i≠j} [k(xᵢ, xⱼ) + k(yᵢ, yⱼ)] / (m (m − 1)) "
            "− 2 Σ_{i,j} k(xᵢ, yⱼ) / m²; k(a, b) = (a·b / d + 1)³, x generated, y reference features of length d",
            biases="Unbiased in the number of frames, so it can be negative. "
            + RESIZE
            + " Order in time does "
            "not enter.",
        )
        super().__init__("kid", extractor, max_frames, {"kid": score})

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        with threadpool_limits(limits=1, user_api="blas"):
            x, y = self.features(observed.generated), self.features(observed.reference)
            return {"kid": kid.kid(x, y)}


class PrecisionRecall(SetMetric):
    """Improved precision and recall, k = 3."""

    def __init__(self, extractor: Extractor, max_frames: int) -> None:
        values = {
            "precision": share(
                "share of generated frames inside the reference's manifold",
                {"blur": "-", "noise": "-", "brightness": "-"},
            ),
            "recall": share(
                "share of reference frames inside the generated manifold",
                {"blur": "-", "brightness": "-", "freeze": "-", "drop": "-"},
            ),
        }
        super().__init__("precision_recall", extractor, max_frames, values)

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        with threadpool_limits(limits=1, user_api="blas"):
            x, y = self.features(observed.generated), self.features(observed.reference)
            precision, recall = neighbours.precision_recall(x, y)
        return {"precision": precision, "recall": recall}


def share(description: str, reacts_to: Mapping[str, str]) -> Score:
    return Score(
        better="higher",
        range=(0.0, 1.0),
        reacts_to=reacts_to,
        ignores=IGNORES,
        set_level=True,
        description=description,
        source="Kynkäänniemi et al. 2019, eq. 1 and 2, k = 3",
        formula="share of the frames of one set that lie in the other's manifold: within the distance of "
        "some frame to its 3rd nearest neighbour in its own set; precision asks generated frames, recall "
        "reference frames",
        biases="A set of outliers has large neighbourhoods and makes the other's share grow. Few frames make "
        "both fall. " + RESIZE,
    )


def small_n(side: str, n: int, features: int, unit: str = "frames") -> str | None:
    """The mark for a set with too few frames, None where there are enough.

    With n <= features the covariance is singular: the value is defined, biased upwards, and
    comparable only at equal n.
    """
    if n > features:
        return None
    return f"small n: {n} {side} {unit} for {features} features, compare only at equal n"
