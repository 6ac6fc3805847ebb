"""The metric `syncnet`: offset, confidence and distance of picture and sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from thbench.api import (
    SAMPLES_PER_FRAME,
    Aggregation,
    ClipFailure,
    Context,
    Observation,
    Observations,
    Observed,
    Pair,
    Score,
    UserError,
    Video,
    mean_of_rows,
)
from thbench_syncnet.distance import synchrony
from thbench_syncnet.options import Options, feature_options, published_form

SIGN = (
    "Positive: the audio leads, the video lags; delaying the audio by n frames gives -n. "
    "One frame is 40 ms."
)
SOURCE = "Chung & Zisserman, Out of time: automated lip sync in the wild, 2016"
LSE_SOURCE = "Prajwal et al., A lip sync expert is all you need, 2020"
FRAME = "frames of 40 ms"


class SyncNetMetric:
    """Scores the sound of the generated file against its own picture; the reference's likewise."""

    def __init__(self, options: Options, context: Context) -> None:
        if options.weights == "puppet-v1" and options.edge == "pad":
            raise UserError(
                "puppet-v1 gives unit vectors: zero padding would be nearer than any wrong sound",
                "add `edge: valid`, or use the variant syncnet@puppet-v1",
            )
        self._options = options
        self._features = context.extractor("syncnet_features", **feature_options(options))
        self.scores: Mapping[str, Score] = scores_of(options)

    def observe(self, pair: Pair) -> Observation:
        """Rows offset, confidence, lse_d, n_windows, frames_without_audio; arrays mean_distances
        [2 vshift + 1], their offsets (entry k: vshift - k) and window_confidence [W] (NaN: not heard).

        Audio shorter than the video: the common span is scored, as the reference does, and
        frames_without_audio counts the rest.
        """
        lip, sound = self._features(pair.generated)
        options = self._options
        found = synchrony(
            lip, sound, vshift=options.vshift, edge=options.edge, min_windows=options.min_windows
        )
        return Observation(
            rows={
                "offset": float(found.offset),
                "confidence": found.confidence,
                "lse_d": found.distance,
                "n_windows": float(len(lip)),
                "frames_without_audio": float(frames_without_audio(pair.generated)),
            },
            arrays={
                "mean_distances": found.means,
                "mean_distances.offset": np.arange(options.vshift, -options.vshift - 1, -1),
                "window_confidence": found.per_window,
            },
        )

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        clips = observed.generated
        return {
            **offset_statistics(clips),
            "av_confidence": mean_of_rows(clips, "confidence"),
            "lse_d": mean_of_rows(clips, "lse_d"),
        }


def offset_statistics(clips: Sequence[Observed], row: str = "offset") -> dict[str, float]:
    """Signed means cancel, so the median, the mean |offset| and the share within +-1 stand beside.

    Raises ClipFailure where no clip was scored.
    """
    offsets = np.array([clip.rows[row] for clip in clips], dtype=np.float64)
    if not offsets.size:
        raise ClipFailure("no clip was scored")
    return {
        "av_offset": float(offsets.mean()),
        "av_offset_median": float(np.median(offsets)),
        "av_offset_abs": float(np.abs(offsets).mean()),
        "av_offset_within_1": float((np.abs(offsets) <= 1).mean()),
    }


def frames_without_audio(video: Video) -> int:
    """Frames at the end of the video that no whole 40 ms of sound belong to."""
    samples = 0 if video.audio is None else len(video.audio)
    return max(0, video.n_frames - samples // SAMPLES_PER_FRAME)


OFFSET_BIAS = (
    "Real recordings are not at 0 (the study's ground truth: 0.88): read the distance from ground truth. "
    "In a clip of unsure sync the minimum lands anywhere, often in the zero padding at the ends of the search."
)
DISTANCE_BIAS = (
    "The network was trained on faces of television: another crop, blur or resolution moves the distances. "
    "Short clips: zero padding is up to a quarter of the terms at the largest shift (`edge: valid` has none)."
)


def scores_of(options: Options) -> dict[str, Score]:
    """What each number means under these options."""
    v = float(options.vshift)
    reach = (-v, v)
    c, d = ("LSE-C", "LSE-D") if published_form(options) else _unqualified(options)
    return {
        "av_offset": Score(
            "nearer-reference", FRAME, reach, {"delay": "=-1"}, ("brightness",), source=SOURCE,
            description=f"Mean offset. {SIGN} Opposite signs cancel: read the others too.",
            formula="offset = v − argmin_k D(k), D(k) = mean_i |lip_i − audio_{i+k−v}|, k = 0..2v; mean over clips",
            biases=OFFSET_BIAS,
            over=Aggregation("offset"),
        ),
        "av_offset_median": Score(
            "nearer-reference", FRAME, reach, {"delay": "=-1"}, ("brightness",), source=SOURCE,
            description=f"Median offset. {SIGN}",
            formula="median over clips of offset = v − argmin_k D(k), as for av_offset",
            biases=OFFSET_BIAS,
            over=Aggregation("offset", "median"),
        ),
        "av_offset_abs": Score(
            "nearer-reference", FRAME, (0, v), {"delay": "+"}, source=SOURCE,
            description="Mean of |offset| over clips.",
            formula="mean over clips of |v − argmin_k D(k)|, as for av_offset",
            biases=OFFSET_BIAS,
            over=Aggregation("offset", absolute=True),
        ),
        "av_offset_within_1": Score(
            "nearer-reference", "share of clips", (0, 1), {"delay": "-"}, source=SOURCE,
            description="Share of clips whose |offset| is at most one frame.",
            formula="share of clips with |v − argmin_k D(k)| ≤ 1, as for av_offset",
            biases=OFFSET_BIAS,
            over=Aggregation("offset", absolute=True, at_most=1.0),
        ),
        "av_confidence": Score(
            "higher", "", (0, float("inf")), {"freeze": "-", "drop": "-"}, source=LSE_SOURCE,
            description=f"{c}: median minus minimum of the mean distances over {2 * options.vshift + 1} offsets.",
            formula="median_k D(k) − min_k D(k), D as for av_offset; mean over clips",
            biases=DISTANCE_BIAS,
            over=Aggregation("confidence"),
        ),
        "lse_d": Score(
            "lower", "", (0, float("inf")), {"freeze": "+", "drop": "+"}, source=LSE_SOURCE,
            description=f"{d}: minimum of the mean distances over {2 * options.vshift + 1} offsets.",
            formula="min_k D(k), D as for av_offset; mean over clips",
            biases=DISTANCE_BIAS,
        ),
    }  # fmt: skip


def _unqualified(options: Options) -> tuple[str, str]:
    seen = options.input if options.input == "whole" else f"tracked by {options.detector}"
    how = f"weights {options.weights}, input {seen}, {options.precision}, edge {options.edge}"
    return (
        f"computed like LSE-C, but not comparable with published values ({how})",
        f"computed like LSE-D, but not comparable with published values ({how})",
    )
