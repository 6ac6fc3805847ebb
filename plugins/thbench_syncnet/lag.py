"""The metric `lip_audio_lag`: an offset without SyncNet, from mouth opening and loudness.

Loud sound needs an open mouth, so the two curves correlate; the lag where they do so best is an
independent check of SyncNet's offset, in the same sign: positive means the audio leads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thbench.api import (
    Aggregation,
    ClipFailure,
    Context,
    Observation,
    Observations,
    Pair,
    Score,
    mean_of_rows,
)
from thbench_syncnet.options import ENVELOPE, LagOptions, aperture_of
from thbench_syncnet.sound import require_sound


def correlations(
    aperture: NDArray[np.floating], loudness: NDArray[np.floating], max_lag: int, min_frames: int
) -> NDArray[np.float64]:
    """Pearson correlation of the mouth with the sound of every lag.

    aperture    [T] mouth opening per frame, any unit; NaN where unknown (left out)
    loudness    [T'] per frame
    returns     [2 max_lag + 1]; entry k pairs aperture[i] with loudness[i - offset],
                offset = k - max_lag: positive where the audio leads. Frames without a partner are left out.

    Raises ClipFailure where fewer than min_frames known frames overlap, or a curve does not move.
    """
    frames = min(len(aperture), len(loudness))
    mouth, sound = np.asarray(aperture[:frames], float), np.asarray(loudness[:frames], float)
    return np.array([
        _pearson(*_overlapping(mouth, sound, offset), min_frames)
        for offset in range(-max_lag, max_lag + 1)
    ])  # fmt: skip


def _overlapping(
    mouth: NDArray[np.float64], sound: NDArray[np.float64], offset: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = max(0, len(mouth) - abs(offset))
    pair = (mouth[offset:], sound[:n]) if offset >= 0 else (mouth[:n], sound[-offset:])
    known = np.isfinite(pair[0])
    return pair[0][known], pair[1][known]


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64], min_frames: int) -> float:
    if len(x) < min_frames:
        raise ClipFailure(f"too short: {len(x)} frames overlap, needs {min_frames}")
    a, b = x - x.mean(), y - y.mean()
    if _still(a, x) or _still(b, y):
        raise ClipFailure("the mouth or the loudness does not change")
    return float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))


def _still(moves: NDArray[np.float64], curve: NDArray[np.float64]) -> bool:
    """A mouth held still moves by rounding only, and rounding correlates with anything."""
    return bool(np.abs(moves).max() <= 1e-9 * np.abs(curve).max())


def peak_of(curve: NDArray[np.float64]) -> int:
    """Offset of the highest correlation, in frames; `curve` as `correlations` gives it.

    Raises ClipFailure where that is the first or the last offset tried: the curve still rises there, so
    its peak lies outside the search or there is none.
    """
    max_lag = len(curve) // 2
    best = int(np.argmax(curve)) - max_lag
    if abs(best) == max_lag:
        raise ClipFailure(
            f"no lag: the correlation is highest at the edge of the search ({best:+d} of ±{max_lag} frames)"
        )
    return best


class LipAudioLag:
    """Lag and peak of the cross-correlation of mouth opening and loudness."""

    def __init__(self, options: LagOptions, context: Context) -> None:
        self._options = options
        self._aperture = context.extractor("mouth_aperture", **aperture_of(options))
        self._loudness = context.extractor("speech_envelope", **ENVELOPE)
        reach = (-float(options.max_lag), float(options.max_lag))
        self.scores: Mapping[str, Score] = {
            "lip_audio_lag": Score(
                "nearer-reference",
                _FRAMES,
                reach,
                {"delay": "=-1"},
                description=f"Mean lag between mouth opening and loudness. {_SIGN} One wild clip moves it: "
                "read the median and the share too.",
                formula=f"{_LAG}, mean over clips",
                biases=_BIASES,
                over=Aggregation("lag"),
            ),
            "lip_audio_lag_median": Score(
                "nearer-reference",
                _FRAMES,
                reach,
                {"delay": "=-1"},
                description=f"Median lag. {_SIGN}",
                formula=f"{_LAG}, median over clips",
                biases=_BIASES,
                over=Aggregation("lag", "median"),
            ),
            "lip_audio_lag_within_1": Score(
                "nearer-reference",
                "share of clips",
                (0, 1),
                {"delay": "-"},
                description="Share of clips, of those with a lag, whose lag is at most one frame either way.",
                formula=f"share of clips with |{_LAG}| <= 1",
                biases=_BIASES,
                over=Aggregation("lag", absolute=True, at_most=1.0),
            ),
            "lip_audio_correlation": Score(
                "nearer-reference",
                "",
                (-1, 1),
                {"freeze": "-"},
                description="Mean over clips of the correlation at that lag.",
                formula="Pearson's correlation of mouth opening and loudness at that lag, mean over clips",
                biases="The largest of several correlations, so above 0 even for unrelated signals.",
                over=Aggregation("correlation"),
            ),
        }

    def observe(self, pair: Pair) -> Observation:
        """Rows lag, correlation; arrays correlations [2 max_lag + 1] and their lags."""
        require_sound(pair.generated.audio)
        loudness = self._loudness(pair.generated)
        curve = correlations(
            self._aperture(pair.generated),
            loudness,
            self._options.max_lag,
            self._options.min_frames,
        )
        lag = peak_of(curve)
        return Observation(
            rows={"lag": float(lag), "correlation": float(curve[lag + self._options.max_lag])},
            arrays={
                "correlations": curve,
                "correlations.lag": np.arange(-self._options.max_lag, self._options.max_lag + 1),
            },
        )

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        lags = np.array([o.rows["lag"] for o in observed.generated], np.float64)
        return {
            "lip_audio_lag": mean_of_rows(observed.generated, "lag"),
            "lip_audio_lag_median": float(np.median(lags)),
            "lip_audio_lag_within_1": float((np.abs(lags) <= 1).mean()),
            "lip_audio_correlation": mean_of_rows(observed.generated, "correlation"),
        }


_FRAMES = "frames of 40 ms"
_SIGN = "In the sign of AV offset: positive where the audio leads, delaying the audio by n frames gives -n."
_LAG = "argmax over k of corr(mouth opening at t + k, loudness at t)"
_BIASES = (
    "Loudness is not speech: weak where little is said or the mouth is hardly seen. A clip whose highest "
    "correlation lies at the edge of the search has no lag and is counted as not scored (docs/faces.md)."
)
